/** The bodies of messages, everything after the header; `codec.ts` puts the header before them. */
import { AppError } from "@tenet/kit";
import { ByteWriter } from "@tenet/wire";
import { type BundleControlKind, type Message, type Role, VERSION } from "../message.ts";
import type { CodecOptions } from "./codec-options.ts";
import { encodeFlowMod, needsNiciraFlowMod } from "./flow-mod-wire.ts";
import { encodeFlowRemoved, needsNiciraFlowRemoved } from "./flow-removed-wire.ts";
import { encodeGroupMod } from "./group-wire.ts";
import { numberOf, NXT, ONF_SUBTYPE, TYPE_NUMBERS, type TypeNumber } from "./message-numbers.ts";
import { encodeMeterMod } from "./meter-wire.ts";
import { encodeMultipartRequest } from "./multipart-wire.ts";
import { EXPERIMENTER_ERROR, NICIRA, NICIRA_VENDOR_ERROR, ONF } from "./openflow-error.ts";
import { encodeNxtPacketIn, encodeNxtPacketIn2, encodePacketIn, encodePacketOut } from "./packet-wire.ts";
import { writePort } from "./port-number.ts";
import { writePortDesc } from "./port-wire.ts";
import { encodeCtFlush } from "./ct-flush-wire.ts";
import { encodeQueueConfig } from "./queue-wire.ts";
import { encodeTableMod, encodeTableStatus } from "./table-mod-wire.ts";
import { encodeTlvTableMod, encodeTlvTableReply } from "./tlv-table-wire.ts";

/** Encodes the message inside a bundle; given by the codec, which knows how to put a header before it. */
export type EncodeInner = (message: Message, xid: number) => Uint8Array;

