/**
 * How far from its home an entry of a hash table with open addressing stands, told by the table alone.
 *
 * Who takes an entry out moves later ones back, as far as their homes allow. Computing these anew from the values of their rows would
 * be a cache miss each: so entries keep the last four bits of their homes.
 */

/** Slots that four bits tell apart. */
const REACH = 16;

/**
 * The distance of the entry in a slot from its home; -1 if it may be the least one that the bits allow, or 16 more.
 *
 * @param home - the last four bits of the home
 */
export function displacementOf(table: Int32Array, slot: number, home: number): number {
  const mask = table.length - 1;
  const least = (slot - home) & (REACH - 1);
  // An entry that is farther from its home has passed slots in use all the way.
  for (let i = 1; i <= REACH; i++) if (table[(slot - least - i) & mask] === 0) return least;
  return -1;
}
