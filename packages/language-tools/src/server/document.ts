/** A text that an editor has open, and the two ways to say where something is in it. */
import type { Span } from "@tenet/datalog";
import type { Position, Range } from "./protocol.ts";

/** A text with its line starts. */
export class Document {
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(text: string) {
    this.text = text;
    this.#lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  }

  /** The offset of a position; beyond the end of a line or text is its end. */
  offsetAt({ line, character }: Position): number {
    const start = this.#lineStarts[line];
    if (start === undefined) return this.text.length;
    const end = this.#lineStarts[line + 1] ?? this.text.length + 1;
    return Math.min(start + character, end - 1);
  }

  positionAt(offset: number): Position {
    let line = this.#lineStarts.length - 1;
    for (let low = 0, high = line; low <= high; ) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) {
        line = middle;
        low = middle + 1;
      } else high = middle - 1;
    }
    return { line, character: offset - (this.#lineStarts[line] ?? 0) };
  }

  range({ start, end }: Span): Range {
    return { start: this.positionAt(start), end: this.positionAt(end) };
  }

  /** The text after a change. */
  changed(range: Range | undefined, text: string): Document {
    if (range === undefined) return new Document(text);
    return new Document(`${this.text.slice(0, this.offsetAt(range.start))}${text}${this.text.slice(this.offsetAt(range.end))}`);
  }
}
