/**
 * Reads actions and instructions of every version into one list.
 *
 * What an action is called in text depends on how it lay on the wire; `setField.form` remembers it, so that
 * a flow prints as ovs-ofctl would print the same bytes.
 */
import { fieldOnes } from "@tenet/net";
import { ByteReader } from "@tenet/wire";
import { type Action, type Match, PACKET_IN_REASON, PORT, type SubField } from "../action.ts";
import { onesAt, toFieldWords } from "../match/field-words.ts";
import { type MatchField, matchField } from "../match/match-field.ts";
import { meetsPrerequisite } from "../match/prerequisite.ts";
import { NX } from "./action-numbers.ts";
import { readCt, readNat } from "./connection-actions.ts";
import { NICIRA, OpenFlowError } from "./openflow-error.ts";
import { readOxm, readOxmHeader, SET_ERRORS } from "./oxm.ts";
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
  const byType = new Map<number, Action[]>();
  while (reader.remaining > 0) {
    const { at } = reader;
    const type = reader.u16();
    const length = reader.u16();
    if (length < 8 || length % 8 !== 0) {
      throw new OpenFlowError("OFPBIC_BAD_LEN", `An instruction cannot have ${length} bytes`, { details: { at } });
    }
    if (byType.has(type)) {
      throw new OpenFlowError(version >= 5 ? "OFPBIC_DUP_INST" : "OFPBIC_UNSUP_INST", `Instruction ${type} is given twice`, {
        details: { at },
      });
    }
    byType.set(type, readInstruction(type, reader.sub(length - 4), { version, match, depth: 0 }, at));
  }
  return [6, 4, 5, 3, 2, 1].flatMap((type) => byType.get(type) ?? []);
}

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

function toWords64(value: bigint): Uint32Array {
  return Uint32Array.of(Number(value >> 32n), Number(value & 0xffff_ffffn));
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
  if (type === 0xffff) return readNicira(body, source, at);
  return source.version === 1 ? readOf10(type, body, source, at) : readStandard(type, body, source, at);
}

function badType(type: number, at: number): OpenFlowError {
  return new OpenFlowError("OFPBAC_BAD_TYPE", `Action ${type} is not known`, { details: { at } });
}

function readOf10(type: number, body: ByteReader, source: Source, at: number): Action {
  switch (type) {
    case 0:
      return toPort(body.u16(), body.u16(), at);
    case 1: {
      const vid = body.u16();
      if (vid > 0xfff) throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `VLAN ID ${vid} is out of range`, { details: { at } });
      return { type: "setVlanVid", vid };
    }
    case 2: {
      const pcp = body.u8();
      if (pcp > 7) throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `VLAN priority ${pcp} is out of range`, { details: { at } });
      return { type: "setVlanPcp", pcp };
    }
    case 3:
      return { type: "popVlan" };
    case 4:
    case 5:
      return setMod(type === 4 ? "eth_src" : "eth_dst", BigInt(body.u48()));
    case 6:
    case 7:
      return setMod(type === 6 ? "ip_src" : "ip_dst", BigInt(body.u32()));
    case 8: {
      const tos = body.u8();
      if ((tos & 3) !== 0) throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `TOS ${tos} has ECN bits`, { details: { at } });
      return setMod("ip_dscp", BigInt(tos >>> 2));
    }
    case 9:
    case 10:
      return setMod(transportField(source.match, type === 9 ? "src" : "dst"), BigInt(body.u16()));
    case 11: {
      const port = body.u16();
      body.skip(6);
      return { type: "enqueue", port, queue: body.u32() };
    }
    default:
      throw badType(type, at);
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
    case 18:
      return { type: "popVlan" };
    case 21:
      return { type: "setQueue", queue: body.u32() };
    case 22:
      return { type: "group", group: body.u32() };
    case 23:
      return setMod("nw_ttl", BigInt(body.u8()));
    case 24:
      return { type: "decTtl" };
    case 25:
      return readSetField(body, source.version >= 6, at);
    case 28:
      if (source.version < 6) throw badType(type, at);
      return readCopyField(body, at);
    case 29:
      if (source.version < 6) throw badType(type, at);
      return { type: "meter", meter: body.u32() };
    default:
      throw badType(type, at);
  }
}

