/** Suggests the name that a person probably meant. */

/**
 * The candidate nearest to `name` by edit distance, if it is near enough to be a likely typing mistake.
 *
 * @returns at most one candidate; `undefined` when nothing is within a third of the name's length (at least 1)
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const furthest = Math.max(1, Math.floor(name.length / 3));
  const distance = new EditDistance(wanted, furthest);
  let best: string | undefined;
  let limit = furthest;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    const found = distance.to(candidate.toLowerCase(), limit);
    if (found > limit) continue;
    best = candidate;
    limit = found - 1;
    if (limit < 0) break;
  }
  return best;
}

/** A hint such as `did you mean "hosts"?`, or the list of candidates when none is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const all = [...candidates];
  const nearest = nearestName(name, all);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  return all.length === 0 ? "nothing is known by that kind" : `known: ${all.slice(0, 12).join(", ")}`;
}

/**
 * Counts letters left out, put in, replaced, or swapped with their neighbour (optimal string alignment).
 *
 * Only the cells near the diagonal of the table can hold small numbers, so no others are filled, and a comparison ends at the first line
 * that holds none: among thousands of names hardly one is read to its end.
 */
class EditDistance {
  readonly #name: string;
  /** The table's last three lines. */
  #before: Uint16Array;
  #line: Uint16Array;
  #next: Uint16Array;

  /** @param furthest - of all limits that will be asked for */
  constructor(name: string, furthest: number) {
    this.#name = name;
    const width = name.length + furthest + 2;
    [this.#before, this.#line, this.#next] = [new Uint16Array(width), new Uint16Array(width), new Uint16Array(width)];
  }

  /** The distance to a text whose length differs by at most `limit`, or `limit + 1` if it is greater than that. */
  to(text: string, limit: number): number {
    const name = this.#name;
    const tooFar = limit + 1;
    let [before, line, next] = [this.#before, this.#line, this.#next];
    for (let j = 0; j <= Math.min(text.length, limit); j++) line[j] = j;
    line[limit + 1] = tooFar;
    for (let i = 1; i <= name.length; i++) {
      const first = Math.max(1, i - limit);
      const last = Math.min(text.length, i + limit);
      next[first - 1] = first === 1 ? Math.min(i, tooFar) : tooFar;
      let least = next[first - 1] as number;
      const letter = name.charCodeAt(i - 1);
      for (let j = first; j <= last; j++) {
        const other = text.charCodeAt(j - 1);
        let n = (line[j - 1] as number) + (letter === other ? 0 : 1);
        const isSwap = i > 1 && j > 1 && letter === text.charCodeAt(j - 2) && name.charCodeAt(i - 2) === other;
        if (isSwap && (before[j - 2] as number) + 1 < n) n = (before[j - 2] as number) + 1;
        if ((line[j] as number) + 1 < n) n = (line[j] as number) + 1;
        if ((next[j - 1] as number) + 1 < n) n = (next[j - 1] as number) + 1;
        next[j] = n;
        if (n < least) least = n;
      }
      if (least > limit) return tooFar;
      next[last + 1] = tooFar;
      [before, line, next] = [line, next, before];
    }
    return Math.min(line[text.length] as number, tooFar);
  }
}
