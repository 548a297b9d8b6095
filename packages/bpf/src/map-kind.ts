/** The kinds of maps, with their numbers. */
export const MAP_KINDS = {
  hash: 1,
  array: 2,
  "program-array": 3,
  "per-cpu-hash": 5,
  "per-cpu-array": 6,
  "lru-hash": 9,
  "lru-per-cpu-hash": 10,
  "prefix-trie": 11,
  "array-of-maps": 12,
  "ring-buffer": 27,
} as const;

/** What a map is. */
export type MapKind = keyof typeof MAP_KINDS;

const KIND_OF_NUMBER = new Map<number, MapKind>((Object.keys(MAP_KINDS) as MapKind[]).map((kind) => [MAP_KINDS[kind], kind]));

/** The kind of a number of the kernel, if we know it. */
export function mapKindOf(number: number): MapKind | undefined {
  return KIND_OF_NUMBER.get(number);
}
