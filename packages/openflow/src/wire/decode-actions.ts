/**
 * Reads actions and instructions of every version into one list.
 *
 * What an action is called in text depends on how it lay on the wire; `setField.form` remembers it, so that
 * a flow prints as ovs-ofctl would print the same bytes.
 */
import { fieldOnes } from "@tenet/net";
import { ByteReader } from "@tenet/wire";
import { type Action, type Match, PACKET_IN_REASON, PORT } from "../action.ts";
import type { ActionBytes } from "../flow-spec.ts";
import { VERSION } from "../message.ts";
import { checkWritable, mplsEtherType, setField, setMod, subField, toWords64 } from "./action-parts.ts";
import { readNicira } from "./decode-nicira.ts";
import { readFieldAction } from "./field-actions.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { readOxmHeader, readOxmToSet } from "./oxm.ts";
import { narrowPort } from "./port-number.ts";

/** Nesting of `clone` and `write_actions` that is still read. */
const MAX_DEPTH = 16;

/** What a decoder knows. */
interface Source {
  readonly version: number;
  /** Tells which transport's ports OpenFlow 1.0 means. */
  readonly match: Match | undefined;
  readonly depth: number;
  /** Inside `ct`, where `nat` may stand and connections may be marked. */
  readonly isInCt?: boolean;
}

/** Reads actions to the end of a reader. @throws OpenFlowError, TruncatedError */
export function decodeActions(reader: ByteReader, version: number, match?: Match): Action[] {
  return readActions(reader, { version, match, depth: 0 });
}

/** Reads the instructions (OpenFlow 1.0: the actions) of a flow to the end of a reader. @throws OpenFlowError */
export function decodeInstructions(reader: ByteReader, version: number, match?: Match): Action[] {
  if (version === 1) return decodeActions(reader, version, match);
  /** Actions of each instruction, by its type. */
  const byType: (Action[] | undefined)[] = [];
  let last: Action[] = [];
  let nInstructions = 0;
  while (reader.remaining > 0) {
    const { at } = reader;
    const type = reader.u16();
    const length = reader.u16();
    const isWrong = length !== (INSTRUCTION_LENGTHS.get(type) ?? length);
    if (isWrong || length < 8 || length % 8 !== 0 || length - 4 > reader.remaining) {
      throw new OpenFlowError("OFPBIC_BAD_LEN", `An instruction cannot have ${length} bytes`, { details: { at } });
    }
    if (byType[type] !== undefined) {
      throw new OpenFlowError(version >= 5 ? "OFPBIC_DUP_INST" : "OFPBIC_UNSUP_INST", `Instruction ${type} is given twice`, {
        details: { at },
      });
    }
    last = readInstruction(type, reader.sub(length - 4), { version, match, depth: 0 }, at);
    byType[type] = last; // an unknown type, which may be large, has thrown
    nInstructions++;
  }
  return nInstructions === 1 ? last : [6, 4, 5, 3, 2, 1].flatMap((type) => byType[type] ?? []);
}

/** Reads actions once more from the bytes that they, or a copy of them, lie in. @param match - that of their flow */
export function decodeActionBytes(at: Omit<ActionBytes, "actions">, match: Match): Action[] {
  return decodeInstructions(new ByteReader(at.bytes, 0, at), at.version, match);
}

/** Bytes of the instructions that are always of one size, by type. */
const INSTRUCTION_LENGTHS: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 24],
  [5, 8],
  [6, 8],
]);

function readInstruction(type: number, body: ByteReader, source: Source, at: number): Action[] {
  switch (type) {
    case 1: {
      const table = body.u8();
      if (table === 0xff) throw new OpenFlowError("OFPBIC_BAD_TABLE_ID", "Table 255 cannot be gone to", { details: { at } });
      return [{ type: "gotoTable", table }];
    }
    case 2:
      body.skip(4);
      return [{ type: "writeMetadata", value: toWords64(body.u64()), mask: toWords64(body.u64()) }];
    case 3:
      body.skip(4);
      return [{ type: "writeActions", actions: readActions(body, { ...source, depth: 1 }) }];
    case 4:
      body.skip(4);
      return readActions(body, source);
    case 5:
      return [{ type: "clearActions" }];
    case 6:
      return [{ type: "meter", meter: body.u32() }];
    case 0xffff:
      throw new OpenFlowError("OFPBIC_BAD_EXPERIMENTER", "No experimenter instruction is known", { details: { at } });
    default:
      throw new OpenFlowError("OFPBIC_UNKNOWN_INST", `Instruction ${type} is not known`, { details: { at } });
  }
}

