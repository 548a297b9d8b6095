/** Where the bytes of a state come from: a file that is read piece by piece, or memory that has all of it. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { attempt } from "./sections.ts";

/** A file of an engine's state in memory: mapped there, so that nothing is read before it is looked at, or read by other means. */
export interface MappedState {
  /** The file's name, for errors. */
  readonly file: string;
  /** All of the file. The engine takes it over and writes to it: it must be private, and no other engine may start from it. */
  readonly bytes: ArrayBuffer;
}

/** A state's bytes. */
export interface StateBytes {
  readonly file: string;
  readonly nBytes: number;
  /**
   * So many bytes from `at` on in memory for an array, which begins at a multiple of 8 there and has room for `nSpare` bytes more.
   * `undefined` if the file ends before.
   */
  take(at: number, nBytes: number, nSpare: number): Uint8Array | undefined;
  /** Ends reading. @param isInUse - true if an engine has what was taken */
  close(isInUse: boolean): void;
}

/** What the end of a state in memory becomes when an engine has it. */
export const TAKEN = "in use  ";

/** Opens a state. @throws StateFileError if there is no such file */
export function openState(state: string | MappedState): StateBytes {
  return typeof state === "string" ? new FileBytes(state) : new MemoryBytes(state);
}

class FileBytes implements StateBytes {
  readonly file: string;
  readonly nBytes: number;
  readonly #fd: number;

  constructor(file: string) {
    this.file = file;
    this.#fd = attempt(`read "${file}"`, () => openSync(file, "r"));
    this.nBytes = fstatSync(this.#fd).size;
  }

  take(at: number, nBytes: number, nSpare: number): Uint8Array | undefined {
    // What a damaged file says of itself may be larger than memory.
    if (at + nBytes + nSpare > this.nBytes) return undefined;
    const bytes = new Uint8Array(nBytes + nSpare);
    for (let done = 0; done < nBytes; ) {
      const n = attempt(`read "${this.file}"`, () => readSync(this.#fd, bytes, done, nBytes - done, at + done));
      if (n === 0) return undefined;
      done += n;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

class MemoryBytes implements StateBytes {
  readonly file: string;
  readonly nBytes: number;
  readonly #bytes: ArrayBuffer;

  constructor({ file, bytes }: MappedState) {
    this.file = file;
    this.nBytes = bytes.byteLength;
    this.#bytes = bytes;
  }

  take(at: number, nBytes: number, nSpare: number): Uint8Array | undefined {
    return at + nBytes + nSpare > this.nBytes ? undefined : new Uint8Array(this.#bytes, at, nBytes + nSpare);
  }

  close(isInUse: boolean): void {
    if (isInUse) Buffer.from(this.#bytes).write(TAKEN, this.nBytes - TAKEN.length, "latin1");
  }
}
