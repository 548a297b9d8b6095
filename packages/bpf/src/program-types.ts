/**
 * Types (BTF) of a program that has functions: the kernel wants them when a function's address is taken, and shows the
 * functions' names wherever it shows programs. All functions are described as taking nothing and giving an int.
 *
 *  | header 24 | 1: int | 2: function type | 3..: function, one each | strings |
 *
 * @see Documentation/bpf/btf.rst of the kernel
 */
import { closeFd } from "@tenet/linux";
import type { Assembled } from "./assemble.ts";
import { Attributes, COMMAND, fixedMemory } from "./attributes.ts";

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const KIND = { int: 1, function: 12, functionType: 13 } as const;
const INT_SIGNED_32 = 0x0100_0020;
const FIRST_FUNCTION = 3;
/** Instruction 4, type 4. */
export const FUNCTION_INFO_BYTES = 8;

/** The types of a program, known to the kernel. */
export interface ProgramTypes {
  readonly fd: number;
  /** Which function begins where, as the load of the program takes it. */
  readonly functions: Uint8Array;
  close(): void;
}

/** Describes the functions of a program. @returns `undefined` when it has none @throws SystemCallError */
export function loadProgramTypes(name: string, { functions, labels }: Assembled): ProgramTypes | undefined {
  if (functions.size === 0) return undefined;
  const starts = [{ name, slot: 0 }, ...[...functions].map((label) => ({ name: label, slot: labels.get(label) ?? 0 }))];
  starts.sort((a, b) => a.slot - b.slot);
  const types = encodeTypes(starts.map((start) => start.name));
  const fixed = fixedMemory(types.length);
  fixed.set(types);
  const fd = new Attributes()
    .memory(0, fixed)
    .u32(16, types.length)
    .call(COMMAND.typesLoad, `describe the functions of "${name}"`);
  const infos = fixedMemory(starts.length * FUNCTION_INFO_BYTES);
  const view = new DataView(infos.buffer);
  for (const [i, { slot }] of starts.entries()) {
    view.setUint32(i * FUNCTION_INFO_BYTES, slot, true);
    view.setUint32(i * FUNCTION_INFO_BYTES + 4, FIRST_FUNCTION + i, true);
  }
  return { fd, functions: infos, close: () => closeFd(fd) };
}

function encodeTypes(names: readonly string[]): Uint8Array {
  let strings = "\0";
  const nameAt = (name: string): number => {
    const at = strings.length;
    strings += `${name.replaceAll(/^[^A-Za-z_]|[^A-Za-z0-9_]/g, "_")}\0`;
    return at;
  };
  const words = [nameAt("int"), KIND.int << 24, 4, INT_SIGNED_32, 0, KIND.functionType << 24, 1];
  for (const name of names) words.push(nameAt(name), KIND.function << 24, 2);
  const nTypeBytes = words.length * 4;
  const header = [0, HEADER_BYTES, 0, nTypeBytes, nTypeBytes, strings.length];
  const bytes = new Uint8Array(HEADER_BYTES + nTypeBytes + strings.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [...header, ...words].entries()) view.setUint32(i * 4, word, true);
  view.setUint32(0, MAGIC | (1 << 16), true);
  bytes.set(new TextEncoder().encode(strings), HEADER_BYTES + nTypeBytes);
  return bytes;
}
