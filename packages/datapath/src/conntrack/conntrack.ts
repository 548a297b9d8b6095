/**
 * What: the connection tracker. It says of a packet whether it begins a connection, belongs to one or to none,
 * remembers connections that are committed, and translates their addresses.
 *
 * How: a packet's tuple finds its connection from either side (connection-table.ts); the protocol then says whether
 * the packet fits (tcp.ts; of other protocols everything does). The answer goes into the packet's `ct` fields, which
 * flows match after a recirculation. Time is that of the burst.
 *
 * Fragments share the answer for the first of them (fragments.ts).
 *
 * Limits: packets with wrong checksums are invalid; of application protocols FTP and TFTP are followed.
 */
import { getU8 } from "@tenet/net";
import type { CtDatapathAction, CtNat } from "../datapath.ts";
import type { Packet } from "../packet/packet.ts";
import type { Rewriter } from "../packet/rewrite.ts";
import type { Connection, NatSide } from "./connection.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import { ConnectionTable } from "./connection-table.ts";
import { CT_STATE, NAT_STATES } from "./ct-state.ts";
import { readAnnouncement } from "./announcements.ts";
import { type Expectation, Expectations } from "./expectations.ts";
import { Fragments } from "./fragments.ts";
import { translateFtp } from "./ftp-translation.ts";
import { chooseReply, type NatContext } from "./nat.ts";
import { PacketReader } from "./packet-reader.ts";
import { PacketTranslator } from "./packet-translator.ts";
import { PHASE, type Phase } from "./phase.ts";
import type { SharedConnections } from "./shared-connections.ts";
import { beginTcp, canBegin, followTcp, phaseOf, type TcpEnd, TcpSegment, VERDICT, type Verdict } from "./tcp.ts";
import { isIcmp, isSameTuple, protoOf, reverseTuple, TUPLE, TUPLE_WORDS } from "./tuple.ts";

const TCP = 6;
/** Types of ICMP messages that ask. */
const ICMP_REQUESTS: ReadonlySet<number> = new Set([8, 13, 15]);
const ICMP6_ECHO_REQUEST = 128;

/** What becomes of a packet: it goes on, is dropped, or waits for the first fragment of its packet. */
export type TrackResult = "on" | "drop" | "wait";

