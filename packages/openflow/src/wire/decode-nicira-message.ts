/** Reads the bodies of Nicira's messages, after their subtype. */
import type { ByteReader } from "@tenet/wire";
import type { Message } from "../message.ts";
import { readAsync, readAsyncProperties } from "./async-wire.ts";
import type { CodecOptions } from "./codec-options.ts";
import { decodeCtFlush } from "./ct-flush-wire.ts";
import { NICIRA_ROLES, PACKET_IN_FORMATS } from "./encode-body.ts";
import { decodeNiciraFlowMod } from "./flow-mod-wire.ts";
import { decodeNiciraFlowRemoved } from "./flow-removed-wire.ts";
import { decodeGroupMod } from "./group-wire.ts";
import { NXT } from "./message-numbers.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeNxtPacketIn, decodeNxtPacketIn2 } from "./packet-wire.ts";
import { decodeTlvTableMod, decodeTlvTableReply } from "./tlv-table-wire.ts";

/** Reads a body; `undefined` for a subtype that the version does not have. @throws OpenFlowError, TruncatedError */
export function readNicira(subtype: number, version: number, body: ByteReader, options: CodecOptions): Message | undefined {
  switch (subtype) {
    case NXT.roleRequest:
    case NXT.roleReply: {
      const role = NICIRA_ROLES[body.u32()];
      if (role === undefined) throw new OpenFlowError("OFPRRFC_BAD_ROLE", "This role is not known");
      return { type: subtype === NXT.roleRequest ? "roleRequest" : "roleReply", role };
    }
    case NXT.setFlowFormat:
      return version === 1 ? readFlowFormat(body) : undefined;
    case NXT.flowMod:
      return version === 1 ? decodeNiciraFlowMod(body, options) : undefined;
    case NXT.flowRemoved:
      return version === 1 ? decodeNiciraFlowRemoved(body) : undefined;
    case NXT.groupMod:
      if (version !== 1) return undefined;
      return decodeGroupMod(body, version);
    case NXT.flowModTableId:
      return { type: "flowModTableId", isOn: readSwitch(body) };
    case NXT.setPacketInFormat: {
      const format = PACKET_IN_FORMATS[body.u32()];
      if (format === undefined) throw new OpenFlowError("OFPBRC_EPERM", "This packet-in format is not known");
      return { type: "setPacketInFormat", format };
    }
    case NXT.packetIn:
      return decodeNxtPacketIn(body);
    case NXT.packetIn2:
      return decodeNxtPacketIn2(body, version);
    case NXT.resume:
      return { type: "resume", packet: decodeNxtPacketIn2(body, version) };
    case NXT.setAsync:
      return { type: "setAsync", ...readAsync(body) };
    case NXT.setAsync2:
      return { type: "setAsync", ...readAsyncProperties(body) };
    case NXT.setControllerId:
      skipZeros(body, 6);
      return { type: "setControllerId", controllerId: body.u16() };
    case NXT.flushZone:
      skipZeros(body, 6);
      return { type: "flushZone", zone: body.u16() };
    case NXT.flowMonitorCancel:
      return { type: "flowMonitorCancel", id: body.u32() };
    case NXT.flowMonitorPaused:
      return { type: "flowMonitorPaused" };
    case NXT.flowMonitorResumed:
      return { type: "flowMonitorResumed" };
    case NXT.ctFlush:
      return decodeCtFlush(body);
    case NXT.tlvTableMod:
      return decodeTlvTableMod(body);
    case NXT.tlvTableRequest:
      return { type: "tlvTableRequest" };
    case NXT.tlvTableReply:
      return decodeTlvTableReply(body);
    default:
      return undefined;
  }
}

function readFlowFormat(body: ByteReader): Message {
  const number = body.u32();
  if (number === 0 || number === 2) return { type: "setFlowFormat", format: number === 0 ? "openflow10" : "nxm" };
  throw new OpenFlowError("OFPBRC_EPERM", `Flow format ${number} is not known`);
}

/** One byte that is on or off, and seven that are zero. */
function readSwitch(body: ByteReader): boolean {
  const value = body.u8();
  skipZeros(body, 7);
  return value !== 0;
}

function skipZeros(body: ByteReader, size: number): void {
  for (let i = 0; i < size; i++) {
    if (body.u8() !== 0) throw new OpenFlowError("NXBRC_MUST_BE_ZERO", "Padding is not zero", { details: { at: body.at - 1 } });
  }
}
