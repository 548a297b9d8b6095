/**
 * Writes actions in the form of each version.
 *
 * What the standard has no action for is written as Nicira's extension, which Open vSwitch speaks in every
 * version. Instructions inside a list (OpenFlow 1.0) become the action that comes nearest, or nothing.
 */
import { FIELDS, fieldOnes, getField } from "@tenet/net";
import { AppError } from "@tenet/kit";
import { ByteWriter } from "@tenet/wire";
import { type Action, type Match, PORT, type SubField } from "../action.ts";
import { fromFieldWords, runsOfOnes } from "../match/field-words.ts";
import { asMatchField, type MatchField, matchField } from "../match/match-field.ts";
import { VERSION } from "../message.ts";
import { NO_TABLE, NX } from "./action-numbers.ts";
import { writeBundle, writeMultipath } from "./choice-wire.ts";
import { writeCt, writeNat } from "./connection-actions.ts";
import { fieldActionNumber, writeFieldAction } from "./field-actions.ts";
import { needsLearn2, writeLearn } from "./learn-wire.ts";
import { NICIRA } from "./openflow-error.ts";
import { writeOxm, writeOxmHeader } from "./oxm.ts";
import { widenPort } from "./port-number.ts";
import { sampleSubtype, writeSample } from "./sample-wire.ts";

type SetField = Extract<Action, { type: "setField" }>;

/** What an encoder knows while it walks a list. */
interface Sink {
  readonly writer: ByteWriter;
  readonly version: number;
  /** Packets surely have a VLAN tag here. */
  hasVlan: boolean;
}

const VLAN_VID = matchField("vlan_vid");
const VLAN_PCP = matchField("vlan_pcp");
const MPLS_LABEL = matchField("mpls_label");
const MPLS_TC = matchField("mpls_tc");
/** Bytes of the field in NXAST_DELETE_FIELD, with padding, however long its header is. */
const DELETE_FIELD_ROOM = 14;

/** Writes a list of actions without instructions. `match` tells whether packets have a VLAN tag. */
export function encodeActions(actions: readonly Action[], version: number, match?: Match): Uint8Array {
  const writer = ByteWriter.borrow();
  const sink: Sink = { writer, version, hasVlan: match !== undefined && isTagged(match) };
  for (const action of actions) writeAction(sink, action);
  return writer.giveBack();
}

function isTagged({ key, mask }: Match): boolean {
  return (getField(key, FIELDS.vlan_tci) & getField(mask, FIELDS.vlan_tci) & 0x1000) !== 0;
}

/** Two words as one number. */
export function words64(words: Uint32Array): bigint {
  return (BigInt(words[0] ?? 0) << 32n) | BigInt(words[1] ?? 0);
}

function writeAction(sink: Sink, action: Action): void {
  const { writer, version } = sink;
  switch (action.type) {
    case "output":
      return writeOutput(sink, action.port, action.maxLength);
    case "outputField":
      return writeOutputField(sink, action.source);
    case "controller":
      return writeController(sink, action);
    case "setField":
      return writeSetField(sink, action);
    case "setVlanVid":
      return writeVlan(sink, action, VLAN_VID, BigInt(action.vid | 0x1000));
    case "setVlanPcp":
      return writeVlan(sink, action, VLAN_PCP, BigInt(action.pcp));
    case "move":
      return writeMove(sink, action.source, action.target);
    case "push":
      return writeStack(sink, NX.STACK_PUSH, action.source);
    case "pop":
      return writeStack(sink, NX.STACK_POP, action.target);
    case "pushVlan":
      sink.hasVlan = true;
      if (version > 1) writer.u16(17).u16(8).u16(action.ethType).zeros(2);
      return;
    case "popVlan":
      sink.hasVlan = false;
      writer
        .u16(version === 1 ? 3 : 18)
        .u16(8)
        .zeros(4);
      return;
    case "decTtl":
      return writeDecTtl(sink, action.controllerIds);
    case "setQueue":
      if (version === 1) return writeNicira(sink, NX.SET_QUEUE, (body) => body.zeros(2).u32(action.queue));
      writer.u16(21).u16(8).u32(action.queue);
      return;
    case "enqueue":
      return writeEnqueue(sink, action.port, action.queue);
    case "group":
      if (version === 1) return writeNicira(sink, NX.GROUP, (body) => body.zeros(2).u32(action.group));
      writer.u16(22).u16(8).u32(action.group);
      return;
    default:
      return writeExtension(sink, action);
  }
}

