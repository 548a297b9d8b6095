/** The text of a uuid, made in one piece: one that was joined of pieces keeps these until somebody compares it. */

const LENGTH = 36;
const DASH = 0x2d;

/** The uuid of 32 hex digits. */
export function uuidOfHex(hex: string, from: number = 0): string {
  const text = Buffer.allocUnsafe(LENGTH);
  let next = from;
  for (let at = 0; at < LENGTH; at++) {
    text[at] = at === 8 || at === 13 || at === 18 || at === 23 ? DASH : hex.charCodeAt(next++);
  }
  return text.toString("latin1");
}
