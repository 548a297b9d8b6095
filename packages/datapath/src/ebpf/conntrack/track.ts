/**
 * Assembly that tracks a packet, as `Conntrack` does in this process, as far as the connection is in the index that both share.
 *
 * What it cannot do goes to `ct-up`, and nothing has been changed by then: what begins with a helper, belongs to a connection that is over
 * or that this process keeps for itself, and all that `readTuple` does not read.
 */
import { asm, type Code } from "@tenet/bpf";
import { FIELDS, type FieldName } from "@tenet/net";
import { END_WORDS, ENTRY_FLAG, STATUS } from "../../conntrack/connection-entry.ts";
import { CT_STATE, NAT_STATES } from "../../conntrack/ct-state.ts";
import { PHASE } from "../../conntrack/phase.ts";
import { VERDICT } from "../../conntrack/tcp.ts";
import { TUPLE, TUPLE_WORDS } from "../../conntrack/tuple.ts";
import { loadArgument } from "../actions/action-kind.ts";
import { placeOf } from "../key-layout.ts";
import { type ConnectionReferences, findEntry } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { unlearn } from "../program/unlearn.ts";
import { RESUMPTION } from "../resumption.ts";
import { SLOT } from "../slot.ts";
import { beginConnection, touch } from "./begin-connection.ts";
import { CONTROL, LEFT_REASONS } from "./control-layout.ts";
import { findTcpPhase, followTcp, unlessCanBegin } from "./follow-tcp.ts";
import { readTuple } from "./read-tuple.ts";
import { reverseTuple } from "./reverse-tuple.ts";
import { entryAt, findConnectionEntry, keep, recall, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";
import { LABEL_ACTIONS, POINT_SHIFT, TRACK_FLAG, wordBehind } from "./track-argument.ts";
import { translate } from "./translate.ts";

const TCP = 6;
const ICMP = 1;
const ICMP6 = 58;
const ICMP_REQUESTS = { [ICMP]: 8, [ICMP6]: 128 } as const;

/** What the lists of flows have beyond plain tracking. */
export interface TrackingNeeds {
  /** Packets of connections are to be translated. */
  readonly translates: boolean;
  /** Connections begin that are to be translated. */
  readonly choosesAnswers: boolean;
}

/**
 * Tracks the packet as the action at `r7`, the slot's one with the index in `r8`, says.
 *
 * It goes to `tracked`, with `r8` and `r9` as they were, or to `slow-again`, with a key that says where this process has to go on.
 */
export function track(maps: ConnectionReferences, { translates, choosesAnswers }: TrackingNeeds): Code {
  return [
    [
      asm.store(8, "r10", TRACKING.action, "r7"),
      asm.store(8, "r10", TRACKING.index, "r8"),
      asm.store(8, "r10", TRACKING.slot, "r9"),
    ],
    noteTranslation(),
    keep(TRACKING.isOver, 0),
    readTuple(),
    [TRACKING.proto, TRACKING.innerAt, TRACKING.isTranslated].map((at) => unlearn(at)),
    findConnection(maps),
    follow(maps),
    [
      asm.label("ct-known"),
      [TRACKING.direction, TRACKING.state].map((at) => unlearn(at)),
      carryOut(translates),
      describeConnection(),
    ],
    [asm.label("ct-describe"), describeTuple()],
    [asm.label("ct-on"), restore(), asm.jump("tracked")],
    [asm.label("ct-end"), endConnection(), asm.label("ct-unknown"), answerUnknown(maps, choosesAnswers)],
    [asm.label("ct-invalid"), clearTracking(), setTracked(CT_STATE.trk | CT_STATE.inv), asm.jump("ct-on")],
    [countLeft(maps, choosesAnswers), asm.load(8, "r7", "r10", TRACKING.action), noteResumption(), asm.jump("slow-again")],
  ];
}

/** From `ct-up` or one of the labels that name a reason; the verifier takes none that nothing goes to. */
function countLeft({ control }: ConnectionReferences, choosesAnswers: boolean): Code {
  const reasons = Object.keys(LEFT_REASONS).map((reason, i) => ({ reason, i }));
  return [
    reasons
      .filter(({ reason }) => choosesAnswers || reason !== "range")
      .map(({ reason, i }) => [
        [
          asm.label(`ct-up-${reason}`),
          reason === "other" ? asm.label("ct-up") : [],
          asm.mapValue("r1", control, CONTROL.left + 4 * i),
        ],
        asm.jump("ct-count-left"),
      ]),
    [asm.label("ct-count-left"), asm.mov("r2", 1), asm.atomic("add", 4, "r1", 0, "r2")],
  ];
}

/** Forgets what the key says of a connection. */
function clearTracking(): Code {
  const fields = ["ct_state", "ct_zone", "ct_mark", "ct_nw_proto", "ct_nw_src", "ct_nw_dst", "ct_tp_src"] as const;
  const long = ["ct_label", "ct_ipv6_src", "ct_ipv6_dst"] as const;
  return [
    fields.map((field) => keep(keyAt(field), 0)),
    long.map((field) => Array.from({ length: 4 }, (_, i) => keep(keyAt(field, i), 0))),
  ];
}

/** Where a word of the packet's key lies. */
function keyAt(field: FieldName, i = 0): number {
  return STACK.key + 4 * (placeOf(FIELDS[field].word + i) ?? 0);
}

/** Sets `r8` and `r9` to what they were when the tracking began. */
export function restore(): Code {
  return [asm.load(8, "r8", "r10", TRACKING.index), asm.load(8, "r9", "r10", TRACKING.slot)];
}

/** In the place of `recirc_id`, see resumption.ts: this process goes on at the point of the action at `r7`, or so many behind it. */
export function noteResumption(nBehind = 0): Code {
  return [
    [loadArgument("r1", "argument"), asm.rsh("r1", POINT_SHIFT), asm.add("r1", nBehind)],
    [asm.load(4, "r2", "r7", SLOT.actions), asm.rsh("r2", SLOT.pointsShift), asm.lsh("r2", RESUMPTION.numberShift)],
    asm.or("r1", "r2"),
    [asm.constant("r2", 0, RESUMPTION.flag), asm.or("r1", "r2"), keep(keyAt("recirc_id"), "r1")],
  ];
}

/** Goes on unless the action lacks the flag. */
function ifFlag(flag: keyof typeof TRACK_FLAG, otherwise: string): Code {
  return [loadArgument("r1", "argument"), asm.and("r1", TRACK_FLAG[flag]), asm.branch("r1", "==", 0, otherwise)];
}

/** Notes whether the packet was translated in this zone before. */
function noteTranslation(): Code {
  return [
    [keep(TRACKING.isTranslated, 0), recall("r1", keyAt("ct_state")), asm.and("r1", NAT_STATES)],
    [asm.branch("r1", "==", 0, "ct-untranslated"), recall("r1", keyAt("ct_zone")), loadArgument("r2", "argument")],
    [asm.and("r2", 0xffff), asm.branch("r1", "!=", "r2", "ct-untranslated"), keep(TRACKING.isTranslated, 1)],
    asm.label("ct-untranslated"),
  ];
}

/**
 * Leaves its entry in `r9`. A packet that was translated in this zone is to the connection what the reverse of an answer
 * would be, and goes in the other direction.
 */
function findConnection({ index, entries }: ConnectionReferences): Code {
  return [
    [recall("r1", TRACKING.isTranslated), asm.branch("r1", "==", 0, "ct-find"), reverseTuple("find"), asm.label("ct-find")],
    unlearn(TRACKING.tuple, tupleAt("ports")),
    [findEntry(index, TRACKING.tuple), asm.branch("r0", "==", 0, "ct-unknown"), asm.load(4, "r1", "r0", 0)],
    [asm.mov("r8", "r1"), asm.and("r8", 1), keep(TRACKING.direction, "r8"), asm.rsh("r1", 1), keep(TRACKING.id, "r1")],
    findConnectionEntry(entries),
    requireSameTuple(),
    [recall("r1", TRACKING.isTranslated), asm.xor("r8", "r1"), keep(TRACKING.direction, "r8")],
    [asm.load(4, "r1", "r9", entryAt("status")), asm.branch("r1", "==", STATUS.over, "ct-over")],
    asm.branch("r1", "!=", STATUS.live, "ct-up"),
    [asm.load(4, "r1", "r9", entryAt("flags")), asm.branch("r1", "&", ENTRY_FLAG.isOurs, "ct-up-helper")],
    [noteTime(), asm.load(8, "r1", "r9", entryAt("expires")), asm.branch("r1", "<=", "r0", "ct-end")],
    [ifFlag("force", "ct-found"), asm.branch("r8", "!=", 0, "ct-up"), asm.label("ct-found")],
  ];
}

/** What the index gave may stand for another tuple a moment later: the kernel uses the memory of deleted entries again at once. */
function requireSameTuple(): Code {
  const words = [TUPLE.head, TUPLE.src, TUPLE.src + 3, TUPLE.dst, TUPLE.dst + 3, TUPLE.ports];
  return [
    [asm.mov("r1", "r8"), asm.mul("r1", 4 * TUPLE_WORDS), asm.mov("r2", "r9"), asm.add("r2", "r1")],
    words.map((word) => [
      [asm.load(4, "r1", "r2", entryAt("original", word)), word === TUPLE.head ? [] : swapBytes("r1")],
      [recall("r3", TRACKING.tuple + 4 * word), asm.branch("r1", "!=", "r3", "ct-up")],
    ]),
  ];
}

/** The connection is over: the packet is of none, and may begin it again. */
function endConnection(): Code {
  return [
    [asm.mov("r0", STATUS.live), asm.mov("r1", STATUS.over), asm.atomic("cmpxchg", 4, "r9", entryAt("status"), "r1")],
    [asm.branch32("r0", "!=", STATUS.live, "ct-up"), asm.label("ct-over"), keep(TRACKING.isOver, 1)],
  ];
}

function noteTime(): Code {
  return [asm.call("ktime_get_coarse_ns"), asm.store(8, "r10", TRACKING.nowNs, "r0")];
}

/** Takes the packet in, and notes its state. */
function follow(maps: ConnectionReferences): Code {
  return [
    [recall("r1", TRACKING.innerAt), asm.mov("r0", CT_STATE.rel), asm.branch("r1", "!=", 0, "ct-side")],
    [recall("r1", TRACKING.proto), recall("r2", TRACKING.direction), asm.and("r2", 1), asm.load(4, "r3", "r9", entryAt("phase"))],
    [asm.branch("r1", "==", TCP, "ct-follow-tcp"), asm.branch("r1", "==", ICMP, "ct-follow-echo")],
    [asm.branch("r1", "!=", ICMP6, "ct-follow-other"), asm.label("ct-follow-echo")],
    [asm.branch("r2", "==", 0, "ct-asks"), asm.mov("r3", PHASE.icmpReply), asm.label("ct-asks"), asm.mov("r0", CT_STATE.est)],
    [asm.branch("r3", "==", PHASE.icmpReply, "ct-touch"), asm.mov("r0", CT_STATE.new), asm.jump("ct-touch")],
    [asm.label("ct-follow-other"), asm.branch("r2", "!=", 0, "ct-both"), asm.branch("r3", "==", PHASE.otherBoth, "ct-both")],
    [asm.mov("r0", CT_STATE.new), asm.mov("r3", PHASE.otherMultiple), asm.jump("ct-touch")],
    [asm.label("ct-both"), asm.mov("r3", PHASE.otherBoth), asm.mov("r0", CT_STATE.est), asm.jump("ct-touch")],
    [asm.label("ct-follow-tcp"), followSegment(maps)],
    [asm.label("ct-touch"), asm.store(4, "r9", entryAt("phase"), "r3"), asm.mov("r2", "r3"), touch(maps)],
    [asm.label("ct-followed"), asm.branch("r0", "!=", CT_STATE.est, "ct-not-reply")],
    [asm.label("ct-side"), recall("r1", TRACKING.direction)],
    [asm.branch("r1", "==", 0, "ct-not-reply"), asm.or("r0", CT_STATE.rpl), asm.label("ct-not-reply")],
    noteState(),
  ];
}

/** What is in `r0`; the packet may have been translated in another zone. */
function noteState(): Code {
  return [
    [asm.or("r0", CT_STATE.trk), recall("r1", keyAt("ct_state")), asm.and("r1", NAT_STATES), asm.or("r0", "r1")],
    keep(TRACKING.state, "r0"),
  ];
}

/** Leaves the state in `r0`, and the phase in `r3`. */
function followSegment({ control }: ConnectionReferences): Code {
  return [
    [asm.mov("r1", "r2"), asm.mul("r1", 4 * END_WORDS), asm.mov("r7", "r9"), asm.add("r7", "r1"), asm.add("r7", entryAt("ends"))],
    [asm.xor("r2", 1), asm.mul("r2", 4 * END_WORDS), asm.mov("r8", "r9"), asm.add("r8", "r2"), asm.add("r8", entryAt("ends"))],
    followTcp(),
    [asm.branch("r0", "==", VERDICT.restart, "ct-end"), asm.branch("r0", "==", VERDICT.invalid, "ct-misfit")],
    [asm.branch("r0", "==", VERDICT.established, "ct-fits")],
    [asm.mov("r3", PHASE.tcpFirst), asm.mov("r0", CT_STATE.new), asm.jump("ct-touch")],
    [asm.label("ct-misfit"), asm.mapValue("r1", control, CONTROL.mustAskOfMisfits), asm.load(4, "r1", "r1", 0)],
    [asm.branch("r1", "!=", 0, "ct-up"), asm.mov("r0", CT_STATE.inv), asm.jump("ct-followed")],
    [asm.label("ct-fits"), findTcpPhase(), asm.mov("r3", "r1"), asm.mov("r0", CT_STATE.est)],
  ];
}

/** Translates the packet, unless it was in this zone, and sets the connection's marks, as far as the action says so. */
function carryOut(translates: boolean): Code {
  return [
    [asm.load(8, "r7", "r10", TRACKING.action), translates ? translateUnlessTranslated() : []],
    [ifFlag("commit", "ct-marked"), asm.load(4, "r1", "r9", entryAt("mark")), loadArgument("r2", "high")],
    [asm.xor32("r2", -1), asm.and32("r1", "r2"), loadArgument("r2", "low"), asm.or32("r1", "r2")],
    [asm.store(4, "r9", entryAt("mark"), "r1"), ifFlag("label", "ct-marked")],
    // An action that has a label is not among the last.
    [asm.load(8, "r1", "r10", TRACKING.index), asm.branch("r1", ">=", SLOT.maxActions - LABEL_ACTIONS, "ct-marked")],
    [asm.mov("r2", "r1"), asm.mul("r2", SLOT.actionBytes), asm.load(8, "r3", "r10", TRACKING.slot), asm.add("r3", "r2")],
    [0, 1, 2, 3].map((i) => [
      [asm.load(4, "r1", "r9", entryAt("label", i)), asm.load(4, "r2", "r3", wordBehind(i)), asm.and32("r1", "r2")],
      [asm.load(4, "r2", "r3", wordBehind(4 + i)), asm.or32("r1", "r2"), asm.store(4, "r9", entryAt("label", i), "r1")],
    ]),
    asm.label("ct-marked"),
  ];
}

function translateUnlessTranslated(): Code {
  return [
    [ifFlag("translate", "ct-as-it-is"), recall("r1", TRACKING.isTranslated), asm.branch("r1", "!=", 0, "ct-as-it-is")],
    [asm.load(4, "r1", "r9", entryAt("flags")), asm.branch("r1", "==", 0, "ct-as-it-is"), translate(), asm.label("ct-as-it-is")],
  ];
}

/** Puts the connection of the entry in `r9` into the key, and its original tuple where the packet's was. */
function describeConnection(): Code {
  const copied = [TUPLE.src, TUPLE.src + 1, TUPLE.src + 2, TUPLE.src + 3, TUPLE.dst, TUPLE.dst + 1, TUPLE.dst + 2, TUPLE.dst + 3];
  return [
    [asm.load(4, "r1", "r9", entryAt("mark")), keep(keyAt("ct_mark"), "r1")],
    [0, 1, 2, 3].map((i) => [asm.load(4, "r1", "r9", entryAt("label", i)), keep(keyAt("ct_label", i), "r1")]),
    [recall("r1", TRACKING.direction), recall("r2", TRACKING.isTranslated), asm.or("r1", "r2")],
    asm.branch("r1", "==", 0, "ct-describe"),
    [...copied, TUPLE.ports].map((word) => [
      [asm.load(4, "r1", "r9", entryAt("original", word)), swapBytes("r1")],
      keep(TRACKING.tuple + 4 * word, "r1"),
    ]),
  ];
}

/** Puts the state and the tuple into the key. */
function describeTuple(): Code {
  const { shift } = FIELDS.ct_nw_proto;
  return [
    [recall("r1", TRACKING.state), keep(keyAt("ct_state"), "r1"), recall("r1", tupleAt("head")), asm.mov("r2", "r1")],
    [asm.and("r2", 0xffff), keep(keyAt("ct_zone"), "r2"), recall("r2", TRACKING.proto), recall("r3", tupleAt("ports"))],
    [asm.branch("r2", "==", ICMP, "ct-type"), asm.branch("r2", "!=", ICMP6, "ct-ports")],
    // Type and code, each with a zero before it, in place of ports.
    [
      asm.label("ct-type"),
      asm.mov32("r4", "r3"),
      asm.rsh32("r4", 8),
      asm.and32("r4", 0xff00),
      asm.and32("r3", 0xff00_0000),
      asm.or32("r3", "r4"),
    ],
    [asm.label("ct-ports"), keep(keyAt("ct_tp_src"), "r3"), asm.lsh("r2", shift), keep(keyAt("ct_nw_proto"), "r2")],
    [asm.rsh("r1", 24), asm.branch("r1", "==", 6, "ct-describe-6")],
    [recall("r1", tupleAt("src")), keep(keyAt("ct_nw_src"), "r1"), recall("r1", tupleAt("dst")), keep(keyAt("ct_nw_dst"), "r1")],
    [asm.jump("ct-on"), asm.label("ct-describe-6")],
    [0, 1, 2, 3].map((i) => [
      [recall("r1", tupleAt("src", i)), keep(keyAt("ct_ipv6_src", i), "r1")],
      [recall("r1", tupleAt("dst", i)), keep(keyAt("ct_ipv6_dst", i), "r1")],
    ]),
  ];
}

/** A packet of no connection that the index knows: the first of one, or none. */
function answerUnknown(maps: ConnectionReferences, choosesAnswers: boolean): Code {
  return [
    [asm.load(8, "r7", "r10", TRACKING.action), recall("r1", TRACKING.isTranslated), asm.branch("r1", "!=", 0, "ct-up")],
    [asm.mapValue("r1", maps.control, CONTROL.mustAsk), asm.load(4, "r1", "r1", 0), asm.branch("r1", "!=", 0, "ct-up")],
    [recall("r1", TRACKING.innerAt), asm.branch("r1", "!=", 0, "ct-invalid")],
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", TCP, "ct-tcp-begins"), asm.branch("r1", "==", ICMP, "ct-asks-first")],
    [asm.branch("r1", "!=", ICMP6, "ct-begins"), asm.label("ct-asks-first")],
    [
      asm.load(1, "r2", "r10", tupleAt("ports") + 2),
      asm.mov("r3", ICMP_REQUESTS[ICMP]),
      asm.branch("r1", "==", ICMP, "ct-asked"),
    ],
    [
      asm.mov("r3", ICMP_REQUESTS[ICMP6]),
      asm.label("ct-asked"),
      asm.branch("r2", "!=", "r3", "ct-invalid"),
      asm.jump("ct-begins"),
    ],
    [asm.label("ct-tcp-begins"), unlessCanBegin("ct-invalid")],
    [asm.label("ct-begins"), noteTime(), asm.mov("r0", CT_STATE.new), noteState()],
    [
      ifFlag("commit", "ct-stranger"),
      ifFlag("begin", "ct-up-helper"),
      beginConnection(maps, choosesAnswers),
      asm.jump("ct-known"),
    ],
    [asm.label("ct-stranger"), keep(keyAt("ct_mark"), 0), [0, 1, 2, 3].map((i) => keep(keyAt("ct_label", i), 0))],
    asm.jump("ct-describe"),
  ];
}

function setTracked(state: number): Code {
  return [[keep(keyAt("ct_state"), state), loadArgument("r1", "argument"), asm.and("r1", 0xffff)], keep(keyAt("ct_zone"), "r1")];
}
