/** Long texts that are made beside other work. */

/** How long text is made before others have their turn. */
const SLICE_MS = 2;

/** Joins pieces for as long as a slice lasts; after each, others are to have their turn. */
export function* inSlices(pieces: Iterable<string>): Generator<string> {
  let parts: string[] = [];
  let startedAt = performance.now();
  for (const piece of pieces) {
    parts.push(piece);
    if (performance.now() - startedAt < SLICE_MS) continue;
    yield parts.join("");
    parts = [];
    startedAt = performance.now();
  }
  yield parts.join("");
}
