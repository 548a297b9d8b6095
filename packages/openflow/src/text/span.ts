/** A piece of a source text that knows where it lies, so that every error has a position. */
import { didYouMean, positionAt, SourceError } from "@tenet/kit";

/** What an error says besides the problem. */
export interface FailOptions {
  readonly expected?: string;
  readonly hint?: string;
  /** Offset of the fault within the span. */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** Characters `at .. at+text.length-1` of a source. */
export class Span {
  readonly text: string;
  readonly at: number;
  readonly #source: string;
  readonly #file: string;

  constructor(source: string, file: string, at = 0, end: number = source.length) {
    this.#source = source;
    this.#file = file;
    this.at = at;
    this.text = source.slice(at, end);
  }

  /** The part from `start` (inclusive) to `end` (exclusive), counted within this span. */
  slice(start: number, end: number = this.text.length): Span {
    return new Span(this.#source, this.#file, this.at + start, this.at + Math.min(end, this.text.length));
  }

  /** Without white space at both ends. */
  trim(): Span {
    const start = this.text.length - this.text.trimStart().length;
    return this.slice(start, Math.max(start, this.text.trimEnd().length));
  }

  /** The parts before and after the first `separator`; the second is `undefined` when there is none. */
  cut(separator: string): [Span, Span | undefined] {
    const i = this.text.indexOf(separator);
    return i < 0 ? [this, undefined] : [this.slice(0, i), this.slice(i + separator.length)];
  }

  /** The parts between separators. */
  split(separator: string): Span[] {
    const parts: Span[] = [];
    let start = 0;
    for (let i = this.text.indexOf(separator); i >= 0; i = this.text.indexOf(separator, start)) {
      parts.push(this.slice(start, i));
      start = i + separator.length;
    }
    parts.push(this.slice(start));
    return parts;
  }

  /** An error at this span. */
  fail(problem: string, options: FailOptions = {}): SourceError {
    return new SourceError(problem, {
      code: "OPENFLOW_SYNTAX",
      at: positionAt(this.#file, this.#source, this.at + (options.offset ?? 0)),
      text: this.#source,
      ...(options.expected === undefined ? {} : { expected: options.expected }),
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
  }

  /** An error for a name that is not known. */
  failUnknown(kind: string, candidates: Iterable<string>): SourceError {
    return this.fail(`Unknown ${kind} "${this.text}"`, { hint: didYouMean(this.text, candidates) });
  }
}
