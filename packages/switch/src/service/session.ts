/**
 * One controller's conversation with a bridge, after the version is agreed.
 *
 * Answers requests and applies changes; what the controller hears of without asking are its `notices` and `monitors`.
 * A refused request is answered by the error of its name and changes nothing.
 */
import type { LongList } from "@tenet/classifier";
import type { Clock } from "@tenet/kit";
import type { ConnectionFilter } from "@tenet/datapath";
import {
  encodeMessage,
  type Envelope,
  type ErrorName,
  FLOW_FLAG,
  type Message,
  type MultipartRequest,
  type PacketIn,
  type Role,
  VERSION,
} from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { TableChange } from "../table/flow-mod.ts";
import type { RecordStore } from "../table/record-store.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { TableEvents } from "../table/table-events.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { Bundles, type Commit } from "./bundles.ts";
import { fromContinuation } from "./continuations.ts";
import { connectionsMeant } from "./ct-flush.ts";
import { describingFeatures } from "./features.ts";
import { FlowModReport } from "./flow-mod-report.ts";
import { FlowMonitors } from "./flow-monitors.ts";
import { type Hearer, Notices } from "./notices.ts";
import type { Refusal } from "./openflow-channel.ts";
import type { Peer } from "./peer.ts";
import { NO_GENERATION, type SessionGroup } from "./session-group.ts";
import { multipartReplies, namingTables, queuesOf } from "./statistics.ts";
import { type ChangeMessage, TableChanges } from "./table-changes.ts";

/** Of a switch configuration, by how fragments are handled. */
const FRAGMENT_FLAGS = { normal: 0, drop: 1, "nx-match": 3 } as const;
const FRAGMENT_BITS = 3;
/** Of a switch configuration before OpenFlow 1.3: packets whose TTL ran out go to the controller. */
const INVALID_TTL_FLAG = 4;

/** A conversation. */
export class Session {
  readonly notices: Notices;
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #peer: Peer;
  readonly #group: SessionGroup;
  readonly #clock: Clock;
  readonly #bundles: Bundles;
  readonly #monitors: FlowMonitors;
  readonly #changes: TableChanges;
  readonly #flowMods: FlowModReport;
  #isClosed = false;

  constructor(
    bridge: Bridge,
    vswitch: VirtualSwitch,
    peer: Peer,
    group: SessionGroup,
    clock: Clock,
    hearer: Hearer,
    flowMods: FlowModReport = new FlowModReport(clock, () => undefined),
  ) {
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#peer = peer;
    this.#group = group;
    this.#clock = clock;
    this.#flowMods = flowMods;
    this.notices = new Notices(peer, clock, hearer, vswitch.counts);
    this.#bundles = new Bundles(clock);
    this.#monitors = new FlowMonitors(bridge.pipeline, vswitch, peer);
    this.#changes = new TableChanges(bridge, vswitch, () => peer.version);
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

  /** Tells of a transaction on the tables. */
  tellChange({ rules, statuses, author }: TableEvents): void {
    this.notices.tellRules(rules);
    for (const status of statuses) this.notices.tellTable(status);
    this.#monitors.tell(rules, author instanceof Author && author.session === this ? author.xid : undefined);
  }

  /** Takes the mastership away. */
  demote(generationId: bigint): void {
    if (this.notices.role !== "master") return;
    this.notices.role = "slave";
    this.notices.tellRole(generationId);
  }

  /** The peer has read all that was sent. @returns what there is to do now */
  drained(): Work | undefined {
    return this.#monitors.resume();
  }

  /** The connection has ended: what it asked for is carried out, and answers are not made to their end. */
  close(): void {
    this.#isClosed = true;
    this.notices.close();
    this.#monitors.close();
    this.#bundles.close();
    this.#flowMods.close();
  }

  /** Gives up bundles that nothing was added to for too long, and tells of it; to be called every second or so. */
  tick(): void {
    this.#flowMods.tick();
    for (const { bundleId, flags, xid } of this.#bundles.expire(this.#vswitch.bundleIdleMs)) {
      const opened = { type: "bundleControl", bundleId, kind: "openRequest", flags } as const;
      this.#peer.refuse("OFPBFC_TIMEOUT", encodeMessage(opened, this.#peer.version, xid));
    }
  }

  #handle(message: Message, xid: number): Work | undefined | void {
    switch (message.type) {
      case "echoRequest":
        return this.#peer.send({ type: "echoReply", data: message.data }, xid);
      case "featuresRequest":
        return this.#answerFeatures(xid);
      case "getConfigRequest":
        return this.#describeConfig(xid);
      case "setConfig":
        this.notices.missSendLength = message.missSendLength;
        if (this.#peer.version < VERSION.OF13) this.notices.async.hearInvalidTtl((message.flags & INVALID_TTL_FLAG) !== 0);
        this.#hearingChanged();
        return this.#setFragments(message.flags);
      case "barrierRequest":
        return this.#answerBarrier(xid);
      case "roleRequest":
        return this.#setRole(message.role, message.generationId, xid);
      case "multipartRequest":
        return message.isLast ? this.#answerMultipart(message.request, xid) : this.#takingPart(message.request);
      case "queueConfigRequest": {
        const { port } = message;
        return this.#peer.send({ type: "queueConfigReply", port, queues: queuesOf(this.#bridge, port) }, xid);
      }
      case "tlvTableRequest":
        return this.#peer.send(this.#bridge.pipeline.tlvTable.describe(), xid);
      case "getAsyncRequest":
        return this.#peer.send({ type: "getAsyncReply", ...this.notices.describeChoice() }, xid);
      case "setAsync":
        this.notices.async.set(message);
        return this.#hearingChanged();
      case "flowMonitorCancel":
        return this.#monitors.cancel(message.id);
      case "setControllerId":
        this.notices.controllerId = message.controllerId;
        return this.#hearingChanged();
      case "setPacketInFormat":
        this.notices.packetInFormat = message.format;
        return;
      case "flowModTableId":
        return this.#peer.setTableIdInCommand(message.isOn);
      case "echoReply":
      case "setFlowFormat":
        return;
      default:
        this.#refuseSlave();
        return this.#change(message, xid);
    }
  }

  /** What a slave may not do. */
  #change(message: Message, xid: number): Work | undefined | void {
    switch (message.type) {
      case "flowMod":
      case "groupMod":
      case "packetOut":
      case "portMod":
        return this.#changeTables(message, xid);
      case "meterMod":
        return this.#changeMeter(message, xid);
      case "tableMod":
        return this.#vswitch.configuringTables(this.#bridge, message);
      case "tlvTableMod":
        return this.#vswitch.changingTables(this.#bridge.pipeline.applyingTlvTable(message));
      case "resume":
        return this.#resume(message.packet);
      case "flushZone":
        return this.#flushing({ zone: message.zone });
      case "ctFlush":
        return this.#flushing(connectionsMeant(message));
      case "bundleControl":
        return this.#controlBundle(message, xid);
      case "bundleAdd":
        if ("bufferId" in message.message) throw new RefusedError("OFPBRC_BUFFER_UNKNOWN", "packets are not buffered");
        return this.#bundles.add(message, xid, (inner, store) => this.#kept(inner, store));
      default:
        throw new RefusedError("OFPBRC_BAD_TYPE", `a switch does not take ${message.type}`);
    }
  }

