/**
 * The numbers of the instruction set.
 *
 *  | opcode 8 | source 4, destination 4 | offset 16 | immediate 32 |     little-endian
 *
 * @see RFC 9669, section 3
 */
import type { AccessBytes, AluOperation, AtomicAction, Condition, Register } from "./instruction.ts";

/** Lowest three bits of an opcode. */
export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu32: 4, jump: 5, jump32: 6, alu64: 7 } as const;

/** How memory is accessed, in the highest three bits. */
export const MODE = { immediate: 0x00, memory: 0x60, atomic: 0xc0 } as const;

/** The second operand is a register. */
export const FROM_REGISTER = 0x08;

export const SIZE: Readonly<Record<AccessBytes, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

export const ALU: Readonly<Record<AluOperation, number>> = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
};

export const NEGATE = 0x80;
export const BYTE_ORDER = 0xd0;

export const JUMP = { always: 0x00, call: 0x80, exit: 0x90 } as const;

export const CONDITION: Readonly<Record<Condition, number>> = {
  "==": 0x10,
  ">": 0x20,
  ">=": 0x30,
  "&": 0x40,
  "!=": 0x50,
  "s>": 0x60,
  "s>=": 0x70,
  "<": 0xa0,
  "<=": 0xb0,
  "s<": 0xc0,
  "s<=": 0xd0,
};

export const ATOMIC: Readonly<Record<AtomicAction, number>> = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  xchg: 0xe0,
  cmpxchg: 0xf0,
};

/** In the immediate of an atomic operation: give the old value. */
export const FETCH = 1;

/** What a 64-bit immediate is, in its source register. */
export const PSEUDO = { constant: 0, map: 1, mapValue: 2, subprogram: 4 } as const;

/** What is called, in the source register of a call. */
export const CALLEE = { helper: 0, local: 1, kernel: 2 } as const;

/** Bytes of an instruction; a 64-bit immediate has two. */
export const SLOT_BYTES = 8;

const REGISTERS: readonly Register[] = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10"];

const NUMBER_OF_REGISTER = new Map<Register, number>(REGISTERS.map((name, i) => [name, i]));

/** The number of a register. */
export function registerNumber(register: Register): number {
  return NUMBER_OF_REGISTER.get(register) ?? 0;
}
