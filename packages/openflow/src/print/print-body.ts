/** Messages by their type, after what they are called. */
import { formatIp4, formatIp6 } from "@tenet/net";
import type { CtFlush, CtFlushTuple } from "../ct-flush.ts";
import { type Envelope, type Message, type Role, VERSION } from "../message.ts";
import { formatErrorNumbers, OpenFlowError } from "../wire/openflow-error.ts";
import { formatHex } from "../text/integer.ts";
import { formatPort } from "../text/port-name.ts";
import { hexDump } from "./hex-dump.ts";
import { type BitNames, namesOfBits } from "./names-of-bits.ts";
import { namesOfActions } from "./names-of-actions.ts";
import { printAsync } from "./print-async.ts";
import { printFlowMod, printFlowRemoved } from "./print-flow-messages.ts";
import { printGroupMod, printMeterMod } from "./print-group.ts";
import { printQueues, printReply, printRequest } from "./print-multipart.ts";
import { printPacketIn, printPacketOut } from "./print-packet.ts";
import { printPortDesc, printPortMod } from "./print-port.ts";
import { printTableMod, printTableStatus, printTlvTable, printTlvTableMod } from "./print-table.ts";

type Features = Extract<Message, { type: "featuresReply" }>;
type Config = Extract<Message, { type: "getConfigReply" | "setConfig" }>;
type RoleMessage = Extract<Message, { type: "roleRequest" | "roleReply" | "roleStatus" }>;
type BundleMessage = Extract<Message, { type: "bundleControl" | "bundleAdd" }>;

const CAPABILITIES_10: BitNames = [
  "FLOW_STATS",
  "TABLE_STATS",
  "PORT_STATS",
  "STP",
  "",
  "IP_REASM",
  "QUEUE_STATS",
  "ARP_MATCH_IP",
];
const CAPABILITIES_11: BitNames = CAPABILITIES_10.map((name) => (name === "STP" ? "GROUP_STATS" : name));
const CAPABILITIES_12: BitNames = CAPABILITIES_11.map((name) => (name === "ARP_MATCH_IP" ? "" : name)).concat("PORT_BLOCKED");
const CAPABILITIES_14: BitNames = [...CAPABILITIES_12, "BUNDLES", "FLOW_MONITORING"];
/** By wire version. */
const CAPABILITIES: readonly (BitNames | undefined)[] = [
  undefined,
  CAPABILITIES_10,
  CAPABILITIES_11,
  CAPABILITIES_12,
  CAPABILITIES_12,
  CAPABILITIES_14,
  CAPABILITIES_14,
];
const FRAGMENTS = ["normal", "drop", "reassemble", "nx-match"];
const INVALID_TTL = 4;
const ROLES: Readonly<Record<Role, string>> = { noChange: "nochange", equal: "equal", master: "primary", slave: "secondary" };
const ROLE_REASONS = {
  masterRequest: "primary_request",
  config: "configuration_changed",
  experimenter: "experimenter_data_changed",
} as const;
const NO_GENERATION = 0xffff_ffff_ffff_ffffn;
const BUNDLE_FLAGS: BitNames = ["atomic", "ordered"];
const PORT_REASONS = { add: "ADD", delete: "DEL", modify: "MOD" } as const;
const PACKET_IN_FORMATS = { standard: "standard", nxt: "nxt_packet_in", nxt2: "nxt_packet_in2" } as const;

/**
 * Writes a message.
 *
 * @param printInner - writes a whole message, for those inside others
 */
export function printBody({ message, version }: Envelope, printInner: (bytes: Uint8Array) => string): string {
  switch (message.type) {
    case "hello":
      return `\n version bitmap: ${versionsOf(message.versions ?? 2 ** (version + 1) - 2)}`;
    case "error":
      return printError(message, version, printInner);
    case "echoRequest":
    case "echoReply":
      return ` ${message.data.length} bytes of payload\n${hexDump(message.data)}`;
    case "featuresReply":
      return printFeatures(message, version);
    case "getConfigReply":
    case "setConfig":
      return printConfig(message, version);
    case "flowMod":
      return printFlowMod(message, version);
    case "flowRemoved":
      return printFlowRemoved(message);
    case "groupMod":
      return printGroupMod(message, version);
    case "meterMod":
      return printMeterMod(message);
    case "packetIn":
      return printPacketIn(message, version);
    case "resume":
      return printPacketIn(message.packet, version);
    case "packetOut":
      return printPacketOut(message);
    case "portStatus":
      return ` ${PORT_REASONS[message.reason]}: ${printPortDesc(message.port, version)}`;
    case "portMod":
      return printPortMod(message);
    case "roleRequest":
    case "roleReply":
    case "roleStatus":
      return printRole(message, version);
    case "requestForward":
      return message.message.type === "groupMod"
        ? ` reason=group_mod${printGroupMod(message.message, version)}`
        : ` reason=meter_mod${printMeterMod(message.message)}`;
    case "tableMod":
      return printTableMod(message, version);
    case "tableStatus":
      return printTableStatus(message);
    case "queueConfigRequest":
      return ` port=${formatPort(message.port)}`;
    case "queueConfigReply":
      return message.queues.length === 0 ? ` port=${formatPort(message.port)}\n` : printQueues(message.queues);
    case "setAsync":
    case "getAsyncReply":
      return printAsync(message, version);
    case "multipartRequest":
      return printRequest(message.request, version);
    case "multipartReply":
      return `${message.isLast ? "" : " flags=[more]"}${printReply(message.reply, version)}`;
    case "bundleControl":
    case "bundleAdd":
      return printBundle(message);
    case "flowMonitorCancel":
      return ` id=${message.id}`;
    case "setFlowFormat":
      return ` format=${message.format}`;
    case "flowModTableId":
      return message.isOn ? " enable" : " disable";
    case "setPacketInFormat":
      return ` format=${PACKET_IN_FORMATS[message.format]}`;
    case "setControllerId":
      return ` id=${message.controllerId}`;
    case "flushZone":
      return ` zone_id=${message.zone}`;
    case "ctFlush":
      return printCtFlush(message);
    case "tlvTableMod":
      return printTlvTableMod(message);
    case "tlvTableReply":
      return printTlvTable(message);
    default:
      return "";
  }
}

