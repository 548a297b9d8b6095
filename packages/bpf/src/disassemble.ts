/**
 * Shows a program as text, one line a slot, in the words of the kernel's verifier, with labels in the place of distances.
 *
 *      count:
 *        0: r1 = map[packets]
 *        2: r2 = *(u32 *)(r10 -4)
 */
import type { Assembled } from "./assemble.ts";
import { helperText } from "./helpers.ts";
import type { AccessBytes, AluOperation, AtomicAction, Condition } from "./instruction.ts";
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
  SIZE,
  SLOT_BYTES,
} from "./opcode.ts";

const SIGNS: Readonly<Record<AluOperation, string>> = {
  add: "+=",
  sub: "-=",
  mul: "*=",
  div: "/=",
  or: "|=",
  and: "&=",
  lsh: "<<=",
  rsh: ">>=",
  mod: "%=",
  xor: "^=",
  mov: "=",
  arsh: "s>>=",
};
const ATOMIC_SIGNS: Readonly<Partial<Record<AtomicAction, string>>> = { add: "+=", or: "|=", and: "&=", xor: "^=" };
const SIGN_OF_ALU = inverse<AluOperation, string>(ALU, (name) => SIGNS[name]);
const CONDITION_OF_CODE = inverse<Condition, string>(CONDITION, (name) => name);
const ACTION_OF_CODE = inverse<AtomicAction, AtomicAction>(ATOMIC, (name) => name);
const BYTES_OF_SIZE = new Map(([1, 2, 4, 8] as const).map((bytes) => [SIZE[bytes], bytes]));

function inverse<K extends string, V>(codes: Readonly<Record<K, number>>, value: (name: K) => V): ReadonlyMap<number, V> {
  return new Map((Object.keys(codes) as K[]).map((name) => [codes[name], value(name)]));
}

/** The slots of a program as text, each with a line for its label in front. */
export function disassemble({ bytes, labels }: Pick<Assembled, "bytes" | "labels">): string {
  const labelAt = new Map([...labels].map(([name, slot]) => [slot, name]));
  const lines: string[] = [];
  for (let slot = 0; slot * SLOT_BYTES < bytes.length; ) {
    const name = labelAt.get(slot);
    if (name !== undefined) lines.push(`${name}:`);
    const { text, nSlots } = new Slot(bytes, slot).describe(labelAt);
    lines.push(`${String(slot).padStart(5)}: ${text}`);
    slot += nSlots;
  }
  return lines.join("\n");
}

interface Described {
  readonly text: string;
  readonly nSlots: 1 | 2;
}

/** One instruction of a program in bytes. */
class Slot {
  readonly #view: DataView;
  readonly #slot: number;
  readonly #at: number;
  readonly #code: number;

  constructor(bytes: Uint8Array, slot: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#slot = slot;
    this.#at = slot * SLOT_BYTES;
    this.#code = this.#view.getUint8(this.#at);
  }