  *#flushing(filter: ConnectionFilter): Work {
    yield* this.#vswitch.datapath.conntrack.flushInSteps(filter);
  }

  /** What packets are worth sending up follows who hears of them. */
  #hearingChanged(): void {
    this.#vswitch.setSendsMisses(this.#bridge, this.#group.hearsMisses);
  }

  /** Handling that this switch does not have (reassembly) leaves it as it is. */
  #setFragments(flags: number): void {
    const wanted = (["normal", "drop", "nx-match"] as const).find((name) => FRAGMENT_FLAGS[name] === (flags & FRAGMENT_BITS));
    if (wanted === undefined || this.notices.role === "slave") return;
    this.#vswitch.setFragmentHandling(this.#bridge, wanted);
  }

  /** Takes back a packet that a controller held. */
  #resume(packet: PacketIn): void {
    const match = this.#bridge.pipeline.tlvTable.placeMatch(packet.match);
    this.#vswitch.slowPath.resume(fromContinuation(this.#bridge, { ...packet, match }), packet.data, match.key);
  }

  #describeConfig(xid: number): void {
    const { async, missSendLength } = this.notices;
    const ttlFlag = this.#peer.version < VERSION.OF13 && async.hearsInvalidTtl ? INVALID_TTL_FLAG : 0;
    this.#peer.send({ type: "getConfigReply", flags: FRAGMENT_FLAGS[this.#bridge.fragments] | ttlFlag, missSendLength }, xid);
  }

  #setRole(role: Role, generationId: bigint | undefined, xid: number): void {
    const isElection = role === "master" || role === "slave";
    if (isElection && generationId !== undefined && this.#peer.version >= VERSION.OF12) this.#group.elect(generationId);
    if (role === "master") this.#group.promote(this);
    if (role !== "noChange") this.notices.role = role;
    this.#hearingChanged();
    const reply = { type: "roleReply", role: this.notices.role } as const;
    const latest = this.#group.generationId ?? NO_GENERATION;
    this.#peer.send(generationId === undefined ? reply : { ...reply, generationId: latest }, xid);
  }

  *#answerFeatures(xid: number): Work {
    this.#peer.send(yield* describingFeatures(this.#bridge, this.#peer.version), xid);
  }

  *#answerBarrier(xid: number): Work {
    yield* this.#vswitch.settling();
    this.#peer.send({ type: "barrierReply" }, xid);
  }

  #answerMultipart(request: MultipartRequest, xid: number): Work {
    const { version } = this.#peer;
    if (request.kind === "flowMonitor") return this.#answerInParts(this.#monitors.request(request.requests), xid);
    return this.#answerInParts(multipartReplies(request, this.#bridge, this.#vswitch, this.#clock, version), xid);
  }

  /** Of a request in parts each tells of tables of its own, and the last is answered. */
  *#takingPart(request: MultipartRequest): Work {
    if (request.kind === "tableFeatures") yield* namingTables(request.tables ?? [], this.#bridge);
  }

  *#answerInParts(replies: ReturnType<typeof multipartReplies>, xid: number): Work {
    for (const reply of replies) {
      if (reply !== undefined && reply !== "blocked") {
        if (this.#isClosed) return;
        this.#peer.sendPart(reply, xid);
      }
      yield reply === "blocked" ? reply : undefined;
      while (this.#peer.isBehind) yield "blocked";
    }
    this.#peer.endReply();
  }

  /** A message that is carried out later, when the match of a flow-mod has been lent to others. */
  #kept(message: ChangeMessage, store: RecordStore): ChangeMessage {
    if (message.type !== "flowMod") return message;
    return this.#bridge.pipeline.keep(message.flow, message.command, store);
  }

  *#controlBundle(message: Extract<Message, { type: "bundleControl" }>, xid: number): Work {
    const { bundleId } = message;
    const { kind, commit } = this.#bundles.control(message, xid);
    if (commit !== undefined) yield* this.#commitBundle(commit);
    this.#peer.send({ type: "bundleControl", bundleId, kind, flags: 0 }, xid);
  }

  /** Carries out one change: at once when that is short and nothing else is under way. */
  #changeTables(message: ChangeMessage, xid: number): Work | undefined {
    if (!isShort(message, this.#bridge) || this.#bridge.pipeline.isBusy) return this.#changeInTurns(message, xid);
    this.#bridge.pipeline.apply([this.#changes.of(message)], new Author(this, xid));
    this.#finish(message, xid);
    return undefined;
  }

  *#changeInTurns(message: ChangeMessage, xid: number): Work {
    yield* this.#apply([this.#changes.of(message)], xid);
    this.#finish(message, xid);
  }

  *#changeMeter(message: Extract<Message, { type: "meterMod" }>, xid: number): Work {
    yield* this.#vswitch.changingTables(this.#bridge.pipeline.applyingMeter(message));
    this.#forward(message, xid);
  }

  /** Does what comes when the tables have changed. */
  #finish(message: ChangeMessage, xid: number): void {
    if (message.type === "flowMod") this.#flowMods.count(message.command);
    this.#changes.finish(message);
    this.#forward(message, xid);
  }

  /** Changes the tables in turns, when others have done so. */
  #apply(changes: Iterable<TableChange>, xid: number): Work {
    return this.#vswitch.changingTables(this.#bridge.pipeline.applying(changes, new Author(this, xid)));
  }

  *#changesOf(messages: LongList<ChangeMessage>): Generator<TableChange> {
    for (const message of messages) yield this.#changes.of(message);
  }

  *#commitBundle({ messages, xids, store }: Commit): Work {
    try {
      if (messages.length > 0) yield* this.#applyBundle(messages, xids);
      yield* this.#vswitch.settling();
      let n = 0;
      for (const message of messages) {
        this.#finish(message, xids.get(n++) ?? 0);
        yield;
      }
    } finally {
      store.close();
    }
  }

  /** Applies a bundle; a refusal is told for the message at fault first, then for the commit. */
  *#applyBundle(messages: LongList<ChangeMessage>, xids: LongList<number>): Work {
    try {
      yield* this.#apply(this.#changesOf(messages), xids.get(0) ?? 0);
    } catch (error) {
      const position = error instanceof RefusedError ? (error.position ?? -1) : -1;
      const message = messages.get(position);
      if (!(error instanceof RefusedError) || message === undefined) throw error;
      this.#peer.refuse(error.errorName, encodeMessage(message, this.#peer.version, xids.get(position) ?? 0));
      throw new RefusedError("OFPBFC_MSG_FAILED", "a message of the bundle is refused");
    }
  }

  #forward(message: ChangeMessage | Extract<Message, { type: "meterMod" }>, xid: number): void {
    if (message.type === "groupMod" || message.type === "meterMod") this.#group.forward(message, xid, this);
  }

  #refuseSlave(): void {
    if (this.notices.role === "slave") throw new RefusedError("OFPBRC_IS_SLAVE", "a slave changes nothing");
  }
}

/** Whether a message changes one flow or group at most. */
function isShort(message: ChangeMessage, { pipeline }: Bridge): boolean {
  if (message.type === "flowMod") {
    const { command, flow } = message;
    const looksForOthers = command === "add" ? (flow.flags & FLOW_FLAG.CHECK_OVERLAP) !== 0 : !command.endsWith("Strict");
    return !looksForOthers && !pipeline.hasTeachers;
  }
  return message.type !== "groupMod" || message.command !== "delete";
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

/** Which request of which connection a transaction comes from. */
class Author {
  readonly session: Session;
  readonly xid: number;

  constructor(session: Session, xid: number) {
    this.session = session;
    this.xid = xid;
  }
}
