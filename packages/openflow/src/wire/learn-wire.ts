/**
 * `learn` on the wire (NXAST_LEARN, and NXAST_LEARN2 for a limit or result); it lies behind Nicira's header of 10 bytes.
 *
 *   | idle u16 | hard u16 | priority u16 | cookie u64 | flags u16 | table u8 | 0 | fin idle u16 | fin hard u16 |
 *   LEARN2 goes on: | limit u32 | bit of the result u16 | 0 u16 | field of the result, if any |
 *   then specs: | 0 (2) |number?|output? load?| bits (11) | number or field u32, bit u16 | field u32, bit u16 |
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { LearnAction, LearnSpec, SubField } from "../action.ts";
import type { MatchField } from "../match/match-field.ts";
import { OpenFlowError } from "./openflow-error.ts";

const FLAG = { sendsFlowRemoved: 1, deletesLearned: 2, hasResult: 4 } as const;
const KNOWN_FLAGS = 7;
const IS_NUMBER = 0x2000;
/** What becomes of the bits, in bits 11 and 12. */
const BECOMES = { match: 0, load: 1, output: 2 } as const;
const MAX_BITS = 0x7ff;

/** What the codec of all actions lends to this one. */
export interface LearnWriter {
  writeField(writer: ByteWriter, field: SubField["field"]): void;
  /** Bits of a part as the wire counts them. */
  widthOf(part: SubField): number;
}

/** Whether only NXAST_LEARN2 can say it. */
export function needsLearn2({ limit, result }: LearnAction): boolean {
  return limit !== 0 || result !== undefined;
}

/** Writes the body of NXAST_LEARN or NXAST_LEARN2. */
export function writeLearn(body: ByteWriter, action: LearnAction, lent: LearnWriter): void {
  const { sendsFlowRemoved, deletesLearned, result } = action;
  body
    .u16(action.idleTimeout)
    .u16(action.hardTimeout)
    .u16(action.priority)
    .u64(action.cookie)
    .u16(
      (sendsFlowRemoved ? FLAG.sendsFlowRemoved : 0) |
        (deletesLearned ? FLAG.deletesLearned : 0) |
        (result === undefined ? 0 : FLAG.hasResult),
    )
    .u8(action.table)
    .zeros(1)
    .u16(action.finIdleTimeout)
    .u16(action.finHardTimeout);
  if (needsLearn2(action)) {
    body
      .u32(action.limit)
      .u16(result?.start ?? 0)
      .zeros(2);
    if (result !== undefined) lent.writeField(body, result.field);
  }
  for (const spec of action.specs) writeSpec(body, spec, lent);
}

function writeSpec(body: ByteWriter, spec: LearnSpec, lent: LearnWriter): void {
  const { source } = spec;
  const part = spec.type === "output" ? spec.source : spec.target;
  const nBits = lent.widthOf(part);
  const isNumber = typeof source === "bigint";
  body.u16((isNumber ? IS_NUMBER : 0) | (BECOMES[spec.type] << 11) | nBits);
  if (isNumber) body.uint(source, 2 * Math.ceil(nBits / 16));
  else writePart(body, source, lent);
  if (spec.type !== "output") writePart(body, spec.target, lent);
}

function writePart(body: ByteWriter, { field, start }: SubField, lent: LearnWriter): void {
  lent.writeField(body, field);
  body.u16(start);
}

/** What the decoder of all actions lends to this one. */
export interface LearnReader {
  readField(body: ByteReader): MatchField;
  /** @throws OpenFlowError when the bits do not lie in the field */
  toSubField(field: MatchField, start: number, nBits: number): SubField;
}

/** Reads the body of NXAST_LEARN, or with `isLearn2` of NXAST_LEARN2. @throws OpenFlowError */
export function readLearn(body: ByteReader, isLearn2: boolean, at: number, lent: LearnReader): LearnAction {
  const [idleTimeout, hardTimeout, priority, cookie] = [body.u16(), body.u16(), body.u16(), body.u64()];
  const flags = body.u16();
  const table = body.u8();
  body.skip(1);
  const [finIdleTimeout, finHardTimeout] = [body.u16(), body.u16()];
  if ((flags & ~KNOWN_FLAGS) !== 0 || table === 0xff) throw bad(`flags ${flags} and table ${table}`, at);
  let limit = 0;
  let result: SubField | undefined;
  if (isLearn2) {
    limit = body.u32();
    const start = body.u16();
    body.skip(2);
    if ((flags & FLAG.hasResult) !== 0) result = lent.toSubField(lent.readField(body), start, 1);
  } else if ((flags & FLAG.hasResult) !== 0) throw bad("a result without a field for it", at);
  const specs: LearnSpec[] = [];
  while (body.remaining >= 2) {
    const header = body.u16();
    if (header === 0) break;
    specs.push(readSpec(body, header, at, lent));
  }
  return {
    type: "learn",
    table,
    priority,
    cookie,
    idleTimeout,
    hardTimeout,
    finIdleTimeout,
    finHardTimeout,
    sendsFlowRemoved: (flags & FLAG.sendsFlowRemoved) !== 0,
    deletesLearned: (flags & FLAG.deletesLearned) !== 0,
    limit,
    ...(result === undefined ? {} : { result }),
    specs,
  };
}

function readSpec(body: ByteReader, header: number, at: number, lent: LearnReader): LearnSpec {
  const nBits = header & MAX_BITS;
  const becomes = (header >>> 11) & 3;
  const isNumber = (header & IS_NUMBER) !== 0;
  if (header >>> 14 !== 0 || becomes === 3 || (isNumber && becomes === BECOMES.output) || nBits === 0) {
    throw bad(`the specification 0x${header.toString(16)}`, at);
  }
  const readPart = (): SubField => {
    const field = lent.readField(body);
    return lent.toSubField(field, body.u16(), nBits);
  };
  const source = isNumber ? readNumber(body, nBits, at) : readPart();
  if (becomes === BECOMES.output) return { type: "output", source: source as SubField };
  return { type: becomes === BECOMES.match ? "match" : "load", source, target: readPart() };
}

function readNumber(body: ByteReader, nBits: number, at: number): bigint {
  const value = body.uint(2 * Math.ceil(nBits / 16));
  if (value >> BigInt(nBits) !== 0n) throw bad(`a number of more than ${nBits} bits`, at);
  return value;
}

function bad(what: string, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_ARGUMENT", `learn cannot have ${what}`, { details: { at } });
}
