/**
 * Reads a large record row by row, so that loading a snapshot takes the memory of its rows, not of its JSON as well.
 *
 * The scanner looks at each byte once, checks the outer form and notes where each row stands; a row is parsed when it is
 * visited. What it does not understand is left to the JSON parser.
 */
import { type Json, messageOf } from "@tenet/kit";
import { parseExact } from "../model/exact-json.ts";
import { NotALogError } from "./not-a-log-error.ts";

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const UUID_LENGTH = 36;
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The rows of a table in a record. */
export interface RecordRows extends Iterable<readonly [uuid: string, row: Json]> {
  readonly length: number;
}

/** A record whose rows are not parsed yet. */
export interface ScannedRecord {
  /** Members that are no tables. */
  readonly members: ReadonlyMap<string, Json>;
  readonly tables: readonly (readonly [table: string, rows: RecordRows])[];
}

/** Finds the rows in a record; `undefined` when it does not have the expected form. */
export function scanRecord(bytes: Buffer): ScannedRecord | undefined {
  try {
    return new Scanner(bytes).record();
  } catch (error) {
    if (error instanceof UnexpectedByte) return undefined;
    throw error;
  }
}

class UnexpectedByte extends Error {}

class Scanner {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  record(): ScannedRecord {
    const members = new Map<string, Json>();
    const tables: [string, RecordRows][] = [];
    this.#members((nameAt, nameEnd) => {
      const name = this.#bytes.toString("utf8", nameAt, nameEnd);
      if (name.startsWith("_") || this.#byte() !== OPEN_BRACE) members.set(name, this.#parsed());
      else tables.push([name, this.#rows()]);
    });
    return { members, tables };
  }

  #rows(): RecordRows {
    const spans: number[] = [];
    this.#members((nameAt, nameEnd) => {
      if (nameEnd - nameAt !== UUID_LENGTH) throw new UnexpectedByte();
      const start = this.#at;
      this.#skipValue();
      spans.push(nameAt, start, this.#at);
    });
    return new SpannedRows(this.#bytes, spans);
  }

  /** Visits the members of an object, with the offset at the value; the visitor moves it behind. */
  #members(visit: (nameAt: number, nameEnd: number) => void): void {
    this.#expect(OPEN_BRACE);
    if (this.#byte() === CLOSE_BRACE) return this.#expect(CLOSE_BRACE);
    for (;;) {
      if (this.#byte() !== QUOTE) throw new UnexpectedByte();
      const nameAt = this.#at + 1;
      this.#skipText();
      const nameEnd = this.#at - 1;
      this.#expect(COLON);
      this.#byte();
      visit(nameAt, nameEnd);
      if (this.#byte() !== COMMA) break;
      this.#at++;
    }
    this.#expect(CLOSE_BRACE);
  }

  #parsed(): Json {
    const start = this.#at;
    this.#skipValue();
    return parseExact(this.#bytes.toString("utf8", start, this.#at));
  }

  /** The next byte that is no space; the offset is at it then. */
  #byte(): number {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new UnexpectedByte();
      if (byte > 0x20) return byte;
      this.#at++;
    }
  }

  #expect(byte: number): void {
    if (this.#byte() !== byte) throw new UnexpectedByte();
    this.#at++;
  }

  #skipText(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    for (let byte = bytes[at]; byte !== QUOTE; byte = bytes[at]) {
      if (byte === undefined) throw new UnexpectedByte();
      at += byte === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
  }

  #skipValue(): void {
    const bytes = this.#bytes;
    let depth = 0;
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === QUOTE) {
        this.#skipText();
        this.#at--;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) return;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
    throw new UnexpectedByte();
  }
}

class SpannedRows implements RecordRows {
  readonly #bytes: Buffer;
  /** Of each row where its uuid begins, where its value begins and ends. */
  readonly #spans: readonly number[];

  constructor(bytes: Buffer, spans: readonly number[]) {
    this.#bytes = bytes;
    this.#spans = spans;
  }

  get length(): number {
    return this.#spans.length / 3;
  }

  *[Symbol.iterator](): Generator<readonly [uuid: string, row: Json]> {
    const [bytes, spans] = [this.#bytes, this.#spans];
    for (let i = 0; i + 2 < spans.length; i += 3) {
      const uuidAt = spans[i] ?? 0;
      const uuid = bytes.toString("latin1", uuidAt, uuidAt + UUID_LENGTH);
      yield [uuid, this.#row(uuid, spans[i + 1] ?? 0, spans[i + 2] ?? 0)];
    }
  }

  #row(uuid: string, start: number, end: number): Json {
    try {
      return parseExact(this.#bytes.toString("utf8", start, end));
    } catch (error) {
      throw new NotALogError(`Cannot read row "${uuid}" of a database file: ${messageOf(error)}`, { cause: error });
    }
  }
}