function readNicira(body: ByteReader, source: Source, at: number): Action {
  const experimenter = body.u32();
  if (experimenter !== NICIRA) {
    throw new OpenFlowError("OFPBAC_BAD_VENDOR", `Experimenter 0x${experimenter.toString(16)} is not known`, { details: { at } });
  }
  const subtype = body.u16();
  switch (subtype) {
    case NX.RESUBMIT:
      return resubmit(body.u16(), undefined, at);
    case NX.RESUBMIT_TABLE: {
      const port = body.u16();
      const table = body.u8();
      return resubmit(port, table === 0xff ? undefined : table, at);
    }
    case NX.REG_LOAD:
      return readLoad(body, at);
    case NX.REG_LOAD2: {
      const { field, value, mask } = readOxm(body, SET_ERRORS);
      return setField(checkWritable(field, at), value & mask, mask, undefined);
    }
    case NX.REG_MOVE: {
      const nBits = body.u16();
      const [from, to] = [body.u16(), body.u16()];
      const source_ = subField(readOxmHeader(body), from, nBits, at);
      return { type: "move", source: source_, target: subField(checkWritable(readOxmHeader(body), at), to, nBits, at) };
    }
    case NX.STACK_PUSH:
    case NX.STACK_POP: {
      const start = body.u16();
      const field = readOxmHeader(body);
      const part = subField(field, start, body.u16(), at);
      if (subtype === NX.STACK_PUSH) return { type: "push", source: part };
      checkWritable(field, at);
      return { type: "pop", target: part };
    }
    case NX.SET_TUNNEL:
      body.skip(2);
      return setMod("tun_id", BigInt(body.u32()));
    case NX.SET_TUNNEL64:
      body.skip(6);
      return setMod("tun_id", body.u64());
    case NX.CLONE:
      body.skip(6);
      return { type: "clone", actions: readActions(body, { ...source, depth: source.depth + 1 }) };
    case NX.CT:
      return readCt(body, at, {
        toSubField: (field, start, nBits) => subField(field, start, nBits, at),
        readActions: (rest) => readActions(rest, { ...source, depth: source.depth + 1, isInCt: true }),
      });
    default:
      return readPlainNicira(subtype, body, at);
  }
}

function readPlainNicira(subtype: number, body: ByteReader, at: number): Action {
  switch (subtype) {
    case NX.SET_QUEUE:
      body.skip(2);
      return { type: "setQueue", queue: body.u32() };
    case NX.POP_QUEUE:
      return { type: "popQueue" };
    case NX.NOTE:
      return { type: "note", bytes: body.rest() };
    case NX.EXIT:
      return { type: "exit" };
    case NX.DEC_TTL:
      return { type: "decTtl" };
    case NX.DEC_TTL_CNT_IDS: {
      const nIds = body.u16();
      body.skip(4);
      return { type: "decTtl", controllerIds: Array.from({ length: nIds }, () => body.u16()) };
    }
    case NX.OUTPUT_REG: {
      const bits = body.u16();
      return { type: "outputField", source: subField(readOxmHeader(body), bits >>> 6, (bits & 0x3f) + 1, at) };
    }
    case NX.CONTROLLER: {
      const [maxLength, controllerId, reason] = [body.u16(), body.u16(), body.u8()];
      return { type: "controller", maxLength, reason, controllerId };
    }
    case NX.CONTROLLER2:
      body.skip(6);
      return readController2(body, at);
    case NX.OUTPUT_TRUNC:
      return { type: "output", port: body.u16(), maxLength: body.u32() };
    case NX.GROUP:
      body.skip(2);
      return { type: "group", group: body.u32() };
    case NX.WRITE_METADATA:
      body.skip(6);
      return { type: "writeMetadata", value: toWords64(body.u64()), mask: toWords64(body.u64()) };
    case NX.CONJUNCTION:
      return readConjunction(body, at);
    case NX.NAT:
      return readNat(body, at);
    case NX.CT_CLEAR:
      return { type: "ctClear" };
    default:
      throw new OpenFlowError("OFPBAC_BAD_VENDOR_TYPE", `Nicira action ${subtype} is not known`, { details: { at } });
  }
}

function readConjunction(body: ByteReader, at: number): Action {
  const [clause, nClauses, id] = [body.u8() + 1, body.u8(), body.u32()];
  if (nClauses < 2 || nClauses > 64 || clause > nClauses) {
    throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `Clause ${clause} of ${nClauses} cannot be`, { details: { at } });
  }
  return { type: "conjunction", id, clause, nClauses };
}

