/** Packets in messages, and the messages that carry them. */
import { ETH_TYPE, FIELDS, FLOW_WORDS, getField, getU8, getU16, IP_PROTO, NW_FRAG, parseFlowKey } from "@tenet/net";
import type { Match } from "../action.ts";
import type { ActionsLeft, Continuation } from "../continuation.ts";
import { makeMatch, setMatchField } from "../match/match.ts";
import { matchField } from "../match/match-field.ts";
import type { Message, PacketIn } from "../message.ts";
import { formatActions } from "../text/format-actions.ts";
import { formatMatch } from "../text/format-match.ts";
import { presentFields } from "../text/present-fields.ts";

type PacketOut = Extract<Message, { type: "packetOut" }>;

const NO_COOKIE = 0xffff_ffff_ffff_ffffn;
const REASONS = ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"];
const IN_PORT = matchField("in_port");

/** Writes a packet that is sent to a controller, or given back by it. */
export function printPacketIn(packet: PacketIn, version: number): string {
  const { totalLength, reason, table, cookie, match, data, bufferId, userdata, continuation } = packet;
  const isPlain10 = version === 1 && packet.format === undefined;
  const head = [
    ...(table === 0 ? [] : [`table_id=${table}`]),
    ...(isPlain10 || cookie === NO_COOKIE ? [] : [`cookie=0x${cookie.toString(16)}`]),
    `total_len=${totalLength}`,
    formatMatch(match),
    `(via ${REASONS[reason] ?? reason})`,
    `data_len=${data.length}`,
    bufferText(bufferId),
  ];
  if (totalLength !== data.length) head.push(`(***total_len ${totalLength < data.length ? "<" : "!="} data_len***)`);
  const more = [
    ...(userdata === undefined ? [] : [` userdata=${hexOf(userdata, ".")}\n`]),
    ...(continuation === undefined ? [] : continuationLines(continuation)),
  ];
  return ` ${head.join(" ")}\n${more.join("")}${printPacket(data)}`;
}

/** Writes a packet that a controller sends. */
export function printPacketOut({ inPort, metadata, actions, data, bufferId }: PacketOut): string {
  const held =
    bufferId === undefined ? `data_len=${data.length}\n${data.length === 0 ? "" : printPacket(data)}` : bufferText(bufferId);
  return ` ${formatMatch(withPort(metadata, inPort))} actions=${formatActions(actions)} ${held}`;
}

/** Writes what a packet is, on one line. */
function printPacket(data: Uint8Array): string {
  const key = new Uint32Array(FLOW_WORDS);
  parseFlowKey(data, data.length, 0, key);
  const mask = presentFields(key);
  mask[FIELDS.in_port.word] = 0;
  return `${formatMatch({ key, mask })}${checksumText(data, key)}\n`;
}

/** Where a transport header has its checksum, how long it is at least, and what it is called. */
const CHECKSUMS: ReadonlyMap<number, readonly [name: string, at: number, size: number]> = new Map([
  [IP_PROTO.tcp, ["tcp", 16, 20]],
  [IP_PROTO.udp, ["udp", 6, 8]],
  [IP_PROTO.sctp, ["sctp", 8, 12]],
  [IP_PROTO.icmp, ["icmp", 2, 8]],
  [IP_PROTO.icmp6, ["icmp6", 2, 8]],
]);

function checksumText(data: Uint8Array, key: Uint32Array): string {
  const checksum = CHECKSUMS.get(getField(key, FIELDS.nw_proto));
  const start = transportAt(data, key);
  if (checksum === undefined || start === undefined) return "";
  const [name, at, size] = checksum;
  return start + size > data.length ? "" : ` ${name}_csum:${getU16(data, start + at).toString(16)}`;
}

/** Where the transport header begins; `undefined` when that is not said here. */
function transportAt(data: Uint8Array, key: Uint32Array): number | undefined {
  const nTags = getField(key, FIELDS.vlan_tci) === 0 ? 0 : 1;
  const networkAt = 14 + 4 * nTags;
  const isLater = (getField(key, FIELDS.nw_frag) & NW_FRAG.later) !== 0;
  if (isLater || networkAt + 20 > data.length) return undefined;
  const ethType = getField(key, FIELDS.eth_type);
  if (ethType === ETH_TYPE.ip4) return networkAt + 4 * (getU8(data, networkAt) & 15);
  if (ethType !== ETH_TYPE.ip6 || getU8(data, networkAt + 6) !== getField(key, FIELDS.nw_proto)) return undefined;
  return networkAt + 40;
}

function bufferText(bufferId: number | undefined): string {
  return bufferId === undefined ? "(unbuffered)" : `buffer=0x${bufferId.toString(16).padStart(8, "0")}`;
}

function withPort(metadata: Match | undefined, port: number): Match {
  const match = makeMatch();
  if (metadata !== undefined) {
    match.key.set(metadata.key);
    match.mask.set(metadata.mask);
    match.options = metadata.options;
  }
  setMatchField(match, IN_PORT, BigInt(port));
  return match;
}

function continuationLines({ bridge, stack, mirrors, isTracked, lists, actionSet }: Continuation): string[] {
  const lines: string[] = [];
  const say = (name: string, value: string): number => lines.push(` continuation.${name}=${value}\n`);
  say("bridge", hexOf(bridge, "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
  if (stack.length > 0)
    say(
      "stack",
      `(top)${stack
        .toReversed()
        .map((value) => ` 0x${value.toString(16)}`)
        .join("")} (bottom)`,
    );
  if (mirrors !== 0) say("mirrors", `0x${mirrors.toString(16)}`);
  if (isTracked) say("conntracked", "true");
  if (lists.length > 0) say("actions", lists.map(formatLeft).join(","));
  if (actionSet.length > 0) say("action_set", formatActions(actionSet));
  return lines;
}

function formatLeft({ table, cookie, actions }: ActionsLeft): string {
  const whose = `unroll_xlate(table=${table}, cookie=${cookie})`;
  return actions.length === 0 ? whose : `${whose},${formatActions(actions)}`;
}

function hexOf(bytes: Uint8Array, separator: string): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}
