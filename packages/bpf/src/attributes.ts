/** `union bpf_attr`: the arguments of one call of bpf(2), filled in by offset. */
import { addressOf, callBpf, callBpfAside, errnoName, SystemCallError } from "@tenet/linux";

/** Commands of bpf(2). */
export const COMMAND = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  programLoad: 5,
  pin: 6,
  openPin: 7,
  programRun: 10,
  programQuery: 16,
  mapById: 14,
  infoByFd: 15,
  typesLoad: 18,
  mapLookupBatch: 24,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
} as const;

const NAME_OF_COMMAND = new Map<number, string>(Object.entries(COMMAND).map(([name, number]) => [number, name]));
const ATTRIBUTE_BYTES = 144;
const MAX_NAME_BYTES = 15;

/** Memory whose bytes never move, so that its address can be given to the kernel. */
export function fixedMemory(nBytes: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(nBytes));
}

/** The arguments of a call. They can be changed and used again. */
export class Attributes {
  readonly #bytes = fixedMemory(ATTRIBUTE_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  /** What the kernel is given the address of must live as long as the address. */
  readonly #kept = new Map<number, Uint8Array>();

  /** Sets a 32-bit field. */
  u32(at: number, value: number): this {
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** Reads a 32-bit field that the kernel has written. */
  read(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Sets a 64-bit field to where memory is; `undefined` stands for nowhere. */
  memory(at: number, memory: Uint8Array | undefined): this {
    if (memory === undefined) this.#kept.delete(at);
    else this.#kept.set(at, memory);
    const address = memory === undefined ? 0 : addressOf(memory);
    return this.u32(at, address % 2 ** 32).u32(at + 4, Math.floor(address / 2 ** 32));
  }

  /** Sets a 64-bit field to where a text is, which gets its zero at the end. */
  text(at: number, text: string): this {
    const bytes = new TextEncoder().encode(`${text}\0`);
    const fixed = fixedMemory(bytes.length);
    fixed.set(bytes);
    return this.memory(at, fixed);
  }

  /** Sets the name of an object: its first 15 letters, digits and underscores. */
  name(at: number, name: string): this {
    const allowed = name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, MAX_NAME_BYTES);
    this.#bytes.set(new TextEncoder().encode(allowed), at);
    return this;
  }

  /** Calls. @returns what the kernel returns, or minus the errno */
  try(command: number): number {
    return callBpf(command, this.#bytes);
  }

  /** Calls on another thread; nothing may be changed until then. @returns what the kernel returns, or -1 */
  tryAside(command: number): Promise<number> {
    return callBpfAside(command, this.#bytes);
  }

  /**
   * Calls.
   *
   * @param action - what is being done, for the message
   * @throws SystemCallError
   */
  call(command: number, action: string): number {
    const result = this.try(command);
    if (result < 0) throw callError(action, command, -result);
    return result;
  }
}

/** The error of a failed call. */
export function callError(action: string, command: number, errno: number): SystemCallError {
  return new SystemCallError(action, `bpf ${NAME_OF_COMMAND.get(command) ?? command}`, errnoName(errno));
}
