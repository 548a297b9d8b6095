/**
 * Instructions of the eBPF machine as data, and the functions that write them down.
 *
 * A program is a list of instructions, nested as it is convenient; places in it have names. Registers are `r0` (results)
 * to `r9`, and `r10`, the frame's end, below which lie 512 bytes. Arithmetic is done with 64 bits, or with the lower 32 bits
 * (names that end in `32`), which clears the upper ones.
 *
 * @see RFC 9669, BPF Instruction Set Architecture
 */
import type { HelperName } from "./helpers.ts";

/** A register; `r10` cannot be written. */
export type Register = "r0" | "r1" | "r2" | "r3" | "r4" | "r5" | "r6" | "r7" | "r8" | "r9" | "r10";

/** A register, or an immediate of 32 bits that is extended by its sign. */
export type Operand = Register | number;

/** Bits of an operation. */
export type Width = 32 | 64;

/** Bytes of an access to memory. */
export type AccessBytes = 1 | 2 | 4 | 8;

/** Binary arithmetic: `to = to OP from`; divisions are unsigned, `arsh` keeps the sign. */
export type AluOperation = "add" | "sub" | "mul" | "div" | "or" | "and" | "lsh" | "rsh" | "mod" | "xor" | "mov" | "arsh";

/** Comparisons, those with `s` of signed numbers; `&` holds when a bit is set in both. */
export type Condition = "==" | "!=" | ">" | ">=" | "<" | "<=" | "s>" | "s>=" | "s<" | "s<=" | "&";

/** What is done to memory in one step; `xchg` and `cmpxchg` (with `r0`) always give the old value. */
export type AtomicAction = "add" | "or" | "and" | "xor" | "xchg" | "cmpxchg";

/** A map that a program refers to. */
export interface MapReference {
  readonly name: string;
  readonly fd: number;
}

/** One instruction, or the name of the place where it stands. */
export type Instruction =
  | {
      readonly kind: "alu";
      readonly operation: AluOperation;
      readonly width: Width;
      readonly to: Register;
      readonly from: Operand;
    }
  | { readonly kind: "negate"; readonly width: Width; readonly to: Register }
  | { readonly kind: "byte-order"; readonly order: "be" | "le"; readonly bits: 16 | 32 | 64; readonly to: Register }
  | { readonly kind: "load"; readonly bytes: AccessBytes; readonly to: Register; readonly base: Register; readonly at: number }
  | { readonly kind: "store"; readonly bytes: AccessBytes; readonly base: Register; readonly at: number; readonly from: Operand }
  | {
      readonly kind: "atomic";
      readonly action: AtomicAction;
      readonly bytes: 4 | 8;
      readonly base: Register;
      readonly at: number;
      readonly from: Register;
      readonly isFetched: boolean;
    }
  | { readonly kind: "constant"; readonly to: Register; readonly high: number; readonly low: number }
  | { readonly kind: "map"; readonly to: Register; readonly map: MapReference }
  | { readonly kind: "map-value"; readonly to: Register; readonly map: MapReference; readonly at: number }
  | { readonly kind: "subprogram"; readonly to: Register; readonly label: string }
  | { readonly kind: "jump"; readonly label: string }
  | {
      readonly kind: "branch";
      readonly condition: Condition;
      readonly width: Width;
      readonly left: Register;
      readonly right: Operand;
      readonly label: string;
    }
  | { readonly kind: "helper"; readonly id: number }
  | { readonly kind: "kernel-function"; readonly id: number }
  | { readonly kind: "call"; readonly label: string }
  | { readonly kind: "exit" }
  | { readonly kind: "label"; readonly name: string };

/** Instructions in their order, nested as it is convenient. */
export type Code = Instruction | readonly Code[];

export type { HelperName };