/** Actions that are Nicira's in every version, and instructions that stand inside a list. */
function writeExtension(sink: Sink, action: Action): void {
  switch (action.type) {
    case "resubmit":
      return writeResubmit(sink, action.port, action.table, action.usesCtTuple);
    case "gotoTable":
      return writeResubmit(sink, undefined, action.table);
    case "popQueue":
      return writeNicira(sink, NX.POP_QUEUE, (body) => body.zeros(6));
    case "clone":
      return writeNicira(sink, NX.CLONE, (body) => body.zeros(6).bytes(encodeActions(action.actions, sink.version)));
    case "ct":
      return writeNicira(sink, NX.CT, (body) =>
        writeCt(body, action, {
          writeField: (writer, field) => writeField(sink, writer, field),
          encodeActions: (actions) => encodeActions(actions, sink.version),
        }),
      );
    case "nat":
      return writeNicira(sink, NX.NAT, (body) => writeNat(body, action));
    case "ctClear":
      return writeNicira(sink, NX.CT_CLEAR, (body) => body.zeros(6));
    case "conjunction":
      return writeNicira(sink, NX.CONJUNCTION, (body) =>
        body
          .u8(action.clause - 1)
          .u8(action.nClauses)
          .u32(action.id),
      );
    case "note":
      return writeNicira(sink, NX.NOTE, (body) =>
        body.bytes(action.bytes).zeros(action.bytes.length < 6 ? 6 - action.bytes.length : 0),
      );
    case "exit":
      return writeNicira(sink, NX.EXIT, (body) => body.zeros(6));
    case "writeMetadata":
      return writeNicira(sink, NX.WRITE_METADATA, (body) => body.zeros(6).u64(words64(action.value)).u64(words64(action.mask)));
    case "meter":
      if (sink.version >= 6) sink.writer.u16(29).u16(8).u32(action.meter);
      return;
    case "clearActions":
    case "writeActions":
      return;
    case "learn":
      return writeNicira(sink, needsLearn2(action) ? NX.LEARN2 : NX.LEARN, (body) =>
        writeLearn(body, action, {
          writeField: (writer, field) => writeField(sink, writer, field),
          widthOf: ({ field, nBits }) => wireBits(field, nBits),
        }),
      );
    case "finTimeout":
      return writeNicira(sink, NX.FIN_TIMEOUT, (body) => body.u16(action.idleTimeout).u16(action.hardTimeout));
    case "multipath":
      return writeNicira(sink, NX.MULTIPATH, (body) => writeMultipath(body, action, (rest, part) => writePart(sink, rest, part)));
    case "bundle":
      return writeNicira(sink, action.target === undefined ? NX.BUNDLE : NX.BUNDLE_LOAD, (body) =>
        writeBundle(body, action, (rest, part) => writePart(sink, rest, part)),
      );
    case "checkPacketLarger":
      return writeNicira(sink, NX.CHECK_PKT_LARGER, (body) => {
        body.u16(action.sizeBytes).u16(action.target.start);
        writeField(sink, body, action.target.field);
      });
    case "sample":
      return writeNicira(sink, sampleSubtype(action), (body) => writeSample(body, action));
    case "deleteField":
      return writeNicira(sink, NX.DELETE_FIELD, (body) => {
        const start = body.length;
        writeField(sink, body, action.field);
        body.align(DELETE_FIELD_ROOM, start);
      });
    default:
      return writeMpls(sink, action);
  }
}