function readActions(reader: ByteReader, source: Source): Action[] {
  const actions: Action[] = [];
  if (source.depth > MAX_DEPTH) throw new OpenFlowError("OFPBAC_TOO_MANY", `Actions are nested more than ${MAX_DEPTH} deep`);
  while (reader.remaining > 0) {
    const { at } = reader;
    const type = reader.u16();
    const length = reader.u16();
    if (length < 8 || length % 8 !== 0 || length - 4 > reader.remaining) {
      throw new OpenFlowError("OFPBAC_BAD_LEN", `An action cannot have ${length} bytes here`, { details: { at } });
    }
    const action = readAction(type, reader.sub(length - 4), source, at);
    if (source.isInCt !== true) refuseOutsideCt(action, at);
    actions.push(action);
  }
  return actions;
}

/** Connections are marked and translated inside `ct` alone. */
function refuseOutsideCt(action: Action, at: number): void {
  const field = action.type === "setField" ? action.field : action.type === "move" ? action.target.field : undefined;
  if (action.type !== "nat" && field?.name !== "ct_mark" && field?.name !== "ct_label") return;
  throw new OpenFlowError("OFPBAC_BAD_SET_ARGUMENT", `${field?.name ?? action.type} outside ct`, { details: { at } });
}

function readAction(type: number, body: ByteReader, source: Source, at: number): Action {
  if (type === 0xffff) {
    return readNicira(body, at, (inner, isInCt) =>
      readActions(inner, { ...source, depth: source.depth + 1, ...(isInCt ? { isInCt } : {}) }),
    );
  }
  return source.version === 1 ? readOf10(type, body, source, at) : readStandard(type, body, source, at);
}

function badType(type: number, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_TYPE", `Action ${type} is not known`, { details: { at } });
}

function readOf10(type: number, body: ByteReader, source: Source, at: number): Action {
  switch (type) {
    case 0:
      return toPort(body.u16(), body.u16(), at);
    case 3:
      return { type: "popVlan", name: "strip_vlan" };
    case 11: {
      const port = body.u16();
      body.skip(6);
      return { type: "enqueue", port, queue: body.u32() };
    }
    default:
      return readOfField(type, body, source, at);
  }
}

function readStandard(type: number, body: ByteReader, source: Source, at: number): Action {
  switch (type) {
    case 0:
      return toPort(toNarrow(body.u32(), at), body.u16(), at);
    case 17: {
      const ethType = body.u16();
      if (ethType === 0x8100 || ethType === 0x88a8) return { type: "pushVlan", ethType };
      throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `0x${ethType.toString(16)} is not a VLAN EtherType`, { details: { at } });
    }
    case 15:
      return { type: "setMplsTtl", ttl: body.u8() };
    case 16:
      return { type: "decMplsTtl" };
    case 18:
      return { type: "popVlan" };
    case 19:
      return { type: "pushMpls", ethType: mplsEtherType(body.u16(), at) };
    case 20:
      return { type: "popMpls", ethType: body.u16() };
    case 21:
      return { type: "setQueue", queue: body.u32() };
    case 22:
      return { type: "group", group: body.u32() };
    case 23:
      return setMod("nw_ttl", BigInt(body.u8()));
    case 24:
      return { type: "decTtl" };
    case 25:
      if (source.version < VERSION.OF12) throw badType(type, at);
      return readSetField(body, source.version >= 6, at);
    case 28:
      if (source.version < 6) throw badType(type, at);
      return readCopyField(body, at);
    case 29:
      if (source.version < 6) throw badType(type, at);
      return { type: "meter", meter: body.u32() };
    default:
      return readOfField(type, body, source, at);
  }
}

function readOfField(type: number, body: ByteReader, { version, match }: Source, at: number): Action {
  const action = readFieldAction(type, body, version, match, at);
  if (action === undefined) throw badType(type, at);
  return action;
}

function toPort(port: number, maxLength: number, at: number): Action {
  if (port === PORT.CONTROLLER) {
    return { type: "controller", maxLength, reason: PACKET_IN_REASON.ACTION, controllerId: 0 };
  }
  if (port === PORT.NONE) {
    throw new OpenFlowError("OFPBAC_BAD_OUT_PORT", `Port ${port} cannot be sent to`, { details: { at } });
  }
  return { type: "output", port };
}

function toNarrow(wide: number, at: number): number {
  const port = narrowPort(wide);
  if (port === undefined)
    throw new OpenFlowError("OFPBAC_BAD_OUT_PORT", `No port can have the number ${wide}`, { details: { at } });
  return port;
}

function readSetField(body: ByteReader, mayMask: boolean, at: number): Action {
  const { field, value, mask } = readOxmToSet(body);
  if (mask !== fieldOnes(field) && (!mayMask || !field.isMaskable)) {
    throw new OpenFlowError("OFPBAC_BAD_SET_TYPE", `${field.text} cannot be set under a mask here`, { details: { at } });
  }
  return setField(checkWritable(field, at), value & mask, mask, undefined);
}

function readCopyField(body: ByteReader, at: number): Action {
  const nBits = body.u16();
  const [from, to] = [body.u16(), body.u16()];
  body.skip(2);
  const source = subField(readOxmHeader(body), from, nBits, at);
  return { type: "move", source, target: subField(checkWritable(readOxmHeader(body), at), to, nBits, at) };
}
