/**
 * A file of named arrays of numbers, written once and read in any order.
 *
 * ```
 *  | "TENETST2" | arrays, one after the other | directory, JSON | place and length of the directory, CRC-32 of it | "TENETST2" |
 *     8           …                             …                 8       4                    4                    8
 * ```
 *
 * The directory tells place, form, length and CRC-32 of each array. The file gets its name when it is whole and on the disk.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { endianness } from "node:os";
import { crc32 } from "node:zlib";
import { AppError, messageOf } from "@tenet/kit";

/** A file of an engine's state cannot be written, read, or used with this program. */
export class StateFileError extends AppError {
  static override readonly code: string = "DATALOG_STATE_FILE";
}

/** The last character moves when arrays that were written before would be read as something else. */
const MAGIC = "TENETST2";
const TRAILER_BYTES = 24;
const FORMS = { ints: Int32Array, words: Uint16Array, bytes: Uint8Array } as const;

type Form = keyof typeof FORMS;

/** What the directory says of an array. */
interface Section {
  readonly form: Form;
  readonly at: number;
  readonly length: number;
  readonly crc: number;
}

interface Directory<Header> {
  readonly order: string;
  readonly header: Header;
  readonly sections: Readonly<Record<string, Section>>;
}

/** Writes a file of arrays. */
export class SectionWriter {
  readonly #path: string;
  readonly #fd: number;
  readonly #sections: Record<string, Section> = {};
  #end = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = attempt(`write "${path}"`, () => openSync(`${path}.new`, "w", 0o600));
    this.#write(Buffer.from(MAGIC));
  }

  ints(name: string, array: Int32Array): void {
    this.#put(name, "ints", array);
  }

  words(name: string, array: Uint16Array): void {
    this.#put(name, "words", array);
  }

  bytes(name: string, array: Uint8Array): void {
    this.#put(name, "bytes", array);
  }

  /** Writes the directory, waits for the disk, and gives the file its name. */
  finish(header: unknown): void {
    const at = this.#end;
    const directory = Buffer.from(JSON.stringify({ order: endianness(), header, sections: this.#sections }));
    const trailer = Buffer.alloc(TRAILER_BYTES, MAGIC);
    trailer.writeBigUInt64LE(BigInt(at), 0);
    trailer.writeUInt32LE(directory.length, 8);
    trailer.writeUInt32LE(crc32(directory), 12);
    trailer.write(MAGIC, 16, "latin1");
    this.#write(directory);
    this.#write(trailer);
    attempt(`write "${this.#path}"`, () => {
      fsyncSync(this.#fd);
      closeSync(this.#fd);
      renameSync(`${this.#path}.new`, this.#path);
    });
  }

  /** Gives up: no file is left. */
  abandon(): void {
    closeSync(this.#fd);
    rmSync(`${this.#path}.new`, { force: true });
  }

  #put(name: string, form: Form, array: Int32Array | Uint16Array | Uint8Array): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.#sections[name] = { form, at: this.#end, length: array.length, crc: crc32(bytes) };
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += attempt(`write "${this.#path}"`, () => writeSync(this.#fd, bytes, done, bytes.length - done, this.#end + done));
    }
    this.#end += bytes.length;
  }
}

/** Reads a file of arrays. */
export class SectionReader<Header> {
  readonly #path: string;
  readonly #fd: number;
  readonly #directory: Directory<Header>;

  /** @throws StateFileError if there is no such file, or it is not whole */
  constructor(path: string) {
    this.#path = path;
    this.#fd = attempt(`read "${path}"`, () => openSync(path, "r"));
    try {
      this.#directory = this.#readDirectory();
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  get header(): Header {
    return this.#directory.header;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#directory.sections, name);
  }

  ints(name: string): Int32Array {
    const section = this.#section(name, "ints");
    const array = new Int32Array(section.length);
    this.#fill(section, array);
    return array;
  }

  words(name: string): Uint16Array {
    const section = this.#section(name, "words");
    const array = new Uint16Array(section.length);
    this.#fill(section, array);
    return array;
  }

  bytes(name: string): Uint8Array {
    const section = this.#section(name, "bytes");
    const array = new Uint8Array(section.length);
    this.#fill(section, array);
    return array;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readDirectory(): Directory<Header> {
    const size = attempt(`read "${this.#path}"`, () => fstatSync(this.#fd).size);
    const trailer = Buffer.alloc(TRAILER_BYTES);
    if (size >= TRAILER_BYTES) this.#read(trailer, size - TRAILER_BYTES);
    const end = trailer.toString("latin1", 16);
    if (end.slice(0, -1) !== MAGIC.slice(0, -1)) throw this.#damaged("it does not end as such files do");
    if (end !== MAGIC) throw this.#damaged("another version of the engine wrote it");
    const directory = Buffer.alloc(trailer.readUInt32LE(8));
    const at = Number(trailer.readBigUInt64LE(0));
    if (at + directory.length > size) throw this.#damaged("its directory lies outside of it");
    this.#read(directory, at);
    if (crc32(directory) !== trailer.readUInt32LE(12)) throw this.#damaged("its directory is not as it was written");
    const read = JSON.parse(directory.toString()) as Directory<Header>;
    if (read.order !== endianness()) throw this.#damaged("it was written on a machine with another order of bytes");
    return read;
  }

  #section(name: string, form: Form): Section {
    const section = this.#directory.sections[name];
    if (section?.form !== form) throw this.#damaged(`it has no "${name}"`);
    return section;
  }

  #fill({ at, crc }: Section, array: Int32Array | Uint16Array | Uint8Array): void {
    const bytes = new Uint8Array(array.buffer);
    this.#read(bytes, at);
    if (crc32(bytes) !== crc) throw this.#damaged(`the ${bytes.length} bytes at byte ${at} are not as they were written`);
  }

  #read(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; ) {
      const n = attempt(`read "${this.#path}"`, () => readSync(this.#fd, bytes, done, bytes.length - done, at + done));
      if (n === 0) throw this.#damaged("it ends too early");
      done += n;
    }
  }

  #damaged(problem: string): StateFileError {
    return new StateFileError(`Cannot read the state in "${this.#path}": ${problem}`, {
      hint: "delete the file; the state can be computed anew from the inputs",
      details: { file: this.#path },
    });
  }
}

function attempt<R>(what: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    throw new StateFileError(`Cannot ${what}: ${messageOf(error)}`, { cause: error });
  }
}
