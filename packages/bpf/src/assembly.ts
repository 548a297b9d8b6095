/** Functions that write instructions down: `asm.mov("r1", 5)`. Each gives data; nothing is encoded before `assemble`. */
import { HELPERS, type HelperName } from "./helpers.ts";
import type {
  AccessBytes,
  AluOperation,
  AtomicAction,
  Condition,
  Instruction,
  MapReference,
  Operand,
  Register,
} from "./instruction.ts";

type Alu = (to: Register, from: Operand) => Instruction;

function alu(operation: AluOperation, width: 32 | 64): Alu {
  return (to, from) => ({ kind: "alu", operation, width, to, from });
}

export const mov: Alu = alu("mov", 64);
export const add: Alu = alu("add", 64);
export const sub: Alu = alu("sub", 64);
export const mul: Alu = alu("mul", 64);
export const div: Alu = alu("div", 64);
export const mod: Alu = alu("mod", 64);
export const or: Alu = alu("or", 64);
export const and: Alu = alu("and", 64);
export const xor: Alu = alu("xor", 64);
export const lsh: Alu = alu("lsh", 64);
export const rsh: Alu = alu("rsh", 64);
export const arsh: Alu = alu("arsh", 64);
export const mov32: Alu = alu("mov", 32);
export const add32: Alu = alu("add", 32);
export const sub32: Alu = alu("sub", 32);
export const mul32: Alu = alu("mul", 32);
export const div32: Alu = alu("div", 32);
export const mod32: Alu = alu("mod", 32);
export const or32: Alu = alu("or", 32);
export const and32: Alu = alu("and", 32);
export const xor32: Alu = alu("xor", 32);
export const lsh32: Alu = alu("lsh", 32);
export const rsh32: Alu = alu("rsh", 32);
export const arsh32: Alu = alu("arsh", 32);

/** `to = -to`. */
export function negate(to: Register): Instruction {
  return { kind: "negate", width: 64, to };
}

/** Between the machine's and the network's order of bytes, either way; clears what is above `bits`. */
export function toBigEndian(bits: 16 | 32 | 64, to: Register): Instruction {
  return { kind: "byte-order", order: "be", bits, to };
}

/** `to = *(base + at)`, the upper bits cleared. */
export function load(bytes: AccessBytes, to: Register, base: Register, at = 0): Instruction {
  return { kind: "load", bytes, to, base, at };
}

/** `*(base + at) = from`. */
export function store(bytes: AccessBytes, base: Register, at: number, from: Operand): Instruction {
  return { kind: "store", bytes, base, at, from };
}

/** `*(base + at) OP= from` in one step; with `isFetched`, `from` gets what was there. */
export function atomic(
  action: AtomicAction,
  bytes: 4 | 8,
  base: Register,
  at: number,
  from: Register,
  isFetched = false,
): Instruction {
  return { kind: "atomic", action, bytes, base, at, from, isFetched: isFetched || action === "xchg" || action === "cmpxchg" };
}

/** A constant of 64 bits, from two halves. */
export function constant(to: Register, high: number, low: number): Instruction {
  return { kind: "constant", to, high: high >>> 0, low: low >>> 0 };
}

/** The address of a map, for helpers. */
export function mapAddress(to: Register, map: MapReference): Instruction {
  return { kind: "map", to, map };
}

/** The address of the byte `at` in the value of an array map that has just one. */
export function mapValue(to: Register, map: MapReference, at = 0): Instruction {
  return { kind: "map-value", to, map, at };
}

/** The address of a function of this program, for `loop` and `for_each_map_elem`. */
export function subprogram(to: Register, name: string): Instruction {
  return { kind: "subprogram", to, label: name };
}

/** Goes to a label. */
export function jump(to: string): Instruction {
  return { kind: "jump", label: to };
}

/** Goes to a label when `left CONDITION right`. */
export function branch(left: Register, condition: Condition, right: Operand, to: string): Instruction {
  return { kind: "branch", condition, width: 64, left, right, label: to };
}

/** Goes to a label when the lower halves compare so. */
export function branch32(left: Register, condition: Condition, right: Operand, to: string): Instruction {
  return { kind: "branch", condition, width: 32, left, right, label: to };
}

/** Calls a helper: arguments in `r1` to `r5`, which are lost; result in `r0`. */
export function call(helper: HelperName): Instruction {
  return { kind: "helper", id: HELPERS[helper] };
}

/** Calls a function of the kernel by its BTF id, see `KernelTypes`. */
export function callKernel(id: number): Instruction {
  return { kind: "kernel-function", id };
}

/** Calls a function of this program; it has a frame of its own. */
export function callLocal(name: string): Instruction {
  return { kind: "call", label: name };
}

/** Returns `r0`. */
export function exit(): Instruction {
  return { kind: "exit" };
}

/** Names this place. */
export function label(name: string): Instruction {
  return { kind: "label", name };
}
