/** Turns instructions into the bytes that the kernel loads; labels become distances, maps become their descriptors. */
import { didYouMean } from "@tenet/kit";
import { AssemblyError } from "./assembly-error.ts";
import type { Code, Instruction, Operand, Register } from "./instruction.ts";
import {
  ALU,
  ATOMIC,
  BYTE_ORDER,
  CALLEE,
  CLASS,
  CONDITION,
  FETCH,
  FROM_REGISTER,
  JUMP,
  MODE,
  NEGATE,
  PSEUDO,
  registerNumber,
  SIZE,
  SLOT_BYTES,
} from "./opcode.ts";

/** A program in bytes. */
export interface Assembled {
  /** Eight to a slot. */
  readonly bytes: Uint8Array;
  /** The slot of each label, in their order. */
  readonly labels: ReadonlyMap<string, number>;
  /** The labels that are called, or whose address is taken. */
  readonly functions: ReadonlySet<string>;
}

const MAX_OFFSET = 0x7fff;

/**
 * Assembles a program.
 *
 * @throws AssemblyError for a label that is missing or there twice, an offset beyond 16 bits, an immediate beyond 32
 */
export function assemble(code: Code): Assembled {
  const instructions = [...flatten(code)];
  const labels = new Map<string, number>();
  let nSlots = 0;
  for (const instruction of instructions) {
    if (instruction.kind !== "label") nSlots += nSlotsOf(instruction);
    else if (labels.has(instruction.name)) throw new AssemblyError(`Cannot assemble: label "${instruction.name}" is there twice`);
    else labels.set(instruction.name, nSlots);
  }
  const encoder = new Encoder(nSlots, labels);
  for (const instruction of instructions) encoder.add(instruction);
  const functions = new Set(instructions.flatMap((it) => (it.kind === "call" || it.kind === "subprogram" ? [it.label] : [])));
  return { bytes: encoder.bytes, labels, functions };
}

function* flatten(code: Code): Generator<Instruction> {
  if ("kind" in code) yield code;
  else for (const part of code) yield* flatten(part);
}

/** How many slots an instruction takes. */
function nSlotsOf({ kind }: Instruction): number {
  if (kind === "label") return 0;
  return kind === "constant" || kind === "map" || kind === "map-value" || kind === "subprogram" ? 2 : 1;
}

class Encoder {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #labels: ReadonlyMap<string, number>;
  #slot = 0;

  constructor(nSlots: number, labels: ReadonlyMap<string, number>) {
    this.bytes = new Uint8Array(nSlots * SLOT_BYTES);
    this.#view = new DataView(this.bytes.buffer);
    this.#labels = labels;
  }

  add(instruction: Instruction): void {
    switch (instruction.kind) {
      case "alu": {
        const { operation, width, to, from } = instruction;
        return this.#withOperand(aluClass(width) | ALU[operation], to, from, 0, width);
      }
      case "negate":
        return this.#put(aluClass(instruction.width) | NEGATE, instruction.to, 0, 0, 0);
      case "byte-order": {
        const toBig = instruction.order === "be" ? FROM_REGISTER : 0;
        return this.#put(CLASS.alu32 | BYTE_ORDER | toBig, instruction.to, 0, 0, instruction.bits);
      }
      case "load": {
        const { bytes, to, base, at } = instruction;
        return this.#put(CLASS.ldx | MODE.memory | SIZE[bytes], to, registerNumber(base), this.#offset(at), 0);
      }
      case "store": {
        const { bytes, base, at, from } = instruction;
        const isRegister = typeof from === "string";
        const opcode = (isRegister ? CLASS.stx : CLASS.st) | MODE.memory | SIZE[bytes];
        if (isRegister) return this.#put(opcode, base, registerNumber(from), this.#offset(at), 0);
        return this.#put(opcode, base, 0, this.#offset(at), this.#immediate(from, bytes === 8 ? 64 : 32));
      }
      case "atomic": {
        const { action, bytes, base, at, from, isFetched } = instruction;
        const immediate = ATOMIC[action] | (isFetched ? FETCH : 0);
        return this.#put(CLASS.stx | MODE.atomic | SIZE[bytes], base, registerNumber(from), this.#offset(at), immediate);
      }
      case "constant":
        return this.#wide(instruction.to, PSEUDO.constant, instruction.low | 0, instruction.high | 0);
      case "map":
        return this.#wide(instruction.to, PSEUDO.map, instruction.map.fd, 0);
      case "map-value":
        return this.#wide(instruction.to, PSEUDO.mapValue, instruction.map.fd, instruction.at);
      case "subprogram":
        return this.#wide(instruction.to, PSEUDO.subprogram, this.#distance(instruction.label), 0);
      case "jump":
        return this.#jump(instruction.label);
      case "branch": {
        const { condition, width, left, right, label } = instruction;
        const opcode = (width === 64 ? CLASS.jump : CLASS.jump32) | CONDITION[condition];
        return this.#withOperand(opcode, left, right, this.#offset(this.#distance(label), label), width);
      }
      case "helper":
        return this.#put(CLASS.jump | JUMP.call, "r0", CALLEE.helper, 0, instruction.id);
      case "kernel-function":
        return this.#put(CLASS.jump | JUMP.call, "r0", CALLEE.kernel, 0, instruction.id);
      case "call":
        return this.#put(CLASS.jump | JUMP.call, "r0", CALLEE.local, 0, this.#distance(instruction.label));
      case "exit":
        return this.#put(CLASS.jump | JUMP.exit, "r0", 0, 0, 0);
      case "label":
        return;
    }
  }

