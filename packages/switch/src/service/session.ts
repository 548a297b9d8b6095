/**
 * One controller's conversation with a bridge, after the version is agreed.
 *
 * Answers requests, applies flow-mods, and passes on what the controller should hear of: packets, removed flows,
 * port changes. A refused request is answered by the error of its name and changes nothing.
 */
import type { Clock } from "@tenet/kit";
import {
  encodeMessage,
  type Envelope,
  type ErrorName,
  makeErrorMessage,
  type Message,
  type MultipartReply,
  type PacketInFormat,
  PORT_CONFIG,
  type Role,
  type Version,
  VERSION,
} from "@tenet/openflow";
import type { Bridge, PortEvent } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { TableChange } from "../table/flow-mod.ts";
import type { Work } from "../turns.ts";
import type { Refusal } from "./openflow-channel.ts";
import { MatchPacker } from "../table/packed-match.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { RuleEvent } from "../table/pipeline.ts";
import type { Punt } from "../translate/translation.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { AsyncConfig } from "./async-config.ts";
import { type BundledMessage, type BundleEntry, Bundles } from "./bundles.ts";
import { metadataMatch } from "./metadata-match.ts";
import { describeFeatures } from "./features.ts";
import { describePort, multipartReplies } from "./statistics.ts";

/** The other end. */
export interface Peer {
  readonly version: Version;
  /** Sends a message; without `xid` it is unsolicited, and lost when the peer does not keep up. */
  send(message: Message, xid?: number): void;
  /** OpenFlow 1.0: whether flow-mods hold a table number (NXT_FLOW_MOD_TABLE_ID). */
  setTableIdInCommand(isOn: boolean): void;
  /** Whether the peer has not read much of what was sent to it. */
  readonly isBehind: boolean;
}

/** What sessions of a bridge share: who is master. */
export interface SessionGroup {
  /** Called when `session` becomes master: the other masters become slaves. */
  promote(session: Session): void;
}

/** Of a switch configuration, by how fragments are handled. */
const FRAGMENT_FLAGS = { normal: 0, drop: 1, "nx-match": 3 } as const;
const FRAGMENT_BITS = 3;
/** Of a switch configuration before OpenFlow 1.3: packets whose TTL ran out go to the controller. */
const INVALID_TTL_FLAG = 4;
const SEND_FLOW_REM = 1;
const DEFAULT_MISS_SEND_LENGTH = 128;
/** Port configuration that a port-mod may change. */
const CHANGEABLE_CONFIG =
  PORT_CONFIG.PORT_DOWN | PORT_CONFIG.NO_RECV | PORT_CONFIG.NO_FWD | PORT_CONFIG.NO_PACKET_IN | PORT_CONFIG.NO_FLOOD;

/** A conversation. */
export class Session {
  role: Exclude<Role, "noChange"> = "equal";
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #peer: Peer;
  readonly #group: SessionGroup;
  readonly #clock: Clock;
  readonly #bundles = new Bundles();
  readonly #packer = new MatchPacker();
  readonly #async = new AsyncConfig();
  #missSendLength: number;
  #controllerId = 0;
  #packetInFormat: PacketInFormat = "standard";
  #generationId: bigint | undefined;

  /** @param isPrimary - a controller of the bridge: it hears of packets before it says that it wants them */
  constructor(bridge: Bridge, vswitch: VirtualSwitch, peer: Peer, group: SessionGroup, clock: Clock, isPrimary: boolean) {
    this.#missSendLength = isPrimary ? DEFAULT_MISS_SEND_LENGTH : 0;
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#peer = peer;
    this.#group = group;
    this.#clock = clock;
  }