/** OpenFlow 1.0 has no MPLS; OpenFlow 1.2 and later set label and class as fields. */
function writeMpls(sink: Sink, action: Action): void {
  const { writer, version } = sink;
  const isOld = version === 1;
  switch (action.type) {
    case "pushMpls":
      if (isOld) return writeNicira(sink, NX.PUSH_MPLS, (body) => body.u16(action.ethType));
      writer.u16(19).u16(8).u16(action.ethType).zeros(2);
      return;
    case "popMpls":
      if (isOld) return writeNicira(sink, NX.POP_MPLS, (body) => body.u16(action.ethType));
      writer.u16(20).u16(8).u16(action.ethType).zeros(2);
      return;
    case "setMplsLabel":
      if (isOld) return writeNicira(sink, NX.SET_MPLS_LABEL, (body) => body.zeros(2).u32(action.label));
      if (version === VERSION.OF11) {
        writer.u16(fieldActionNumber("mplsLabel", version)).u16(8).u32(action.label);
        return;
      }
      return writeStandardSetField(writer, MPLS_LABEL, BigInt(action.label), fieldOnes(MPLS_LABEL), version);
    case "setMplsTc":
      if (isOld) return writeNicira(sink, NX.SET_MPLS_TC, (body) => body.u8(action.tc));
      if (version === VERSION.OF11) {
        writer.u16(fieldActionNumber("mplsTc", version)).u16(8).u8(action.tc).zeros(3);
        return;
      }
      return writeStandardSetField(writer, MPLS_TC, BigInt(action.tc), fieldOnes(MPLS_TC), version);
    case "setMplsTtl":
      if (isOld) return writeNicira(sink, NX.SET_MPLS_TTL, (body) => body.u8(action.ttl));
      writer.u16(15).u16(8).u8(action.ttl).zeros(3);
      return;
    case "decMplsTtl":
      if (isOld) return writeNicira(sink, NX.DEC_MPLS_TTL, (body) => body.zeros(6));
      writer.u16(16).u16(8).zeros(4);
      return;
    default:
      throw new AppError(`Cannot encode the action "${action.type}"`, { code: "OPENFLOW_ACTION_NOT_ENCODABLE" });
  }
}

/** Writes the name of a field as Nicira's actions do. */
function writeField({ version }: Sink, body: ByteWriter, field: SubField["field"]): void {
  writeOxmHeader(body, asMatchField(field), nxmVersion(field, version));
}

/** Writes `start << 6 | width - 1` and the name of a field. */
function writePart(sink: Sink, body: ByteWriter, { field, start, nBits }: SubField): void {
  body.u16((start << 6) | (wireBits(field, nBits) - 1));
  writeField(sink, body, field);
}

/** Writes an experimenter action: header, the body, zeros up to 8 bytes. */
function writeNicira({ writer }: Sink, subtype: number, body: (writer: ByteWriter) => void): void {
  const start = writer.length;
  writer.u16(0xffff).u16(0).u32(NICIRA).u16(subtype);
  body(writer);
  writer.align(8, start);
  writer.patchU16(start + 2, writer.length - start);
}

function writeOutput(sink: Sink, port: number, maxLength: number | undefined): void {
  const { writer, version } = sink;
  if (maxLength !== undefined) return writeNicira(sink, NX.OUTPUT_TRUNC, (body) => body.u16(port).u32(maxLength));
  if (version === 1) writer.u16(0).u16(8).u16(port).u16(0);
  else writer.u16(0).u16(16).u32(widenPort(port)).u16(0).zeros(6);
}

