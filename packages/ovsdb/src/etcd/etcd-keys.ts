/**
 * The keys of one database under a prefix.
 *
 * | key                     | value                                                                        |
 * |-------------------------|------------------------------------------------------------------------------|
 * | `head`                  | the number of entries; each commit compares when it was put last             |
 * | `log/INDEX`             | an entry: `{"id", "payload"}`, or `{"id", "parts"}` for a large one          |
 * | `part/INDEX/ID/N`       | pieces of a large entry, compressed                                          |
 * | `snapshot`              | which snapshot there is: `{"id", "index", "parts", "cluster"}`               |
 * | `state/ID/N`            | pieces of the snapshot, compressed                                           |
 * | `turn`                  | there while one server may commit and the others wait                        |
 * | `server/ID`             | a server that has claims of locks, as long as it lives                       |
 *
 * Numbers have so many digits that keys sort as numbers do.
 */
import type { EtcdJson } from "./etcd-gateway.ts";

const DIGITS = 16;

/** A key or value on the gateway's wire. */
export function encode(text: string | Uint8Array): string {
  return Buffer.from(text as string).toString("base64");
}

/** What {@link encode} made. */
export function decode(base64: unknown): string {
  return typeof base64 === "string" ? Buffer.from(base64, "base64").toString("utf8") : "";
}

/** The keys of one database. */
export class EtcdKeys {
  readonly #base: string;
  readonly head: string;
  readonly snapshot: string;
  readonly turn: string;
  /** Where the servers that live are. */
  readonly servers: string;

  constructor(prefix: string, database: string) {
    this.#base = `${prefix}/${database}/`;
    this.head = encode(`${this.#base}head`);
    this.snapshot = encode(`${this.#base}snapshot`);
    this.turn = encode(`${this.#base}turn`);
    this.servers = `${this.#base}server/`;
  }

  entry(index: number): string {
    return encode(`${this.#base}log/${digits(index)}`);
  }

  /** The entries from one index up to, not including, another. */
  entries(from: number, to: number = Infinity): EtcdJson {
    const end = to === Infinity ? `${this.#base}log0` : `${this.#base}log/${digits(to)}`;
    return { key: this.entry(from), range_end: encode(end) };
  }

  /** The index of an entry's key; `undefined` for another key. */
  indexOf(key: unknown): number | undefined {
    const text = decode(key);
    const start = `${this.#base}log/`;
    return text.startsWith(start) ? Number(text.slice(start.length)) : undefined;
  }

  /** Where the pieces of a large entry are. */
  parts(index: number, id: string): string {
    return `${this.#base}part/${digits(index)}/${id}/`;
  }

  /** The pieces of all large entries before an index. */
  partsBefore(index: number): EtcdJson {
    return { key: encode(`${this.#base}part/`), range_end: encode(`${this.#base}part/${digits(index)}`) };
  }

  /** Where the pieces of a snapshot are. */
  state(id: string): string {
    return `${this.#base}state/${id}/`;
  }
}

/** All keys that begin with a text that ends in a slash. */
export function under(folder: string): EtcdJson {
  return { key: encode(folder), range_end: encode(`${folder.slice(0, -1)}0`) };
}

/** The key of a piece. */
export function pieceKey(folder: string, n: number): string {
  return encode(`${folder}${String(n).padStart(4, "0")}`);
}

function digits(index: number): string {
  return String(index).padStart(DIGITS, "0");
}