  /**
   * Carries out one message and answers it, or begins to, when that may take long.
   *
   * @returns the name of the error to answer with, when the message is refused
   */
  handle({ message, xid }: Envelope): Refusal | Work<Refusal> {
    try {
      const work = this.#handle(message, xid);
      return work === undefined ? undefined : carryOut(work);
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** Tells of flows that went, when they asked for it. */
  tellRules(events: readonly RuleEvent[]): void {
    if (!this.#hearsEvents) return;
    for (const { type, rule, reason } of events) {
      if (type !== "removed" || reason === undefined || (rule.flags & SEND_FLOW_REM) === 0) continue;
      if (!this.#async.hearsFlowRemoved(this.role, reason)) continue;
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

  /** Tells of a port that came, went or changed. */
  tellPort({ reason, port }: PortEvent): void {
    if (!this.#hearsEvents || !this.#async.hearsPortStatus(this.role, reason)) return;
    this.#peer.send({ type: "portStatus", reason, port: describePort(port) });
  }

  /** Hands over a packet, when this controller is the one that the action named. */
  tellPacket(punt: Punt, frame: Uint8Array): void {
    if (!this.#hearsEvents || punt.controllerId !== this.#controllerId) return;
    if (!this.#async.hearsPacketIn(this.role, punt.reason, this.#peer.version)) return;
    this.#peer.send({
      type: "packetIn",
      totalLength: frame.length,
      reason: punt.reason,
      table: punt.table,
      cookie: punt.cookie,
      match: metadataMatch(punt.metadata),
      data: frame.subarray(0, punt.maxLength),
      ...(punt.userdata === undefined ? {} : { userdata: punt.userdata }),
      ...(this.#packetInFormat === "standard" ? {} : { format: this.#packetInFormat }),
    });
  }

  /** A management connection hears of nothing until it says how much of a packet, or which events, it wants. */
  get #hearsEvents(): boolean {
    return this.#missSendLength > 0 || this.#async.isExplicit;
  }

  #handle(message: Message, xid: number): Work | undefined | void {
    switch (message.type) {
      case "echoRequest":
        return this.#peer.send({ type: "echoReply", data: message.data }, xid);
      case "featuresRequest":
        return this.#peer.send(describeFeatures(this.#bridge, this.#peer.version), xid);
      case "getConfigRequest":
        return this.#peer.send(
          { type: "getConfigReply", flags: FRAGMENT_FLAGS[this.#bridge.fragments], missSendLength: this.#missSendLength },
          xid,
        );
      case "setConfig":
        this.#missSendLength = message.missSendLength;
        if (this.#peer.version === VERSION.OF10) this.#async.hearInvalidTtl((message.flags & INVALID_TTL_FLAG) !== 0);
        return this.#setFragments(message.flags);
      case "flowMod":
      case "groupMod":
      case "packetOut":
      case "portMod":
        this.#refuseSlave();
        this.#bridge.pipeline.apply([this.#changeOf(message)]);
        return this.#afterTables(message);
      case "meterMod":
        this.#refuseSlave();
        return this.#bridge.pipeline.applyMeter(message);
      case "flushZone":
        this.#refuseSlave();
        this.#vswitch.datapath.conntrack.flush({ zone: message.zone });
        return;
      case "tlvTableMod":
        this.#refuseSlave();
        return this.#bridge.pipeline.applyTlvTable(message);
      case "tlvTableRequest":
        return this.#peer.send(this.#bridge.pipeline.tlvTable.describe(), xid);
      case "barrierRequest":
        return this.#answerBarrier(xid);
      case "roleRequest":
        return this.#setRole(message.role, message.generationId, xid);
      case "multipartRequest":
        return this.#answerMultipart(message.request, xid);
      case "bundleControl":
        return this.#controlBundle(message, xid);
      case "bundleAdd":
        this.#refuseSlave();
        return this.#bundles.add(message.bundleId, this.#kept(message.message), message.xid);
      case "setControllerId":
        this.#controllerId = message.controllerId;
        return;
      case "hello":
      case "echoReply":
      case "barrierReply":
      case "error":
      case "setFlowFormat":
        return;
      case "setAsync":
        return this.#async.set(message);
      case "getAsyncRequest":
        return this.#peer.send({ type: "getAsyncReply", ...this.#async.masks }, xid);
      case "flowModTableId":
        this.#peer.setTableIdInCommand(message.isOn);
        return;
      case "setPacketInFormat":
        this.#packetInFormat = message.format;
        return;
      default:
        throw new RefusedError("OFPBRC_BAD_TYPE", `a switch does not take ${message.type}`);
    }
  }

  /** Handling that this switch does not have (reassembly) leaves it as it is. */
  #setFragments(flags: number): void {
    const wanted = (["normal", "drop", "nx-match"] as const).find((name) => FRAGMENT_FLAGS[name] === (flags & FRAGMENT_BITS));
    if (wanted === undefined || this.role === "slave") return;
    this.#vswitch.setFragmentHandling(this.#bridge, wanted);
  }

  get #isUpsert(): boolean {
    return this.#peer.version === VERSION.OF10;
  }

  /** What a message does to the tables, or demands of them. */
  #changeOf(message: BundledMessage): TableChange {
    switch (message.type) {
      case "flowMod": {
        const { command, flow, bufferId } = message;
        if (bufferId === undefined) return { command, flow, isUpsert: this.#isUpsert };
        return { check: refuseBuffer };
      }
      case "groupMod":
        return message;
      case "portMod":
        return { check: () => this.#portToModify(message) };
      case "packetOut": {
        const { bufferId, actions } = message;
        const { pipeline } = this.#bridge;
        return {
          check: bufferId === undefined ? () => pipeline.checkActions(pipeline.tlvTable.placeFields(actions), 0) : refuseBuffer,
        };
      }
    }
  }

  /** What a message does when the tables have changed. */
  #afterTables(message: BundledMessage): void {
    if (message.type === "packetOut") {
      const actions = this.#bridge.pipeline.tlvTable.placeFields(message.actions);
      this.#vswitch.packetOut(this.#bridge, message.data, message.inPort, actions);
    }
    if (message.type !== "portMod") return;
    const port = this.#portToModify(message);
    const changed = message.mask & CHANGEABLE_CONFIG;
    port.config = (port.config & ~changed) | (message.config & changed);
    this.#vswitch.portChanged(this.#bridge, port);
  }

  #portToModify({ port: number, mac }: Extract<Message, { type: "portMod" }>): BridgePort {
    const port = this.#bridge.port(number);
    if (port === undefined) throw new RefusedError("OFPPMFC_BAD_PORT", `there is no port ${number}`);
    if (port.mac !== mac) throw new RefusedError("OFPPMFC_BAD_HW_ADDR", `port ${number} has another address`);
    return port;
  }

  #setRole(role: Role, generationId: bigint, xid: number): void {
    if (role === "master" || role === "slave") {
      const isStale = this.#generationId !== undefined && BigInt.asIntN(64, generationId - this.#generationId) < 0n;
      if (isStale) throw new RefusedError("OFPRRFC_STALE", "the generation id is older than the last");
      this.#generationId = generationId;
    }
    if (role === "master") this.#group.promote(this);
    if (role !== "noChange") this.role = role;
    this.#peer.send({ type: "roleReply", role: this.role, generationId: this.#generationId ?? 0xffffffffffffffffn }, xid);
  }

  *#answerBarrier(xid: number): Work {
    yield* this.#vswitch.settling();
    this.#peer.send({ type: "barrierReply" }, xid);
  }

  *#answerMultipart(request: Extract<Message, { type: "multipartRequest" }>["request"], xid: number): Work {
    let last: MultipartReply | undefined;
    for (const reply of multipartReplies(request, this.#bridge, this.#vswitch, this.#clock, this.#peer.version)) {
      yield;
      if (reply === undefined || reply === "blocked") continue;
      if (last !== undefined) this.#peer.send({ type: "multipartReply", reply: last, isLast: false }, xid);
      last = reply;
      while (this.#peer.isBehind) yield "blocked";
    }
    if (last !== undefined) this.#peer.send({ type: "multipartReply", reply: last, isLast: true }, xid);
  }

  /** A message that is carried out later, when the match of a flow-mod has been lent to others. */
  #kept(message: Message): Message {
    if (message.type !== "flowMod") return message;
    return { ...message, flow: { ...message.flow, match: this.#packer.pack(message.flow.match) } };
  }

  *#controlBundle({ bundleId, kind, flags }: Extract<Message, { type: "bundleControl" }>, xid: number): Work {
    this.#refuseSlave();
    let committed: readonly BundleEntry[] = [];
    const answer = this.#bundles.control(bundleId, kind, (entries) => {
      this.#commitBundle(entries);
      committed = entries;
    });
    yield* this.#vswitch.settling();
    for (const { message } of committed) this.#afterTables(message);
    this.#peer.send({ type: "bundleControl", bundleId, kind: answer, flags }, xid);
  }

  *#changesOf(entries: readonly BundleEntry[]): Generator<TableChange> {
    for (const { message } of entries) yield this.#changeOf(message);
  }

  /** Applies a bundle; a refusal is told for the message at fault first, then for the commit. */
  #commitBundle(entries: readonly BundleEntry[]): void {
    try {
      this.#bridge.pipeline.apply(this.#changesOf(entries));
    } catch (error) {
      const entry = error instanceof RefusedError ? entries[error.position ?? -1] : undefined;
      if (!(error instanceof RefusedError) || entry === undefined) throw error;
      const { version } = this.#peer;
      const bytes = encodeMessage(entry.message, version, entry.xid);
      this.#peer.send(makeErrorMessage(error.errorName, version, bytes), entry.xid);
      throw new RefusedError("OFPBFC_MSG_FAILED", "a message of the bundle is refused");
    }
  }

  #refuseSlave(): void {
    if (this.role === "slave") throw new RefusedError("OFPBRC_IS_SLAVE", "a slave changes nothing");
  }
}

function* carryOut(work: Work): Work<Refusal> {
  try {
    yield* work;
    return undefined;
  } catch (error) {
    return refusalOf(error);
  }
}

/** @throws what is no refusal */
function refusalOf(error: unknown): ErrorName {
  if (error instanceof RefusedError) return error.errorName;
  throw error;
}

function refuseBuffer(): void {
  throw new RefusedError("OFPBRC_BUFFER_UNKNOWN", "packets are not buffered");
}