function versionsOf(bits: number): string {
  const versions: string[] = [];
  for (let version = 0; version < 32; version++) {
    if (Math.floor(bits / 2 ** version) % 2 === 1) versions.push(`0x${version.toString(16).padStart(2, "0")}`);
  }
  return versions.join(", ");
}

/** With the message at fault, of which there may be only a part. */
function printError(
  message: Extract<Message, { type: "error" }>,
  version: number,
  printInner: (bytes: Uint8Array) => string,
): string {
  const name = formatErrorNumbers(version, message);
  if (name.includes("/")) throw new OpenFlowError("OFPBRC_BAD_LEN", `An error ${name} is not known`);
  return ` ${name}\n${name.startsWith("OFPHFC_") ? printable(message.data) : printInner(message.data)}`;
}

/** Text, with octal numbers for what cannot be shown. */
function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const isShown = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return isShown ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  }).join("");
}

function printFeatures(message: Features, version: number): string {
  const { datapathId, nTables, nBuffers, auxiliaryId, capabilities, actions, ports } = message;
  const auxiliary = auxiliaryId === 0 ? "" : `, auxiliary_id:${auxiliaryId}`;
  const names = CAPABILITIES[version] ?? CAPABILITIES_14;
  const known = names.reduce((bits, name, bit) => (name === "" ? bits : bits | (1 << bit)), 0);
  const actionNames = version > 1 || actions === 0 ? "" : `actions: ${namesOfActions(actions, version)}\n`;
  return [
    ` dpid:${datapathId.toString(16).padStart(16, "0")}\n`,
    `n_tables:${nTables}, n_buffers:${nBuffers}${auxiliary}\n`,
    `capabilities: ${namesOfBits(capabilities & known, names)}\n`,
    actionNames,
    ...ports.map((port) => ` ${printPortDesc(port, version)}`),
  ].join("");
}

function printConfig({ flags, missSendLength }: Config, version: number): string {
  const ttl = version < VERSION.OF13 && (flags & INVALID_TTL) !== 0 ? " invalid_ttl_to_controller" : "";
  return ` frags=${FRAGMENTS[flags & 3] ?? ""}${ttl} miss_send_len=${missSendLength}`;
}

function printRole(message: RoleMessage, version: number): string {
  const { generationId = NO_GENERATION } = message;
  const isSaid = version >= VERSION.OF12 && message.role !== "noChange" && generationId !== NO_GENERATION;
  const generation = isSaid ? ` generation_id=${generationId}` : "";
  const reason = message.type === "roleStatus" ? ` reason=${ROLE_REASONS[message.reason]}` : "";
  return ` role=${ROLES[message.role]}${generation}${reason}`;
}

function printBundle(message: BundleMessage): string {
  const kind =
    message.type === "bundleAdd" ? "" : ` type=${message.kind.replace(/[A-Z]/, (letter) => `_${letter}`).toUpperCase()}`;
  return `\n bundle_id=${formatHex(message.bundleId)}${kind} flags=${namesOfBits(message.flags, BUNDLE_FLAGS)}`;
}

function printCtFlush({ zone = 0, protocol, original, reply }: CtFlush): string {
  const family = [original.src, original.dst, reply.src, reply.dst].some((address) => address !== undefined && isIp4(address))
    ? 4
    : 6;
  const isIcmp = protocol === 1 || protocol === 58;
  const first = `${printTuple(original, family, isIcmp)},ct_nw_proto=${protocol}`;
  return ` zone=${zone} '${first}' '${printTuple(reply, family, isIcmp)}'`;
}

function printTuple(tuple: CtFlushTuple, family: 4 | 6, isIcmp: boolean): string {
  const { src, dst, srcPort = 0, dstPort = 0, icmpId = srcPort, icmpType = 0, icmpCode = 0 } = tuple;
  const prefix = family === 4 ? "ct_nw" : "ct_ipv6";
  const ports = isIcmp
    ? `icmp_id=${icmpId},icmp_type=${icmpType},icmp_code=${icmpCode}`
    : `ct_tp_src=${srcPort},ct_tp_dst=${dstPort}`;
  return `${prefix}_src=${addressText(src)},${prefix}_dst=${addressText(dst)},${ports}`;
}

/** Whether an address is an IPv4 address in the form of an IPv6 one. */
function isIp4(address: Uint8Array): boolean {
  return address.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff));
}

function addressText(address: Uint8Array = new Uint8Array(16)): string {
  return isIp4(address) ? formatIp4(new DataView(address.buffer, address.byteOffset).getUint32(12)) : formatIp6(address);
}
