/** What one controller hears of without asking: packets, removed flows, ports, tables, roles, and what others changed. */
import type { Clock } from "@tenet/kit";
import { FIELDS, getField } from "@tenet/net";
import {
  type AsyncMasks,
  encodeMessage,
  type GroupMod,
  type Message,
  type MeterMod,
  PACKET_IN_REASON,
  PORT_STATE,
  type PortDesc,
  type PacketInFormat,
  type Role,
  type TableStatus,
  VERSION,
} from "@tenet/openflow";
import type { PortEvent } from "../bridge/bridge.ts";
import type { EventCounts } from "../event-counts.ts";
import type { RuleEvent } from "../table/table-events.ts";
import { EXPLICIT_MISS, IMPLICIT_MISS, type Punt } from "../translate/translation.ts";
import { AsyncConfig } from "./async-config.ts";
import { toContinuation } from "./continuations.ts";
import { metadataMatch } from "./metadata-match.ts";
import type { Conversation, ConversationOwner, PacketKind } from "./conversation.ts";
import { type PacketLimit, PacketQueue } from "./packet-queue.ts";
import type { Peer } from "./peer.ts";
import { describePort } from "./statistics.ts";

const SEND_FLOW_REM = 1;
const DEFAULT_MISS_SEND_LENGTH = 128;
/** Longer frames may be too long for a message. */
const MAX_SURE_BYTES = 0x8000;
const MAX_MESSAGE_BYTES = 0xffff;
/** Of a packet in a message. */
const MAX_PADDING_BYTES = 8;
const NO_DATA = new Uint8Array(0);

type PacketInMessage = Extract<Message, { type: "packetIn" }>;

/** Who hears: a controller of the bridge hears of packets before it says that it wants them, unless it is to be quiet. */
export type Hearer = Pick<ConversationOwner, "isPrimary" | "isQuiet" | "packetLimit">;

/** The unsolicited messages of one connection. */
export class Notices {
  role: Exclude<Role, "noChange"> = "equal";
  /** Bytes of a packet that are sent when it found no flow. */
  missSendLength: number;
  controllerId = 0;
  packetInFormat: PacketInFormat = "standard";
  readonly async: AsyncConfig = new AsyncConfig();
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #counts: EventCounts;
  #queues: Readonly<Record<PacketKind, PacketQueue>> | undefined;

  constructor(peer: Peer, clock: Clock, { isPrimary, isQuiet, packetLimit }: Hearer, counts: EventCounts) {
    this.missSendLength = isPrimary ? DEFAULT_MISS_SEND_LENGTH : 0;
    if (isQuiet === true) this.async.silence();
    this.#peer = peer;
    this.#clock = clock;
    this.#counts = counts;
    this.limitPackets(packetLimit);
  }

  /** What became of packets, while they are limited. */
  get packetCounts(): Conversation["packetCounts"] {
    return this.#queues;
  }

