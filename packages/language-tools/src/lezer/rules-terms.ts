/* oxlint-disable */
// biome-ignore-all format: made from rules.grammar by its test
/** Numbers of the words that `words.ts` finds. */
export const expectWord: number = 1;
export const notWord: number = 2;
