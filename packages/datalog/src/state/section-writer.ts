/** Writes a file of arrays: see `sections.ts`. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { endianness } from "node:os";
import { crc32 } from "node:zlib";
import { ALIGNMENT, attempt, type Directory, ELEMENT_BYTES, type Form, MAGIC, type Section, TRAILER_BYTES } from "./sections.ts";

/** Takes arrays one after the other. */
export class SectionWriter {
  readonly #path: string;
  readonly #fd: number;
  readonly #sections: Record<string, Section> = {};
  #end = 0;

  /** @throws StateFileError if the file cannot be made, as every method does that cannot write */
  constructor(path: string) {
    this.#path = path;
    this.#fd = attempt(`write "${path}"`, () => openSync(`${path}.new`, "w", 0o600));
    this.#write(Buffer.from(MAGIC));
  }

  /** @param nSpare - elements to leave room for behind those of the array */
  ints(name: string, array: Int32Array, nSpare = 0): void {
    this.#put(name, "ints", array, nSpare);
  }

  words(name: string, array: Uint16Array, nSpare = 0): void {
    this.#put(name, "words", array, nSpare);
  }

  bytes(name: string, array: Uint8Array): void {
    this.#put(name, "bytes", array, 0);
  }

  /** Writes the directory, waits for the disk, and gives the file its name. */
  finish(header: unknown): void {
    const at = this.#end;
    const content: Directory<unknown> = { order: endianness(), header, sections: this.#sections };
    const directory = Buffer.from(JSON.stringify(content));
    const trailer = Buffer.alloc(TRAILER_BYTES);
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

  #put(name: string, form: Form, array: Int32Array | Uint16Array | Uint8Array, nSpare: number): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.#sections[name] = { form, at: this.#end, length: array.length, nSpare, crc: crc32(bytes) };
    this.#write(bytes);
    this.#end = Math.ceil((this.#end + nSpare * ELEMENT_BYTES[form]) / ALIGNMENT) * ALIGNMENT;
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += attempt(`write "${this.#path}"`, () => writeSync(this.#fd, bytes, done, bytes.length - done, this.#end + done));
    }
    this.#end += bytes.length;
  }
}
