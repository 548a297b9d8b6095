/**
 * The numbers of the kernel's own functions that programs may call, from the types that the running kernel describes.
 *
 *  | header 24: magic 0xeb9f, version, flags, length, types at, length, strings at, length | types | strings |
 *  type: | name 4 | info 4: kind in bits 24-28, n in bits 0-15 | size or type 4 | what the kind adds |
 *
 * @see Documentation/bpf/btf.rst and kfuncs.rst of the kernel
 */
import { readFileSync } from "node:fs";
import { IoError } from "@tenet/kit";

const PATH = "/sys/kernel/btf/vmlinux";
const MAGIC = 0xeb9f;
const TYPE_BYTES = 12;
const FUNCTION = 12;
/** Bytes after a type, by kind: a fixed number, and one for each of its n parts. */
const FIXED: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const EACH: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };

/**
 * Finds functions of the kernel by name.
 *
 * @param types - what the kernel describes; by default it is read from the running one, 5 MB
 * @returns their ids for `callKernel`; names that the kernel does not have are left out
 * @throws IoError when the kernel describes no types, or not in this format
 */
export function kernelFunctionIds(names: readonly string[], types: Uint8Array = readTypes()): ReadonlyMap<string, number> {
  const view = new DataView(types.buffer, types.byteOffset, types.byteLength);
  if (types.length < 24 || view.getUint16(0, true) !== MAGIC)
    throw new IoError(`Cannot read ${PATH}: no BTF in this machine's byte order`);
  const headerBytes = view.getUint32(4, true);
  const strings = Buffer.from(types.buffer, types.byteOffset + headerBytes + view.getUint32(16, true), view.getUint32(20, true));
  const nameAt = new Map<number, string>();
  for (const name of names) {
    const at = strings.indexOf(`\0${name}\0`);
    if (at >= 0) nameAt.set(at + 1, name);
  }
  const found = new Map<string, number>();
  const start = headerBytes + view.getUint32(8, true);
  const end = start + view.getUint32(12, true);
  for (let at = start, id = 1; at + TYPE_BYTES <= end && found.size < nameAt.size; id++) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const name = kind === FUNCTION ? nameAt.get(view.getUint32(at, true)) : undefined;
    if (name !== undefined) found.set(name, id);
    at += TYPE_BYTES + (FIXED[kind] ?? 0) + (EACH[kind] ?? 0) * (info & 0xffff);
  }
  return found;
}

function readTypes(): Uint8Array {
  try {
    return readFileSync(PATH);
  } catch (cause) {
    throw new IoError(`Cannot read ${PATH}`, {
      hint: "The kernel was built without descriptions of its types (CONFIG_DEBUG_INFO_BTF)",
      cause,
    });
  }
}
