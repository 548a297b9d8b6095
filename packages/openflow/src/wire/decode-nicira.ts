/** Reads Nicira's actions, which Open vSwitch speaks in every version. */
import type { ByteReader } from "@tenet/wire";
import { type Action, PACKET_IN_REASON, PORT, type SubField } from "../action.ts";
import { asMatchField, type MatchField } from "../match/match-field.ts";
import { onesAt } from "../match/field-words.ts";
import { NX } from "./action-numbers.ts";
import { badArgument, checkWritable, inRange, mplsEtherType, setField, setMod, subField, toWords64 } from "./action-parts.ts";
import { readBundle, readMultipath } from "./choice-wire.ts";
import { readCt, readNat } from "./connection-actions.ts";
import { readLearn } from "./learn-wire.ts";
import { NICIRA, OpenFlowError } from "./openflow-error.ts";
import { readOxmHeader, readOxmToSet } from "./oxm.ts";
import { readSample } from "./sample-wire.ts";

/** Reads actions inside another; inside `ct`, where `nat` may stand and connections may be marked. */
export type ReadInner = (body: ByteReader, isInCt: boolean) => Action[];

/** Reads what follows type and length of an experimenter's action. @throws OpenFlowError */
export function readNicira(body: ByteReader, at: number, readInner: ReadInner): Action {
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
    case NX.RESUBMIT_TABLE_CT: {
      const port = body.u16();
      const table = body.u8();
      const isSamePort = port === PORT.IN_PORT;
      const where = { ...(isSamePort ? {} : { port }), ...(table === 0xff ? {} : { table }) };
      return { type: "resubmit", ...where, usesCtTuple: true };
    }
    case NX.REG_LOAD:
      return readLoad(body, at);
    case NX.REG_LOAD2: {
      const { field, value, mask } = readOxmToSet(body);
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
    case NX.LEARN:
    case NX.LEARN2:
      return readLearn(body, subtype === NX.LEARN2, at, {
        readField: readOxmHeader,
        toSubField: (field, start, nBits) => subField(field, start, nBits, at),
      });
    case NX.CLONE:
      body.skip(6);
      return { type: "clone", actions: readInner(body, false) };
    case NX.CT:
      return readCt(body, at, {
        toSubField: (field, start, nBits) => subField(field, start, nBits, at),
        readActions: (rest) => readInner(rest, true),
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
    case NX.OUTPUT_REG:
      return { type: "outputField", source: readPart(body, at) };
    case NX.OUTPUT_REG2: {
      const bits = body.u16();
      body.skip(2);
      return { type: "outputField", source: partOf(readOxmHeader(body), bits, at) };
    }
    case NX.MULTIPATH:
      return readMultipath(body, at, (rest) => readTarget(rest, at));
    case NX.BUNDLE:
      return readBundle(body, at, undefined);
    case NX.BUNDLE_LOAD:
      return readBundle(body, at, (rest) => readTarget(rest, at));
    case NX.CHECK_PKT_LARGER: {
      const sizeBytes = body.u16();
      const start = body.u16();
      return { type: "checkPacketLarger", sizeBytes, target: subField(checkWritable(readOxmHeader(body), at), start, 1, at) };
    }
    case NX.FIN_TIMEOUT:
      return { type: "finTimeout", idleTimeout: body.u16(), hardTimeout: body.u16() };
    case NX.SAMPLE:
    case NX.SAMPLE2:
    case NX.SAMPLE3:
      return readSample(body, subtype !== NX.SAMPLE, at);
    case NX.DELETE_FIELD:
      return { type: "deleteField", field: deletable(readOxmHeader(body), at) };
    default:
      return readMpls(subtype, body, at);
  }
}

function readMpls(subtype: number, body: ByteReader, at: number): Action {
  switch (subtype) {
    case NX.PUSH_MPLS:
      return { type: "pushMpls", ethType: mplsEtherType(body.u16(), at) };
    case NX.POP_MPLS:
      return { type: "popMpls", ethType: body.u16() };
    case NX.SET_MPLS_LABEL:
      body.skip(2);
      return { type: "setMplsLabel", label: inRange(body.u32(), 0xfffff, "an MPLS label", at) };
    case NX.SET_MPLS_TC:
      return { type: "setMplsTc", tc: inRange(body.u8(), 7, "an MPLS traffic class", at) };
    case NX.SET_MPLS_TTL:
      return { type: "setMplsTtl", ttl: body.u8() };
    case NX.DEC_MPLS_TTL:
      return { type: "decMplsTtl" };
    default:
      return readPipelineAction(subtype, body, at);
  }
}

function readPipelineAction(subtype: number, body: ByteReader, at: number): Action {
  switch (subtype) {
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

/** A part of a field: `start << 6 | width - 1`, then the field. */
function readPart(body: ByteReader, at: number): SubField {
  const bits = body.u16();
  return partOf(readOxmHeader(body), bits, at);
}

function partOf(field: MatchField, bits: number, at: number): SubField {
  return subField(field, bits >>> 6, (bits & 0x3f) + 1, at);
}

function readTarget(body: ByteReader, at: number): SubField {
  const part = readPart(body, at);
  checkWritable(asMatchField(part.field), at);
  return part;
}

/** Only options of tunnel headers may be absent. */
function deletable(field: MatchField, at: number): MatchField {
  if (field.text.startsWith("tun_metadata")) return field;
  throw badArgument(`${field.text} cannot be deleted`, at);
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

function resubmit(port: number, table: number | undefined, at: number): Action {
  const isSamePort = port === PORT.IN_PORT;
  if (isSamePort && table === undefined) {
    throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", "A resubmit to the same port and table changes nothing", { details: { at } });
  }
  return { type: "resubmit", ...(isSamePort ? {} : { port }), ...(table === undefined ? {} : { table }) };
}