/** Type number and body. */
export interface EncodedBody {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Stages of a bundle in the order of their numbers. */
export const BUNDLE_KINDS: readonly BundleControlKind[] = [
  "openRequest",
  "openReply",
  "closeRequest",
  "closeReply",
  "commitRequest",
  "commitReply",
  "discardRequest",
  "discardReply",
];

/** Roles in the order of their numbers. */
export const ROLES: readonly Role[] = ["noChange", "equal", "master", "slave"];

/** Why a controller lost its role, in the order of their numbers. */
export const ROLE_REASONS = ["masterRequest", "config", "experimenter"] as const;

/** Nicira's roles in the order of their numbers. */
export const NICIRA_ROLES: readonly Role[] = ["equal", "master", "slave"];

/** Reasons of a port status in the order of their numbers. */
export const PORT_REASONS: readonly ("add" | "delete" | "modify")[] = ["add", "delete", "modify"];

/** Packet-in formats by the numbers of NXT_SET_PACKET_IN_FORMAT. */
export const PACKET_IN_FORMATS = ["standard", "nxt", "nxt2"] as const;

/** Encodes a body. @throws AppError when the version cannot say the message */
export function encodeBody(message: Message, version: number, options: CodecOptions, inner: EncodeInner): EncodedBody {
  const writer = new ByteWriter();
  const plain = (type: TypeNumber): EncodedBody => ({ type: numberOf(type, version), body: writer.toBytes() });
  switch (message.type) {
    case "hello":
      if (message.versions !== undefined) writer.u16(1).u16(8).u32(message.versions);
      return plain(TYPE_NUMBERS.hello);
    case "error":
      writeError(writer, message, version);
      return plain(TYPE_NUMBERS.error);
    case "echoRequest":
    case "echoReply":
      writer.bytes(message.data);
      return plain(TYPE_NUMBERS[message.type]);
    case "featuresRequest":
    case "getConfigRequest":
    case "barrierRequest":
    case "barrierReply":
      return plain(TYPE_NUMBERS[message.type]);
    case "featuresReply":
      writeFeatures(writer, message, version);
      return plain(TYPE_NUMBERS.featuresReply);
    case "getConfigReply":
    case "setConfig":
      writer.u16(message.flags).u16(message.missSendLength);
      return plain(TYPE_NUMBERS[message.type]);
    case "packetOut":
      writer.bytes(encodePacketOut(message, version));
      return plain(TYPE_NUMBERS.packetOut);
    case "portStatus":
      writer.u8(PORT_REASONS.indexOf(message.reason)).zeros(7);
      writePortDesc(writer, message.port, version);
      return plain(TYPE_NUMBERS.portStatus);
    case "portMod":
      writePortMod(writer, message, version);
      return plain(TYPE_NUMBERS.portMod);
    case "multipartRequest":
      writer.bytes(encodeMultipartRequest(message.request, version, message.isLast));
      return plain(TYPE_NUMBERS.multipartRequest);
    case "flowMod":
      if (version === 1 && needsNiciraFlowMod(message))
        return nicira(version, NXT.flowMod, encodeFlowMod(message, version, options));
      writer.bytes(encodeFlowMod(message, version, options));
      return plain(TYPE_NUMBERS.flowMod);
    case "groupMod":
      if (version === 1) return nicira(version, NXT.groupMod, encodeGroupMod(message, version));
      writer.bytes(encodeGroupMod(message, version));
      return plain(TYPE_NUMBERS.groupMod);
    case "meterMod":
      if (version < VERSION.OF13) throw notEncodable("there are no meters", "1.0 to 1.2");
      writer.bytes(encodeMeterMod(message));
      return plain(TYPE_NUMBERS.meterMod);
    case "flowRemoved":
      writer.bytes(encodeFlowRemoved(message, version));
      if (version === 1 && needsNiciraFlowRemoved(message)) return nicira(version, NXT.flowRemoved, writer.toBytes());
      return plain(TYPE_NUMBERS.flowRemoved);
    case "packetIn":
      if (message.format === "nxt") return nicira(version, NXT.packetIn, encodeNxtPacketIn(message));
      if (message.format === "nxt2") return nicira(version, NXT.packetIn2, encodeNxtPacketIn2(message, version));
      writer.bytes(encodePacketIn(message, version));
      return plain(TYPE_NUMBERS.packetIn);
    default:
      return encodeControl(message, version, writer, inner);
  }
}

type ControlMessage = Exclude<
  Message,
  {
    type:
      | "hello"
      | "error"
      | "echoRequest"
      | "echoReply"
      | "featuresRequest"
      | "featuresReply"
      | "getConfigRequest"
      | "getConfigReply"
      | "setConfig"
      | "barrierRequest"
      | "barrierReply"
      | "packetOut"
      | "portStatus"
      | "portMod"
      | "multipartRequest"
      | "flowMod"
      | "groupMod"
      | "meterMod"
      | "flowRemoved"
      | "packetIn";
  }
>;

/** Roles, asynchronous events, bundles and Nicira's switches. */
function encodeControl(message: ControlMessage, version: number, writer: ByteWriter, inner: EncodeInner): EncodedBody {
  switch (message.type) {
    case "roleRequest":
    case "roleReply": {
      if (version < VERSION.OF12 || message.generationId === undefined) {
        const role = Math.max(0, NICIRA_ROLES.indexOf(message.role));
        return nicira(version, NXT[message.type], writer.u32(role).toBytes());
      }
      writer.u32(ROLES.indexOf(message.role)).zeros(4).u64(message.generationId);
      return { type: TYPE_NUMBERS[message.type].of11, body: writer.toBytes() };
    }
    case "setAsync":
    case "getAsyncReply":
      return encodeAsync(message, version, writer);
    case "getAsyncRequest":
      if (version < VERSION.OF13) throw notEncodable("nobody asks for this", "1.0 to 1.2");
      return { type: TYPE_NUMBERS.getAsyncRequest.of11, body: new Uint8Array(0) };
    case "bundleControl": {
      writer.u32(message.bundleId).u16(BUNDLE_KINDS.indexOf(message.kind)).u16(message.flags);
      return sinceOf14(version, ONF_SUBTYPE.bundleControl, TYPE_NUMBERS.bundleControl.of11, writer.toBytes());
    }
    case "bundleAdd": {
      writer.u32(message.bundleId).zeros(2).u16(message.flags);
      writer.bytes(inner(message.message, message.xid));
      return sinceOf14(version, ONF_SUBTYPE.bundleAdd, TYPE_NUMBERS.bundleAdd.of11, writer.toBytes());
    }
    case "roleStatus": {
      writer.u32(ROLES.indexOf(message.role)).u8(ROLE_REASONS.indexOf(message.reason)).zeros(3).u64(message.generationId);
      return sinceOf14(version, ONF_SUBTYPE.roleStatus, TYPE_NUMBERS.roleStatus.of11, writer.toBytes());
    }
    case "requestForward":
      writer.bytes(inner(message.message, message.xid));
      if (version < VERSION.OF13) return nicira(version, NXT.requestForward, writer.toBytes());
      return sinceOf14(version, ONF_SUBTYPE.requestForward, TYPE_NUMBERS.requestForward.of11, writer.toBytes());
    case "tableMod":
      if (version === 1) throw notEncodable("tables cannot be configured", "1.0");
      return { type: TYPE_NUMBERS.tableMod.of11, body: encodeTableMod(message, version) };
    case "tableStatus":
      if (version < 5) throw notEncodable("tables tell nothing", "1.0 to 1.3");
      return { type: TYPE_NUMBERS.tableStatus.of11, body: encodeTableStatus(message) };
    case "queueConfigRequest":
      writePort(writer, message.port, version);
      return queueConfig(version, "queueConfigRequest", writer.zeros(version === 1 ? 2 : 4).toBytes());
    case "queueConfigReply":
      return queueConfig(version, "queueConfigReply", encodeQueueConfig(message.port, message.queues, version));
    case "flowMonitorCancel":
      return monitorControl(version, "flowMonitorCancel", writer.u32(message.id).toBytes());
    case "flowMonitorPaused":
    case "flowMonitorResumed":
      return monitorControl(version, message.type, new Uint8Array(0));
    case "ctFlush":
      return nicira(version, NXT.ctFlush, encodeCtFlush(message));
    case "setFlowFormat":
      return nicira(version, NXT.setFlowFormat, writer.u32(message.format === "nxm" ? 2 : 0).toBytes());
    case "flowModTableId":
      return nicira(
        version,
        NXT.flowModTableId,
        writer
          .u8(message.isOn ? 1 : 0)
          .zeros(7)
          .toBytes(),
      );
    case "setPacketInFormat":
      return nicira(version, NXT.setPacketInFormat, writer.u32(PACKET_IN_FORMATS.indexOf(message.format)).toBytes());
    case "setControllerId":
      return nicira(version, NXT.setControllerId, writer.zeros(6).u16(message.controllerId).toBytes());
    case "resume":
      return nicira(version, NXT.resume, encodeNxtPacketIn2(message.packet, version));
    case "flushZone":
      return nicira(version, NXT.flushZone, writer.zeros(6).u16(message.zone).toBytes());
    case "tlvTableMod":
      return nicira(version, NXT.tlvTableMod, encodeTlvTableMod(message));
    case "tlvTableRequest":
      return nicira(version, NXT.tlvTableRequest, new Uint8Array(0));
    case "tlvTableReply":
      return nicira(version, NXT.tlvTableReply, encodeTlvTableReply(message));
    default:
      throw new AppError(`Cannot encode the message "${message.type}"`, { code: "OPENFLOW_NOT_ENCODABLE" });
  }
}

function nicira(version: number, subtype: number, body: Uint8Array): EncodedBody {
  return experimenter(version, NICIRA, subtype, body);
}

/** A message of OpenFlow 1.4 and later, which the ONF's extension carries in 1.3. */
function sinceOf14(version: number, subtype: number, standardType: number, body: Uint8Array): EncodedBody {
  if (version >= 5) return { type: standardType, body };
  if (version === VERSION.OF13) return experimenter(version, ONF, subtype, body);
  throw notEncodable("there are no bundles, and nothing is told of roles", "1.0 to 1.2");
}

/** OpenFlow 1.4 and later have statistics in the place of these. */
function queueConfig(version: number, name: "queueConfigRequest" | "queueConfigReply", body: Uint8Array): EncodedBody {
  if (version >= 5) throw notEncodable("queues are told by statistics", "1.4 and later");
  return { type: numberOf(TYPE_NUMBERS[name], version), body };
}

/** OpenFlow 1.4 and later say this inside flow monitors. */
function monitorControl(
  version: number,
  name: "flowMonitorCancel" | "flowMonitorPaused" | "flowMonitorResumed",
  body: Uint8Array,
): EncodedBody {
  if (version < VERSION.OF13) return nicira(version, NXT[name], body);
  if (version === VERSION.OF13) return experimenter(version, ONF, ONF_SUBTYPE[name], body);
  throw notEncodable("flow monitors say this themselves", "1.4 and later");
}

function notEncodable(why: string, versions: string): AppError {
  return new AppError(`Cannot send this message: in OpenFlow ${versions} ${why}`, {
    code: "OPENFLOW_NOT_ENCODABLE",
    hint: "Negotiate another version",
  });
}

function experimenter(version: number, number: number, subtype: number, body: Uint8Array): EncodedBody {
  const writer = new ByteWriter(8 + body.length).u32(number).u32(subtype).bytes(body);
  return { type: numberOf(TYPE_NUMBERS.experimenter, version), body: writer.toBytes() };
}

function writeError(writer: ByteWriter, error: Extract<Message, { type: "error" }>, version: number): void {
  if (error.experimenter === undefined) writer.u16(error.errorType).u16(error.code);
  else if (version < VERSION.OF12)
    writer.u16(NICIRA_VENDOR_ERROR).u16(0).u32(error.experimenter).u16(error.errorType).u16(error.code);
  else writer.u16(EXPERIMENTER_ERROR).u16(error.code).u32(error.experimenter);
  writer.bytes(error.data);
}

function writeFeatures(writer: ByteWriter, reply: Extract<Message, { type: "featuresReply" }>, version: number): void {
  writer.u64(reply.datapathId).u32(reply.nBuffers).u8(reply.nTables);
  writer.u8(version < VERSION.OF13 ? 0 : reply.auxiliaryId).zeros(2);
  writer.u32(reply.capabilities).u32(version === VERSION.OF10 ? reply.actions : 0);
  if (version < VERSION.OF13) for (const port of reply.ports) writePortDesc(writer, port, version);
}

function writePortMod(writer: ByteWriter, mod: Extract<Message, { type: "portMod" }>, version: number): void {
  writePort(writer, mod.port, version);
  if (version > 1) writer.zeros(4);
  writer.u48(mod.mac);
  if (version > 1) writer.zeros(2);
  writer.u32(mod.config).u32(mod.mask);
  if (version < 5) writer.u32(mod.advertise).zeros(4);
  else if (mod.advertise !== 0) writer.u16(0).u16(8).u32(mod.advertise);
}

/** Properties of OpenFlow 1.4: slave and master of each kind; index 0 of ours is master. */
function encodeAsync(
  message: Extract<Message, { type: "setAsync" | "getAsyncReply" }>,
  version: number,
  writer: ByteWriter,
): EncodedBody {
  const type = TYPE_NUMBERS[message.type].of11;
  const kinds = [message.packetIn, message.portStatus, message.flowRemoved] as const;
  if (version < 5) {
    for (const [master = 0, slave = 0] of kinds) writer.u32(master).u32(slave);
    const body = writer.toBytes();
    return version < VERSION.OF13 ? nicira(version, NXT.setAsync, body) : { type, body };
  }
  const later = [message.roleStatus, message.tableStatus, message.requestForward].map((mask) => mask ?? [undefined, undefined]);
  [...kinds, ...later].forEach(([master, slave], i) => {
    for (const [offset, mask] of [slave, master].entries()) {
      if (mask === undefined) continue;
      writer
        .u16(2 * i + offset)
        .u16(8)
        .u32(mask);
    }
  });
  return { type, body: writer.toBytes() };
}
