/** Sets of bits as their names. */

/** Names by bit number; an empty one has no meaning. */
export type BitNames = readonly string[];

/** Writes the names of the bits that are set, and in hexadecimal those that have none; `nothing` when no bit is set. */
export function namesOfBits(bits: number, names: BitNames, separator = " ", nothing = "0"): string {
  const parts: string[] = [];
  let rest = bits;
  names.forEach((name, bit) => {
    const value = 2 ** bit;
    if (name === "" || Math.floor(bits / value) % 2 === 0) return;
    parts.push(name);
    rest -= value;
  });
  if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
  return parts.length === 0 ? nothing : parts.join(separator);
}
