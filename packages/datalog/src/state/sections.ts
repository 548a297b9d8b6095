/**
 * A file of named arrays of numbers, written once and read in any order, or used where it lies.
 *
 * ```
 *  | "TENETST3" | arrays, each from a multiple of 8 on, with room behind it | directory, JSON | place, length and CRC-32 of the directory | "TENETST3" |
 *     8           …                                                           …                 8, 4 and 4                                 8
 * ```
 *
 * The directory tells place, form, length, room and CRC-32 of each array. Room is for elements that come later: where a file is mapped into
 * memory, an array that grows need not move. It is a hole in the file, and takes no space on the disk. The file gets its name when it is whole
 * and on the disk.
 */
import { AppError, messageOf } from "@tenet/kit";

/** A file of an engine's state cannot be written, read, or used with this program. */
export class StateFileError extends AppError {
  static override readonly code: string = "DATALOG_STATE_FILE";
}

/** The last character moves when arrays that were written before would be read as something else. */
export const MAGIC = "TENETST3";
export const TRAILER_BYTES = 24;
/** Where arrays begin is a multiple of this. */
export const ALIGNMENT = 8;
/** Bytes of an element. */
export const ELEMENT_BYTES = { ints: 4, words: 2, bytes: 1 } as const;

/** What an array holds: numbers of 32 bits with a sign, of 16, or of 8. */
export type Form = keyof typeof ELEMENT_BYTES;

/** What the directory says of an array. */
export interface Section {
  readonly form: Form;
  readonly at: number;
  readonly length: number;
  /** Elements that there is place for behind the last one. */
  readonly nSpare: number;
  readonly crc: number;
}

/** What a file holds. */
export interface Directory<Header> {
  /** The machine's order of bytes. */
  readonly order: string;
  readonly header: Header;
  readonly sections: Readonly<Record<string, Section>>;
}

/** Does what may fail with the file. */
export function attempt<R>(what: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    throw new StateFileError(`Cannot ${what}: ${messageOf(error)}`, { cause: error });
  }
}