  get #to(): number {
    return this.#view.getUint8(this.#at + 1) & 0xf;
  }

  get #source(): number {
    return this.#view.getUint8(this.#at + 1) >> 4;
  }

  get #offset(): number {
    return this.#view.getInt16(this.#at + 2, true);
  }

  get #immediate(): number {
    return this.#view.getInt32(this.#at + 4, true);
  }

  describe(labelAt: ReadonlyMap<number, string>): Described {
    const { ld, ldx, st, stx, alu32, alu64, jump, jump32 } = CLASS;
    const kind = this.#code & 7;
    if (kind === ld && this.#code === (ld | MODE.immediate | SIZE[8])) return { text: this.#wide(labelAt), nSlots: 2 };
    const text =
      kind === alu64 || kind === alu32
        ? this.#alu(kind === alu64 ? "r" : "w")
        : kind === jump || kind === jump32
          ? this.#jump(kind === jump ? "r" : "w", labelAt)
          : kind === ldx
            ? `r${this.#to} = ${this.#memory(this.#source)}`
            : kind === st
              ? `${this.#memory(this.#to)} = ${this.#immediate}`
              : kind === stx
                ? this.#storeRegister()
                : `.8byte ${this.#code}`;
    return { text, nSlots: 1 };
  }

  #alu(letter: "r" | "w"): string {
    const to = `${letter}${this.#to}`;
    const operation = this.#code & 0xf0;
    if (operation === NEGATE) return `${to} = -${to}`;
    if (operation === BYTE_ORDER) {
      const order = (this.#code & FROM_REGISTER) === 0 ? "le" : "be";
      return `r${this.#to} = ${order}${this.#immediate} r${this.#to}`;
    }
    return `${to} ${SIGN_OF_ALU.get(operation)} ${this.#operand(letter)}`;
  }

  #operand(letter: "r" | "w"): string {
    return (this.#code & FROM_REGISTER) === 0 ? `${this.#immediate}` : `${letter}${this.#source}`;
  }

  #memory(base: number): string {
    const bytes: AccessBytes = BYTES_OF_SIZE.get(this.#code & 0x18) ?? 8;
    return `*(u${bytes * 8} *)(r${base} ${this.#offset < 0 ? "-" : "+"}${Math.abs(this.#offset)})`;
  }

  #storeRegister(): string {
    const place = this.#memory(this.#to);
    if ((this.#code & 0xe0) !== MODE.atomic) return `${place} = r${this.#source}`;
    const action = ACTION_OF_CODE.get(this.#immediate & ~FETCH) ?? "add";
    const sign = ATOMIC_SIGNS[action];
    const isFetched = (this.#immediate & FETCH) !== 0;
    if (sign !== undefined && !isFetched) return `lock ${place} ${sign} r${this.#source}`;
    return `r${action === "cmpxchg" ? 0 : this.#source} = atomic_${isFetched && sign !== undefined ? `fetch_${action}` : action}(${place}, r${this.#source})`;
  }

  #jump(letter: "r" | "w", labelAt: ReadonlyMap<number, string>): string {
    const operation = this.#code & 0xf0;
    if (operation === JUMP.exit) return "exit";
    if (operation === JUMP.call) return this.#call(labelAt);
    if (operation === JUMP.always) return `goto ${this.#target(letter === "w" ? this.#immediate : this.#offset, labelAt)}`;
    const condition = `${letter}${this.#to} ${CONDITION_OF_CODE.get(operation)} ${this.#operand(letter)}`;
    return `if ${condition} goto ${this.#target(this.#offset, labelAt)}`;
  }

  #call(labelAt: ReadonlyMap<number, string>): string {
    if (this.#source === CALLEE.kernel) return `call kernel-function#${this.#immediate}`;
    if (this.#source === CALLEE.local) return `call ${this.#target(this.#immediate, labelAt)}`;
    return `call ${helperText(this.#immediate)}`;
  }

  #wide(labelAt: ReadonlyMap<number, string>): string {
    const to = `r${this.#to}`;
    const next = this.#view.getInt32(this.#at + SLOT_BYTES + 4, true);
    switch (this.#source) {
      case PSEUDO.map:
        return `${to} = map[fd ${this.#immediate}]`;
      case PSEUDO.mapValue:
        return `${to} = map[fd ${this.#immediate}][0]+${next}`;
      case PSEUDO.subprogram:
        return `${to} = function ${this.#target(this.#immediate, labelAt)}`;
      default: {
        const digits = (half: number): string => (half >>> 0).toString(16);
        const text = next === 0 ? digits(this.#immediate) : digits(next) + digits(this.#immediate).padStart(8, "0");
        return `${to} = 0x${text}`;
      }
    }
  }

  #target(distance: number, labelAt: ReadonlyMap<number, string>): string {
    const slot = this.#slot + 1 + distance;
    return labelAt.get(slot) ?? `${slot}`;
  }
}