function writeController(sink: Sink, action: Extract<Action, { type: "controller" }>): void {
  const { maxLength, reason, controllerId, userdata = new Uint8Array(0), pauses = false, meter } = action;
  const { writer, version } = sink;
  if (userdata.length > 0 || pauses || meter !== undefined) {
    return writeNicira(sink, NX.CONTROLLER2, (body) => {
      body.zeros(6);
      if (maxLength !== 0xffff) body.u16(0).u16(6).u16(maxLength).zeros(2);
      if (controllerId !== 0) body.u16(1).u16(6).u16(controllerId).zeros(2);
      if (reason !== 1) body.u16(2).u16(5).u8(reason).zeros(3);
      if (userdata.length > 0) {
        const start = body.length;
        const length = 4 + userdata.length;
        body.u16(3).u16(length).bytes(userdata).align(8, start);
      }
      if (pauses) body.u16(4).u16(4).zeros(4);
      if (meter !== undefined) body.u16(5).u16(8).u32(meter);
    });
  }
  if (reason !== 1 || controllerId !== 0) {
    return writeNicira(sink, NX.CONTROLLER, (body) => body.u16(maxLength).u16(controllerId).u8(reason).zeros(1));
  }
  if (version === 1) writer.u16(0).u16(8).u16(PORT.CONTROLLER).u16(maxLength);
  else writer.u16(0).u16(16).u32(widenPort(PORT.CONTROLLER)).u16(maxLength).zeros(6);
}

function writeOutputField(sink: Sink, { field, start, nBits }: SubField): void {
  writeNicira(sink, NX.OUTPUT_REG, (body) => {
    body.u16((start << 6) | (nBits - 1));
    writeOxmHeader(body, asMatchField(field), sink.version);
    body.u16(0xffff).zeros(6);
  });
}

function writeResubmit(sink: Sink, port: number | undefined, table: number | undefined, usesCtTuple = false): void {
  const inPort = port ?? PORT.IN_PORT;
  if (usesCtTuple) {
    writeNicira(sink, NX.RESUBMIT_TABLE_CT, (body) =>
      body
        .u16(inPort)
        .u8(table ?? NO_TABLE)
        .zeros(3),
    );
  } else if (table === undefined) writeNicira(sink, NX.RESUBMIT, (body) => body.u16(inPort).zeros(4));
  else writeNicira(sink, NX.RESUBMIT_TABLE, (body) => body.u16(inPort).u8(table).zeros(3));
}

function writeDecTtl(sink: Sink, controllerIds: readonly number[] | undefined): void {
  if (controllerIds !== undefined) {
    return writeNicira(sink, NX.DEC_TTL_CNT_IDS, (body) => {
      body.u16(controllerIds.length).zeros(4);
      for (const id of controllerIds) body.u16(id);
    });
  }
  if (sink.version === 1) writeNicira(sink, NX.DEC_TTL, (body) => body.zeros(6));
  else sink.writer.u16(24).u16(8).zeros(4);
}

function writeEnqueue(sink: Sink, port: number, queue: number): void {
  if (sink.version === 1) {
    sink.writer.u16(11).u16(16).u16(port).zeros(6).u32(queue);
    return;
  }
  writeAction(sink, { type: "setQueue", queue });
  writeOutput(sink, port, undefined);
  writeAction(sink, { type: "popQueue" });
}

/** OpenFlow 1.0 pushes a tag where there is none; later versions have it pushed where there may be none, and set the field. */
function writeVlan(sink: Sink, { pushes }: { readonly pushes?: false }, field: MatchField, value: bigint): void {
  const { writer, version } = sink;
  if (version > VERSION.OF10 && pushes !== false && !sink.hasVlan) writeAction(sink, { type: "pushVlan", ethType: 0x8100 });
  if (version < VERSION.OF12) writeFieldAction(writer, field, value, true, version);
  else writeStandardSetField(writer, field, value, fieldOnes(field), version);
  sink.hasVlan = true;
}

function writeMove(sink: Sink, source: SubField, target: SubField): void {
  const { writer, version } = sink;
  const nBits = Math.min(wireBits(source.field, source.nBits), wireBits(target.field, target.nBits));
  if (version >= 6) {
    const start = writer.length;
    writer.u16(28).u16(0).u16(nBits).u16(source.start).u16(target.start).zeros(2);
    writeOxmHeader(writer, asMatchField(source.field), version);
    writeOxmHeader(writer, asMatchField(target.field), version);
    writer.align(8, start);
    writer.patchU16(start + 2, writer.length - start);
    return;
  }
  writeNicira(sink, NX.REG_MOVE, (body) => {
    body.u16(nBits).u16(source.start).u16(target.start);
    writeOxmHeader(body, asMatchField(source.field), nxmVersion(source.field, version));
    writeOxmHeader(body, asMatchField(target.field), nxmVersion(target.field, version));
  });
}