  /** Beyond 16 bits, the distance is in the immediate of another instruction, which kernels know since 6.6. */
  #jump(label: string): void {
    const distance = this.#distance(label);
    if (Math.abs(distance) <= MAX_OFFSET) this.#put(CLASS.jump | JUMP.always, "r0", 0, distance, 0);
    else this.#put(CLASS.jump32 | JUMP.always, "r0", 0, 0, distance);
  }

  #withOperand(opcode: number, to: Register, from: Operand, offset: number, width: 32 | 64): void {
    if (typeof from === "string") this.#put(opcode | FROM_REGISTER, to, registerNumber(from), offset, 0);
    else this.#put(opcode, to, 0, offset, this.#immediate(from, width));
  }

  #wide(to: Register, pseudo: number, low: number, high: number): void {
    this.#put(CLASS.ld | MODE.immediate | SIZE[8], to, pseudo, 0, low);
    this.#put(0, "r0", 0, 0, high);
  }

  #put(opcode: number, to: Register, source: number, offset: number, immediate: number): void {
    const at = this.#slot++ * SLOT_BYTES;
    this.#view.setUint8(at, opcode);
    this.#view.setUint8(at + 1, registerNumber(to) | (source << 4));
    this.#view.setInt16(at + 2, offset, true);
    this.#view.setInt32(at + 4, immediate, true);
  }

  /** From the slot after this one; of a 64-bit immediate, after its first. */
  #distance(label: string): number {
    const slot = this.#labels.get(label);
    if (slot === undefined) {
      throw new AssemblyError(`Cannot assemble: there is no label "${label}"`, { hint: didYouMean(label, this.#labels.keys()) });
    }
    return slot - this.#slot - 1;
  }

  #offset(offset: number, label?: string): number {
    if (Number.isInteger(offset) && Math.abs(offset) <= MAX_OFFSET) return offset;
    const what = label === undefined ? `offset ${offset}` : `the way to label "${label}", ${offset} slots,`;
    throw new AssemblyError(`Cannot assemble slot ${this.#slot}: ${what} does not fit 16 bits`, {
      hint: label === undefined ? "Add to the base register first" : "Branch to a jump nearby",
    });
  }

  #immediate(value: number, width: 32 | 64): number {
    const largest = width === 64 ? 0x7fff_ffff : 0xffff_ffff;
    if (Number.isInteger(value) && value >= -0x8000_0000 && value <= largest) return value | 0;
    throw new AssemblyError(
      `Cannot assemble slot ${this.#slot}: immediate ${value} does not fit ${width === 64 ? "31 bits and a sign" : "32 bits"}`,
      {
        hint: "Put it into a register with constant()",
      },
    );
  }
}

function aluClass(width: 32 | 64): number {
  return width === 64 ? CLASS.alu64 : CLASS.alu32;
}
