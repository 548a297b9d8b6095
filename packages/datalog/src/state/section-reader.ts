/** Reads a file of arrays: see `sections.ts`. */
import { endianness } from "node:os";
import { crc32 } from "node:zlib";
import { type Directory, ELEMENT_BYTES, type Form, MAGIC, StateFileError, TRAILER_BYTES } from "./sections.ts";
import { type MappedState, openState, type StateBytes, TAKEN } from "./state-bytes.ts";

const DELETE = "delete the file; the state can be computed anew from the inputs";

/** Gives arrays by name. They belong to who asks, and are what was written: a sum tells. */
export class SectionReader<Header> {
  readonly #bytes: StateBytes;
  readonly #directory: Directory<Header>;

  /** @throws StateFileError if there is no such file, or it is not whole; as every method does if an array is not as it was written */
  constructor(state: string | MappedState) {
    this.#bytes = openState(state);
    try {
      this.#directory = this.#readDirectory();
    } catch (error) {
      this.#bytes.close(false);
      throw error;
    }
  }

  get file(): string {
    return this.#bytes.file;
  }

  get header(): Header {
    return this.#directory.header;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#directory.sections, name);
  }

  /** The array, and behind it the room that was left there. */
  ints(name: string): Int32Array {
    const { buffer, byteOffset, length } = this.#take(name, "ints");
    return new Int32Array(buffer, byteOffset, length / ELEMENT_BYTES.ints);
  }

  words(name: string): Uint16Array {
    const { buffer, byteOffset, length } = this.#take(name, "words");
    return new Uint16Array(buffer, byteOffset, length / ELEMENT_BYTES.words);
  }

  bytes(name: string): Uint8Array {
    return this.#take(name, "bytes");
  }

  /** Ends reading. */
  close(isInUse: boolean): void {
    this.#bytes.close(isInUse);
  }

  #readDirectory(): Directory<Header> {
    const { nBytes } = this.#bytes;
    const trailer = Buffer.from(this.#bytes.take(Math.max(0, nBytes - TRAILER_BYTES), TRAILER_BYTES, 0) ?? []);
    const end = trailer.toString("latin1", 16);
    if (end === TAKEN) throw this.#refused("an engine has these bytes already", "map the file, or read it, once for each engine");
    if (end.slice(0, -1) !== MAGIC.slice(0, -1)) throw this.#refused("it does not end as such files do", DELETE);
    if (end !== MAGIC) throw this.#refused("another version of the engine wrote it", DELETE);
    const directory = this.#bytes.take(Number(trailer.readBigUInt64LE(0)), trailer.readUInt32LE(8), 0);
    if (directory === undefined) throw this.#refused("its directory lies outside of it", DELETE);
    if (crc32(directory) !== trailer.readUInt32LE(12)) throw this.#refused("its directory is not as it was written", DELETE);
    const read = JSON.parse(Buffer.from(directory).toString()) as Directory<Header>;
    if (read.order !== endianness()) throw this.#refused("it was written on a machine with another order of bytes", DELETE);
    return read;
  }

  #take(name: string, form: Form): Uint8Array {
    const section = this.#directory.sections[name];
    if (section?.form !== form) throw this.#refused(`it has no "${name}"`, DELETE);
    const { at, length, nSpare, crc } = section;
    const nBytes = length * ELEMENT_BYTES[form];
    const bytes = this.#bytes.take(at, nBytes, nSpare * ELEMENT_BYTES[form]);
    if (bytes === undefined) throw this.#refused("it ends too early", DELETE);
    if (crc32(bytes.subarray(0, nBytes)) !== crc) {
      throw this.#refused(`the ${nBytes} bytes at byte ${at} are not as they were written`, DELETE);
    }
    return bytes;
  }

  #refused(problem: string, hint: string): StateFileError {
    const { file } = this.#bytes;
    return new StateFileError(`Cannot read the state in "${file}": ${problem}`, { hint, details: { file } });
  }
}