/** Tracks the connections of one datapath. */
export class Conntrack {
  readonly limits: ConnectionLimits = new ConnectionLimits((zone) => this.#limitShared(zone));
  readonly table: ConnectionTable;
  readonly fragments: Fragments = new Fragments();
  #shared: SharedConnections | undefined;
  readonly #expectations = new Expectations();
  readonly #nat: NatContext;
  readonly #reader = new PacketReader(this.fragments);
  readonly #segment = new TcpSegment();
  readonly #translator: PacketTranslator;
  readonly #reversed = new Uint32Array(TUPLE_WORDS);
  #nowMs = 0;
  #checksSequences = true;
  /** Of the packet in hand: whether it goes to the side that began. */
  #isReply = false;
  #connection: Connection | undefined;

  /**
   * @param random - 0 <= n < 1, for seeds and random ports
   * @param shared - the kernel's program that follows connections, too
   */
  constructor(rewriter: Rewriter, random: () => number, shared?: SharedConnections) {
    const seed = Math.floor(random() * 2 ** 32) | 0;
    this.#shared = shared;
    if (shared !== undefined) shared.seed = seed;
    this.#limitShared();
    this.table = new ConnectionTable(seed, shared);
    this.#translator = new PacketTranslator(rewriter);
    this.#nat = { seed, random, isTaken: (reply) => this.table.find(reply, this.#nowMs) !== undefined };
  }

  /** Whether TCP segments whose numbers lie outside the window are invalid. */
  get checksSequences(): boolean {
    return this.#checksSequences;
  }

  set checksSequences(checks: boolean) {
    this.#checksSequences = checks;
    if (this.#shared !== undefined) this.#shared.mustAskOfMisfits = !checks;
  }

  /**
   * Tracks a packet, and translates it when `action` says so; then its bytes must be its own.
   *
   * @returns `drop` when no address or port is left to translate it to
   */
  track(packet: Packet, bytes: Uint8Array, action: CtDatapathAction, nowMs: number): TrackResult {
    const reader = this.#reader;
    this.#nowMs = nowMs;
    if (!reader.read(bytes, packet.headerAt, packet.at, packet.length, action.zone)) {
      packet.setInvalid(action.zone);
      return "on";
    }
    if (reader.part === "whole") return this.#trackPacket(packet, bytes, action) ? "on" : "drop";
    if (reader.part === "later") return this.#trackLater(packet, bytes, action);
    const key = reader.fragmentKey(action.zone);
    const { nFragmentBytes } = reader;
    if (!this.#trackPacket(packet, bytes, action)) return "drop";
    const connection = this.#connection;
    if (connection !== undefined) connection.isHeld = true;
    const fate = { state: packet.ctState & ~NAT_STATES, connection, isReply: this.#isReply, tuple: packet.ctTuple.slice() };
    this.fragments.settle(key, { ...fate, nBytes: nFragmentBytes }, nowMs);
    reader.fragments.nCompleted++;
    return "on";
  }

  /** Calls `resume` when the first fragment has come of the packet for which {@link track} has just said `wait`. */
  waitForFirst(zone: number, resume: () => void): void {
    const reader = this.#reader;
    this.fragments.wait(reader.fragmentKey(zone), { resume, of: reader.fragments }, this.#nowMs);
  }

  /** Forgets what is too old. @returns false when there is more of it, to be called again soon */
  tidy(nowMs: number): boolean {
    const isTidy = this.table.sweep(nowMs);
    this.fragments.expire(nowMs);
    this.#expectations.expire(nowMs);
    this.#shared?.giveIds(nowMs);
    this.#tellShared();
    return isTidy;
  }

  /** Forgets all connections, and the memory that was shared, which may be given back then. */
  close(): void {
    this.table.close();
    this.#shared = undefined;
  }

  /** Tells the kernel's program whether it has to ask here about packets of connections that it does not know. */
  #tellShared(): void {
    if (this.#shared !== undefined) this.#shared.mustAsk = this.table.nHidden > 0 || this.#expectations.size > 0;
  }

  /** Tells the kernel's program how many connections there may be, in all and in each zone, or in one. */
  #limitShared(zone?: number): void {
    const { limits } = this;
    if (zone === undefined) this.#shared?.limit(limits.max, limits.ofZones, limits.ofUnnamedZones);
    else this.#shared?.limitZone(zone, limits.ofZone(zone));
  }

  /** Gives a fragment without ports what was found out about the first one. */
  #trackLater(packet: Packet, bytes: Uint8Array, action: CtDatapathAction): TrackResult {
    const reader = this.#reader;
    const fate = this.fragments.fate(reader.fragmentKey(action.zone), this.#nowMs);
    if (fate === undefined) return "wait";
    const overlaps = reader.fragmentOffset < fate.nBytes;
    if (overlaps) reader.fragments.nOverlapped++;
    if ((fate.state & CT_STATE.inv) !== 0 || overlaps) {
      packet.setInvalid(action.zone);
      return "on";
    }
    const { connection } = fate;
    const natted = packet.ctState & NAT_STATES;
    const isNattedHere = natted !== 0 && packet.ctZone === action.zone;
    reader.fragments.nCompleted++;
    this.#isReply = fate.isReply;
    packet.noteConnection(action.zone, fate.state | natted, connection, fate.tuple);
    if (connection === undefined) return "on";
    if (this.#carryOut(packet, bytes, connection, action, isNattedHere)) {
      // The first may have gone by untranslated, before it began a connection: these are to be known when they are tracked again.
      reverseTuple(fate.isReply ? connection.original : connection.reply, this.#reversed);
      this.fragments.settle(reader.fragmentKey(action.zone, this.#reversed), fate, this.#nowMs);
    }
    return "on";
  }

  /** @returns false when the packet must be dropped */
  #trackPacket(packet: Packet, bytes: Uint8Array, action: CtDatapathAction): boolean {
    const reader = this.#reader;
    this.#connection = undefined;
    const isTcp = !reader.isError && protoOf(reader.tuple) === TCP;
    if (isTcp) this.#segment.read(bytes, reader.l4At, reader.end);
    const natted = packet.ctState & NAT_STATES;
    const isNattedHere = natted !== 0 && packet.ctZone === action.zone;
    let connection = this.#find(isNattedHere);
    if (connection !== undefined && action.isForce && this.#isReply) connection = this.#forget(connection);
    let parent: Connection | undefined;
    let state: number = CT_STATE.trk | natted;
    if (connection !== undefined) {
      const verdict = reader.isError ? VERDICT.established : this.#follow(connection);
      if (verdict === VERDICT.restart) connection = this.#forget(connection);
      else if (verdict === VERDICT.invalid) state |= CT_STATE.inv;
      else if (verdict === VERDICT.new) state |= CT_STATE.new;
      else state |= (reader.isError ? CT_STATE.rel : CT_STATE.est) | (this.#isReply ? CT_STATE.rpl : 0);
    }
    if (connection === undefined) {
      if (reader.isError || !this.#canBegin()) {
        packet.setInvalid(action.zone);
        return true;
      }
      const expectation = this.#expectations.size === 0 ? undefined : this.#expectations.find(reader.tuple, this.#nowMs);
      parent = expectation?.parent;
      state |= CT_STATE.new | (expectation === undefined ? 0 : CT_STATE.rel);
      if (action.isCommit && this.#hasRoom(action.zone)) {
        connection = this.#commit(action, expectation);
        if (connection === undefined) return false;
      }
    } else if (connection.parent !== undefined && (state & CT_STATE.inv) === 0) state |= CT_STATE.rel;
    if (connection?.helper !== undefined && !reader.isError) this.#followAnnouncement(connection, bytes);
    packet.noteConnection(action.zone, state, connection ?? parent, reader.tuple);
    this.#connection = connection;
    if (connection !== undefined) this.#carryOut(packet, bytes, connection, action, isNattedHere);
    return true;
  }

  /** Translates a packet of a connection and sets the connection's marks, as far as `action` says so. @returns whether it did the first */
  #carryOut(packet: Packet, bytes: Uint8Array, connection: Connection, action: CtDatapathAction, isNattedHere: boolean): boolean {
    const isTranslated = action.nat !== undefined && connection.nat !== "none" && !isNattedHere;
    if (isTranslated) this.#translate(packet, bytes, connection);
    if (action.isCommit) setMarks(packet, connection, action);
    return isTranslated;
  }

  /** Finds the connection of the packet in hand; one that was translated here has its answers' tuple reversed. */
  #find(isNattedHere: boolean): Connection | undefined {
    const { tuple } = this.#reader;
    if (isNattedHere) {
      reverseTuple(tuple, this.#reversed);
      const connection = this.table.find(this.#reversed, this.#nowMs);
      if (connection !== undefined) {
        this.#isReply = !this.table.foundReply;
        return connection;
      }
    }
    const connection = this.table.find(tuple, this.#nowMs);
    this.#isReply = connection !== undefined && this.table.foundReply;
    return connection;
  }

  #forget(connection: Connection): undefined {
    this.table.remove(connection, this.#nowMs);
    this.#isReply = false;
    return undefined;
  }

  #follow(connection: Connection): Verdict {
    if (connection.ends !== undefined) return this.#followTcp(connection, connection.ends);
    const { phase } = connection;
    if (phase === PHASE.icmpFirst || phase === PHASE.icmpReply) {
      connection.touch(this.#isReply ? PHASE.icmpReply : phase, this.#nowMs);
      return connection.phase === PHASE.icmpReply ? VERDICT.established : VERDICT.new;
    }
    const isBoth = phase === PHASE.otherBoth || this.#isReply;
    connection.touch(isBoth ? PHASE.otherBoth : PHASE.otherMultiple, this.#nowMs);
    return isBoth ? VERDICT.established : VERDICT.new;
  }

  #followTcp(connection: Connection, ends: readonly [TcpEnd, TcpEnd]): Verdict {
    const sender = this.#isReply ? ends[1] : ends[0];
    const receiver = this.#isReply ? ends[0] : ends[1];
    const verdict = followTcp(sender, receiver, this.#segment, this.#checksSequences);
    if (verdict === VERDICT.new) connection.touch(PHASE.tcpFirst, this.#nowMs);
    else if (verdict === VERDICT.established) connection.touch(phaseOf(sender, receiver), this.#nowMs);
    return verdict;
  }

  #canBegin(): boolean {
    const { tuple } = this.#reader;
    const proto = protoOf(tuple);
    if (proto === TCP) return canBegin(this.#segment);
    if (!isIcmp(proto)) return true;
    const type = ((tuple[TUPLE.ports] ?? 0) >>> 8) & 0xff;
    return proto === 1 ? ICMP_REQUESTS.has(type) : type === ICMP6_ECHO_REQUEST;
  }

  #hasRoom(zone: number): boolean {
    return this.table.size < this.limits.max && this.table.sizeOfZone(zone) < this.limits.ofZone(zone);
  }

  /** Notes what a packet of a control connection announces. */
  #followAnnouncement(connection: Connection, bytes: Uint8Array): void {
    const { l4At, end } = this.#reader;
    const headerBytes = connection.ends === undefined ? 8 : (getU8(bytes, l4At + 12) >>> 4) * 4;
    if (l4At + headerBytes >= end) return;
    const expectation = readAnnouncement(connection, this.#isReply, bytes, l4At + headerBytes, end);
    if (expectation === undefined) return;
    this.#expectations.add(expectation, this.#nowMs);
    this.#tellShared();
  }

  /** The tuple of answers to the packet in hand, good until the next; `undefined` when nothing is left to translate it to. */
  #replyOf(original: Uint32Array, nat: CtNat | undefined, expectation: Expectation | undefined): Uint32Array | undefined {
    reverseTuple(original, this.#reversed);
    if (nat === undefined) return this.#reversed;
    if (expectation === undefined) return nat.side === undefined ? this.#reversed : chooseReply(original, nat, this.#nat);
    const reply = expectation.reply.slice();
    reply[TUPLE.ports] = ((reply[TUPLE.ports] ?? 0) | ((original[TUPLE.ports] ?? 0) >>> 16)) >>> 0;
    return this.#nat.isTaken(reply) ? undefined : reply;
  }

  /** Remembers the connection that the packet in hand begins; `undefined` when it cannot be translated. */
  #commit({ nat, helper }: CtDatapathAction, expectation: Expectation | undefined): Connection | undefined {
    const original = this.#reader.tuple;
    const reply = this.#replyOf(original, nat, expectation);
    if (reply === undefined) return undefined;
    const side: NatSide = isSameTuple(reply, this.#reversed) ? "none" : (nat?.side ?? sideOf(reply, this.#reversed));
    const proto = protoOf(original);
    const phase: Phase = proto === TCP ? PHASE.tcpFirst : isIcmp(proto) ? PHASE.icmpFirst : PHASE.otherFirst;
    const ownHelper = this.#reader.part === "whole" ? helper : undefined;
    const connection = this.table.add(original, reply, this.#nowMs);
    connection.begin({ nat: side, helper: ownHelper, parent: expectation?.parent, phase }, this.#nowMs);
    if (connection.ends !== undefined) beginTcp(connection.ends[0], connection.ends[1], this.#segment);
    if (expectation !== undefined) this.#expectations.remove(expectation);
    this.table.publish(connection);
    this.#tellShared();
    return connection;
  }

  #translate(packet: Packet, bytes: Uint8Array, connection: Connection): void {
    const before = this.#isReply ? connection.reply : connection.original;
    const answers = this.#isReply ? connection.original : connection.reply;
    const changed = this.#translator.translate(bytes, packet, this.#reader, before, answers);
    translateFtp(packet, this.#reader, connection, this.#isReply);
    const isSource = (connection.nat === "src") !== this.#isReply;
    packet.ctState &= ~NAT_STATES;
    if (changed !== 0) packet.ctState |= isSource ? CT_STATE.snat : CT_STATE.dnat;
  }
}

/** Which end of a connection is translated, by its answers and by what they would be otherwise. */
function sideOf(reply: Uint32Array, reversed: Uint32Array): NatSide {
  return reply.subarray(TUPLE.src, TUPLE.dst).some((word, i) => word !== reversed[TUPLE.src + i]) ? "dst" : "src";
}

function setMarks(packet: Packet, connection: Connection, { mark, markMask, label, labelMask }: CtDatapathAction): void {
  if (markMask !== 0) {
    connection.mark = ((connection.mark & ~markMask) | (mark & markMask)) >>> 0;
    packet.ctMark = connection.mark;
  }
  if (label === undefined || labelMask === undefined) return;
  for (let i = 0; i < 4; i++) {
    connection.label[i] = ((connection.label[i] ?? 0) & ~(labelMask[i] ?? 0)) | ((label[i] ?? 0) & (labelMask[i] ?? 0));
    packet.ctLabel[i] = connection.label[i] ?? 0;
  }
}