function writeStack(sink: Sink, subtype: number, { field, start, nBits }: SubField): void {
  writeNicira(sink, subtype, (body) => {
    body.u16(start);
    writeOxmHeader(body, asMatchField(field), nxmVersion(field, sink.version));
    body.u16(wireBits(field, nBits)).zeros(6);
  });
}

/** All of a field is all of it, whatever width a FlowKey gives it. */
function wireBits(field: SubField["field"], nBits: number): number {
  return nBits === field.nBits ? asMatchField(field).wireBits : nBits;
}

/** Nicira's actions before OpenFlow 1.5 name fields by NXM where there is such a name: that is what the peer prints. */
function nxmVersion(field: SubField["field"], version: number): number {
  return version < 6 && asMatchField(field).nxm !== undefined ? 1 : version;
}

function writeSetField(sink: Sink, action: SetField): void {
  const { writer, version } = sink;
  const field = withHeader(asMatchField(action.field));
  const value = fromFieldWords(field, action.value);
  const mask = fromFieldWords(field, action.mask);
  const isWhole = mask === fieldOnes(field);
  if (version > 1 && action.form === "mod" && field.text === "nw_ttl") {
    writer.u16(23).u16(8).u8(Number(value)).zeros(3);
    return;
  }
  if (version >= 6) return writeStandardSetField(writer, field, value, mask, version);
  if (action.form !== "load" && isWhole) {
    if (version < VERSION.OF12) {
      if (field.text === "tun_id" && action.form === "mod") return writeSetTunnel(sink, value);
      if (writeFieldAction(writer, field, value, action.form === "mod", version)) return;
    } else return writeStandardSetField(writer, field, value, mask, version);
  }
  // Options of tunnel headers may be wider than a load can say.
  if (field.option !== undefined || field.presentBit !== undefined) {
    return writeNicira(sink, NX.REG_LOAD2, (body) => writeOxm(body, field, value & mask, mask, 1));
  }
  for (const { start, nBits } of runsOfOnes(mask)) {
    for (let done = 0; done < nBits; done += 64) writeLoad(sink, field, value, start + done, Math.min(64, nBits - done));
  }
}

/** OpenFlow 1.0's own names for ports stand for TCP's where the flow's transport is not known. */
function withHeader(field: MatchField): MatchField {
  if (field.text === "tp_src") return matchField("tcp_src");
  return field.text === "tp_dst" ? matchField("tcp_dst") : field;
}

function writeLoad(sink: Sink, field: MatchField, value: bigint, start: number, nBits: number): void {
  writeNicira(sink, NX.REG_LOAD, (body) => {
    body.u16((start << 6) | (wireBits(field, nBits) - 1));
    writeOxmHeader(body, field, nxmVersion(field, sink.version));
    body.u64((value >> BigInt(start)) & ((1n << BigInt(nBits)) - 1n));
  });
}

function writeStandardSetField(writer: ByteWriter, field: MatchField, value: bigint, mask: bigint, version: number): void {
  const start = writer.length;
  writer.u16(25).u16(0);
  writeOxm(writer, field, value & mask, mask, version);
  writer.align(8, start);
  writer.patchU16(start + 2, writer.length - start);
}

/** Nicira's action that sets the key of a tunnel. */
function writeSetTunnel(sink: Sink, value: bigint): void {
  if (value > 0xffff_ffffn) writeNicira(sink, NX.SET_TUNNEL64, (body) => body.zeros(6).u64(value));
  else writeNicira(sink, NX.SET_TUNNEL, (body) => body.zeros(2).u32(Number(value)));
}