  /** Limits the packets to come. */
  limitPackets(limit: PacketLimit | undefined): void {
    if (limit === undefined) this.#stopLimiting();
    else if (this.#queues === undefined) this.#queues = { miss: this.#queue(limit), action: this.#queue(limit) };
    else for (const queue of Object.values(this.#queues)) queue.limit = limit;
  }

  /** Packets that wait are sent no more. */
  close(): void {
    this.#stopLimiting();
  }

  #stopLimiting(): void {
    for (const queue of Object.values(this.#queues ?? {})) queue.close();
    this.#queues = undefined;
  }

  #queue(limit: PacketLimit): PacketQueue {
    return new PacketQueue(
      limit,
      this.#clock,
      (message) => this.#sendPacket(message),
      () => this.#counts.packet_in_overflow++,
    );
  }

  /** Tells of flows that went, when they asked for it. */
  tellRules(events: readonly RuleEvent[]): void {
    if (!this.#hearsEvents) return;
    for (const { type, rule, reason } of events) {
      if (type !== "removed" || reason === undefined || (rule.flags & SEND_FLOW_REM) === 0) continue;
      if (!this.async.hears("flowRemoved", this.role, reason)) continue;
      this.#peer.send({
        type: "flowRemoved",
        flow: rule,
        reason,
        durationSec: Math.floor(this.#clock.monotonicMs() - rule.createdMs) / 1000,
        nPackets: BigInt(rule.nPackets),
        nBytes: BigInt(rule.nBytes),
      });
    }
  }

  /** Tells of a port that came, went or changed; that one that came is live is news of its own, as in Open vSwitch. */
  tellPort({ reason, port }: PortEvent): void {
    if (!this.#hearsEvents) return;
    const desc = describePort(port);
    const isNewAndLive = reason === "add" && (desc.state & PORT_STATE.LIVE) !== 0;
    this.#tellPort(reason, isNewAndLive ? { ...desc, state: desc.state & ~PORT_STATE.LIVE } : desc);
    if (isNewAndLive && this.#peer.version > VERSION.OF10) this.#tellPort("modify", desc);
  }

  #tellPort(reason: PortEvent["reason"], port: PortDesc): void {
    if (this.async.hears("portStatus", this.role, reason)) this.#peer.send({ type: "portStatus", reason, port });
  }

  /** Tells of a table that filled or emptied; before OpenFlow 1.4 there is no such message, though it may be asked for. */
  tellTable(status: TableStatus): void {
    if (this.#peer.version >= VERSION.OF14 && this.async.hears("tableStatus", this.role, status.reason)) this.#peer.send(status);
  }

  /** Tells that another controller became master: who did not say otherwise hears of it, though the masks begin without it. */
  tellRole(generationId: bigint): void {
    if (this.#peer.version < VERSION.OF13) return;
    if (this.async.isExplicit && !this.async.hears("roleStatus", this.role, "masterRequest")) return;
    this.#peer.send({ type: "roleStatus", role: this.role, reason: "masterRequest", generationId });
  }

  /** Passes on what another controller changed of groups or meters. */
  forward(message: GroupMod | MeterMod, xid: number): void {
    if (this.async.hears("requestForward", this.role, message.type)) {
      this.#peer.send({ type: "requestForward", message, xid });
    }
  }

  /** Whether it hears of packets that no flow matches; OpenFlow 1.3 and later have them dropped. */
  get hearsMisses(): boolean {
    return this.#peer.version < VERSION.OF13 && this.controllerId === 0 && this.#hearsPackets(PACKET_IN_REASON.NO_MATCH);
  }

  /** Hands over a packet, when this controller is the one that the action named. */
  tellPacket(punt: Punt, frame: Uint8Array): void {
    const isOfFlow = punt.reason !== IMPLICIT_MISS;
    const isMiss = !isOfFlow || punt.reason === EXPLICIT_MISS;
    const heard = isMiss ? PACKET_IN_REASON.NO_MATCH : punt.reason;
    if (isOfFlow ? punt.controllerId !== this.controllerId || !this.#hearsPackets(heard) : !this.hearsMisses) return;
    const { version } = this.#peer;
    const isAction =
      (version < VERSION.OF14 && heard >= PACKET_IN_REASON.ACTION_SET) || (version < VERSION.OF13 && isMiss && isOfFlow);
    const reason = isAction ? PACKET_IN_REASON.ACTION : heard;
    const message: PacketInMessage = {
      type: "packetIn",
      totalLength: frame.length,
      reason,
      table: punt.table,
      cookie: punt.cookie,
      match: metadataMatch(punt),
      data: frame,
      ...(punt.userdata === undefined ? {} : { userdata: punt.userdata }),
      ...(punt.paused === undefined ? {} : { continuation: toContinuation(punt.paused) }),
      ...(this.packetInFormat === "standard" ? {} : { format: this.packetInFormat }),
    };
    const queue = this.#queues?.[isMiss ? "miss" : "action"];
    if (queue === undefined) this.#sendPacket(message);
    else queue.offer(getField(punt.metadata, FIELDS.in_port), message);
  }

  #sendPacket(message: PacketInMessage): void {
    const { data, continuation, userdata } = message;
    const isCut = data.length > MAX_SURE_BYTES && continuation === undefined && (userdata?.length ?? 0) < MAX_SURE_BYTES;
    this.#peer.send(isCut ? this.#shortened(message) : message);
  }

  /** With as much of the packet as one message has room for. */
  #shortened(message: PacketInMessage): Message {
    const { length } = encodeMessage({ ...message, data: NO_DATA }, this.#peer.version, 0);
    return { ...message, data: message.data.subarray(0, Math.max(0, MAX_MESSAGE_BYTES - MAX_PADDING_BYTES - length)) };
  }

  #hearsPackets(reason: number): boolean {
    return this.#hearsEvents && this.async.hearsPacketIn(this.role, reason, this.#peer.version);
  }

  /** The choice of messages in force, as the version says it. */
  describeChoice(): AsyncMasks {
    return this.async.masksFor(this.#peer.version);
  }

  /** A management connection hears of nothing until it says how much of a packet, or which events, it wants. */
  get #hearsEvents(): boolean {
    return this.missSendLength > 0 || this.async.isExplicit;
  }
}