function readController2(body: ByteReader, at: number): Action {
  const action = { type: "controller" as const, maxLength: 0xffff, reason: PACKET_IN_REASON.ACTION as number, controllerId: 0 };
  let userdata: Uint8Array | undefined;
  let pauses = false;
  let meter: number | undefined;
  while (body.remaining >= 4) {
    const type = body.u16();
    const length = body.u16();
    if (length < 4) throw new OpenFlowError("OFPBAC_BAD_LEN", `A property cannot have ${length} bytes`, { details: { at } });
    const value = body.sub(length - 4);
    body.skip(Math.min((8 - (length % 8)) % 8, body.remaining));
    if (type === 0) action.maxLength = value.u16();
    else if (type === 1) action.controllerId = value.u16();
    else if (type === 2) action.reason = value.u8();
    else if (type === 3) userdata = value.rest();
    else if (type === 4) pauses = true;
    else if (type === 5) meter = value.u32();
    else throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `Controller property ${type} is not known`, { details: { at } });
  }
  return {
    ...action,
    ...(userdata === undefined || userdata.length === 0 ? {} : { userdata }),
    ...(pauses ? { pauses } : {}),
    ...(meter === undefined || meter === 0 ? {} : { meter }),
  };
}

function toPort(port: number, maxLength: number, at: number): Action {
  if (port === PORT.CONTROLLER) {
    return { type: "controller", maxLength, reason: PACKET_IN_REASON.ACTION, controllerId: 0 };
  }
  if (port === PORT.NONE || port === 0) {
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

function resubmit(port: number, table: number | undefined, at: number): Action {
  const isSamePort = port === PORT.IN_PORT;
  if (isSamePort && table === undefined) {
    throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", "A resubmit to the same port and table changes nothing", { details: { at } });
  }
  return { type: "resubmit", ...(isSamePort ? {} : { port }), ...(table === undefined ? {} : { table }) };
}

function readSetField(body: ByteReader, mayMask: boolean, at: number): Action {
  const { field, value, mask } = readOxm(body, SET_ERRORS);
  if (mask !== fieldOnes(field) && (!mayMask || !field.isMaskable)) {
    throw new OpenFlowError("OFPBAC_BAD_SET_TYPE", `${field.text} cannot be set under a mask here`, { details: { at } });
  }
  return setField(checkWritable(field, at), value & mask, mask, undefined);
}

function readLoad(body: ByteReader, at: number): Action {
  const bits = body.u16();
  const field = checkWritable(readOxmHeader(body), at);
  const { start, nBits } = subField(field, bits >>> 6, (bits & 0x3f) + 1, at);
  const value = body.u64();
  if (nBits < 64 && value >> BigInt(nBits) !== 0n) {
    throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `A value for ${nBits} bits is wider`, { details: { at } });
  }
  return setField(field, value << BigInt(start), onesAt(start, nBits), "load");
}

function readCopyField(body: ByteReader, at: number): Action {
  const nBits = body.u16();
  const [from, to] = [body.u16(), body.u16()];
  body.skip(2);
  const source = subField(readOxmHeader(body), from, nBits, at);
  return { type: "move", source, target: subField(checkWritable(readOxmHeader(body), at), to, nBits, at) };
}

function subField(field: MatchField, start: number, nBits: number, at: number): SubField {
  if (start === 0 && nBits === field.wireBits) return { field, start, nBits: field.nBits };
  if (nBits > 0 && start + nBits <= field.nBits) return { field, start, nBits };
  throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `Bits ${start} to ${start + nBits - 1} do not lie in ${field.text}`, {
    details: { at },
  });
}

function checkWritable(field: MatchField, at: number): MatchField {
  if (field.isWritable) return field;
  throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `${field.text} is read-only`, { details: { at } });
}

function setMod(name: string, value: bigint): Action {
  const field = matchField(name);
  return setField(field, value, fieldOnes(field), "mod");
}

function setField(field: MatchField, value: bigint, mask: bigint, form: "load" | "mod" | undefined): Action {
  const words = { value: toFieldWords(field, value), mask: toFieldWords(field, mask) };
  return form === undefined ? { type: "setField", field, ...words } : { type: "setField", field, ...words, form };
}

function transportField(match: Match | undefined, side: "src" | "dst"): string {
  const protocol = (["tcp", "udp", "sctp"] as const).find((name) => match !== undefined && meetsPrerequisite(match, name));
  return `${protocol ?? "tp"}_${side}`;
}
