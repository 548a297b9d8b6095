/**
 * Assembly that follows a TCP connection, as `followTcp` does in this process: see conntrack/tcp.ts.
 *
 * Registers: `r7` the sender's end, `r8` the receiver's; the segment is in `TRACKING`. Sequence numbers are compared by the sign of
 * 32-bit differences. Only what changes is written, since another processor may follow the other direction at the same time.
 */
import { asm, type Code, type Condition, type Register } from "@tenet/bpf";
import { END } from "../../conntrack/connection-entry.ts";
import { PHASE } from "../../conntrack/phase.ts";
import { canBegin, hasSaneFlags, MAX_ACK_SKEW, MAX_SCALE, NO_SCALE, STATE, UNKNOWN_SCALE, VERDICT } from "../../conntrack/tcp.ts";
import { TCP_FLAG } from "@tenet/net";
import { keep, recall, SEGMENT, TRACKING } from "./tracking-stack.ts";

type Side = "sender" | "receiver";
type Part = keyof typeof END;

const REGISTER: Readonly<Record<Side, Register>> = { sender: "r7", receiver: "r8" };
const { senderShift, receiverShift, end, last, checksAck } = TRACKING;

function load(to: Register, side: Side, part: Part): Code {
  return asm.load(4, to, REGISTER[side], 4 * END[part]);
}

function store(side: Side, part: Part, from: Register | number): Code {
  return asm.store(4, REGISTER[side], 4 * END[part], from);
}

/** Goes on when the segment has one of these flags, else to the label. */
function unlessFlag(bits: number, label: string): Code {
  return [recall("r1", SEGMENT.flags), asm.and("r1", bits), asm.branch("r1", "==", 0, label)];
}

/** Goes to the label unless the segment's flags are among those that a function allows; uses `r1` and `r2`. */
function unlessFlags(isAllowed: (flags: number) => boolean, label: string): Code {
  const halves = [0, 32].map((from) => {
    let bits = 0;
    for (let i = 0; i < 32; i++) if (isAllowed(from + i)) bits |= 1 << i;
    return bits >>> 0;
  });
  return [
    [asm.constant("r2", halves[1] ?? 0, halves[0] ?? 0), recall("r1", SEGMENT.flags), asm.rsh("r2", "r1")],
    [asm.and("r2", 1), asm.branch("r2", "==", 0, label)],
  ];
}

/** Goes to the label when `a - b`, as 32 bits with a sign, compares so with zero; `a` is lost. */
function ifDifference(a: Register, b: Register, condition: Condition, label: string): Code {
  return [asm.sub32(a, b), asm.branch32(a, condition, 0, label)];
}

/** Goes to the label when a connection may not begin with the SEGMENT. */
export function unlessCanBegin(label: string): Code {
  return unlessFlags((flags) => canBegin({ flags }), label);
}

/** Leaves a number of `VERDICT` in `r0`. */
export function followTcp(): Code {
  return [
    [asm.mov("r0", VERDICT.invalid), unlessFlags(hasSaneFlags, "tcp-judged")],
    followOpening(),
    chooseShifts(),
    [recall("r1", SEGMENT.seq), recall("r2", SEGMENT.size), asm.add32("r1", "r2"), keep(end, "r1"), keep(checksAck, 1)],
    [load("r1", "sender", "state"), asm.branch32("r1", ">=", STATE.synSent, "tcp-judge"), meetSender()],
    asm.label("tcp-judge"),
    judge(),
    asm.label("tcp-judged"),
  ];
}

/** A segment that opens begins anew what is over, and is new as long as its sender has sent nothing else. */
function followOpening(): Code {
  const both = TCP_FLAG.syn | TCP_FLAG.ack;
  return [
    [recall("r1", SEGMENT.flags), asm.and("r1", both), asm.branch("r1", "!=", TCP_FLAG.syn, "tcp-goes-on")],
    [load("r2", "sender", "state"), load("r3", "receiver", "state")],
    [asm.branch("r2", "<", STATE.finWait2, "tcp-not-over"), asm.branch("r3", "<", STATE.finWait2, "tcp-not-over")],
    [asm.mov("r0", VERDICT.restart), asm.jump("tcp-judged")],
    [asm.label("tcp-not-over"), asm.branch("r2", ">", STATE.synSent, "tcp-goes-on")],
    [store("sender", "state", STATE.synSent), asm.mov("r0", VERDICT.new), asm.jump("tcp-judged")],
    asm.label("tcp-goes-on"),
  ];
}

/** By how much windows of both are shifted. */
function chooseShifts(): Code {
  return [
    [asm.mov("r4", 0), asm.mov("r5", 0), recall("r1", SEGMENT.flags), asm.branch("r1", "&", TCP_FLAG.syn, "tcp-shifts")],
    [load("r2", "sender", "scale"), load("r3", "receiver", "scale")],
    [asm.branch32("r2", "s<", 0, "tcp-unknown-scale"), asm.branch32("r3", "s<", 0, "tcp-unknown-scale")],
    [asm.mov("r4", "r2"), asm.mov("r5", "r3"), asm.jump("tcp-shifts")],
    asm.label("tcp-unknown-scale"),
    [asm.branch32("r2", "!=", UNKNOWN_SCALE, "tcp-shifts"), asm.branch32("r3", "!=", UNKNOWN_SCALE, "tcp-shifts")],
    [asm.mov("r4", MAX_SCALE), asm.mov("r5", MAX_SCALE)],
    [asm.label("tcp-shifts"), keep(senderShift, "r4"), keep(receiverShift, "r5")],
  ];
}

/** Takes in the first segment of the sender: where it begins, and its scale. */
function meetSender(): Code {
  return [
    [unlessFlag(TCP_FLAG.syn, "tcp-met"), load("r3", "receiver", "scale"), asm.branch32("r3", "s<", 0, "tcp-met")],
    [recall("r2", SEGMENT.scale), store("sender", "scale", "r2"), asm.branch32("r2", "s<", 0, "tcp-not-scaled")],
    // The window is not scaled in this segment, but is compared with those that are.
    [keep(senderShift, "r2"), keep(receiverShift, "r3"), asm.mov("r4", 1), asm.lsh32("r4", "r2"), asm.sub32("r4", 1)],
    [recall("r5", SEGMENT.window), asm.add32("r5", "r4"), asm.rsh32("r5", "r2"), keep(SEGMENT.window, "r5"), asm.jump("tcp-met")],
    asm.label("tcp-not-scaled"),
    [load("r5", "receiver", "maxWindow"), asm.lsh32("r5", "r3"), store("receiver", "maxWindow", "r5")],
    store("receiver", "scale", NO_SCALE),
    asm.label("tcp-met"),
    [recall("r1", SEGMENT.seq), store("sender", "seqLow", "r1"), store("sender", "state", STATE.synSent)],
    [load("r2", "receiver", "maxWindow"), recall("r3", receiverShift), asm.lsh32("r2", "r3"), atLeastOne("r2", "met")],
    [recall("r1", end), asm.add32("r2", "r1"), load("r3", "sender", "seqHigh"), asm.branch("r3", "==", 1, "tcp-limit")],
    [asm.mov32("r4", "r2"), ifDifference("r4", "r3", "s<", "tcp-limited")],
    [asm.label("tcp-limit"), store("sender", "seqHigh", "r2"), keep(checksAck, 0)], // it may be older than what was seen of it
    asm.label("tcp-limited"),
    widenWindow("met"),
  ];
}

/** The sender's largest window; uses `r1` and `r2`. */
function widenWindow(name: string): Code {
  const done = `tcp-window-${name}`;
  return [
    [recall("r1", SEGMENT.window), load("r2", "sender", "maxWindow"), asm.branch32("r1", "s<=", "r2", done)],
    [store("sender", "maxWindow", "r1"), asm.label(done)],
  ];
}

function atLeastOne(register: Register, name: string): Code {
  const done = `tcp-one-${name}`;
  return [asm.branch32(register, "s>=", 1, done), asm.mov32(register, 1), asm.label(done)];
}

/** What the segment is, by its numbers; `r3` is where it begins, `r5` what it acknowledges. */
function judge(): Code {
  return [
    // What carries nothing may be anywhere.
    [recall("r3", SEGMENT.seq), recall("r4", end), asm.branch32("r3", "!=", "r4", "tcp-carries")],
    [load("r3", "sender", "seqLow"), asm.mov32("r4", "r3"), asm.label("tcp-carries"), keep(last, "r4")],
    [load("r5", "receiver", "seqLow"), recall("r1", SEGMENT.flags), asm.branch("r1", "&", TCP_FLAG.ack, "tcp-acks")],
    asm.jump("tcp-acked"),
    [asm.label("tcp-acks"), recall("r2", SEGMENT.ack), asm.branch("r2", "!=", 0, "tcp-acks-something")],
    [asm.branch("r1", "&", TCP_FLAG.rst, "tcp-acked"), asm.label("tcp-acks-something"), asm.mov32("r5", "r2")],
    asm.label("tcp-acked"),
    isInWindow(),
    slide("in"),
    advance(),
    [asm.mov("r0", VERDICT.established), asm.jump("tcp-judged")],
    asm.label("tcp-outside"),
    [load("r1", "sender", "state"), load("r2", "receiver", "state")],
    [asm.branch("r2", "<", STATE.synSent, "tcp-loose"), asm.branch("r2", ">=", STATE.finWait2, "tcp-loose")],
    [asm.branch("r1", ">=", STATE.finWait2, "tcp-loose"), asm.label("tcp-invalid"), asm.mov("r0", VERDICT.invalid)],
    asm.jump("tcp-judged"),
    asm.label("tcp-loose"),
    [
      load("r1", "sender", "seqHigh"),
      asm.add32("r1", MAX_ACK_SKEW),
      recall("r2", last),
      ifDifference("r1", "r2", "s<", "tcp-invalid"),
    ],
    [
      asm.mov32("r1", "r3"),
      load("r2", "sender", "seqLow"),
      asm.sub32("r2", MAX_ACK_SKEW),
      ifDifference("r1", "r2", "s<", "tcp-invalid"),
    ],
    slide("near"),
    close("near"),
    asm.mov("r0", VERDICT.established),
  ];
}

/** Goes to `tcp-outside` unless the segment lies where it may. */
function isInWindow(): Code {
  const low = load("r2", "sender", "seqLow");
  return [
    [load("r1", "sender", "seqHigh"), recall("r2", last), ifDifference("r1", "r2", "s<", "tcp-outside")],
    [load("r1", "receiver", "maxWindow"), recall("r2", receiverShift), asm.lsh32("r1", "r2"), low, asm.sub32("r2", "r1")],
    [asm.mov32("r1", "r3"), ifDifference("r1", "r2", "s<", "tcp-outside")],
    [recall("r1", checksAck), asm.branch("r1", "==", 0, "tcp-ack-is-right")],
    [load("r1", "receiver", "seqLow"), asm.sub32("r1", "r5"), asm.branch32("r1", "s<", -MAX_ACK_SKEW, "tcp-outside")],
    [
      asm.mov("r2", MAX_ACK_SKEW),
      recall("r4", senderShift),
      asm.lsh32("r2", "r4"),
      asm.branch32("r1", "s>", "r2", "tcp-outside"),
    ],
    asm.label("tcp-ack-is-right"),
    // A reset must hit the place where the sender is, or the one beside it.
    unlessFlag(TCP_FLAG.rst, "tcp-inside"),
    [recall("r1", SEGMENT.seq), low, asm.sub32("r1", "r2"), asm.add32("r1", 1), asm.branch32("r1", ">", 2, "tcp-outside")],
    asm.label("tcp-inside"),
  ];
}

/** How far the sender has sent, and the receiver may send. */
function slide(name: string): Code {
  const [sent, allowed] = [`tcp-sent-${name}`, `tcp-allowed-${name}`];
  return [
    widenWindow(name),
    [recall("r1", last), asm.mov32("r4", "r1"), load("r2", "sender", "seqLow"), ifDifference("r4", "r2", "s<=", sent)],
    [store("sender", "seqLow", "r1"), asm.label(sent)],
    [
      recall("r1", SEGMENT.window),
      recall("r2", senderShift),
      asm.lsh32("r1", "r2"),
      asm.mov32("r4", "r5"),
      asm.add32("r4", "r1"),
    ],
    [load("r2", "receiver", "seqHigh"), ifDifference("r4", "r2", "s<", allowed)],
    [atLeastOne("r1", name), asm.add32("r1", "r5"), store("receiver", "seqHigh", "r1"), asm.label(allowed)],
  ];
}

function advance(): Code {
  return [
    [unlessFlag(TCP_FLAG.ack, "tcp-advanced"), load("r2", "receiver", "state")],
    [asm.branch("r2", "!=", STATE.synSent, "tcp-opened"), store("receiver", "state", STATE.established)],
    [asm.label("tcp-opened"), asm.branch("r2", "!=", STATE.closing, "tcp-advanced"), store("receiver", "state", STATE.finWait2)],
    asm.label("tcp-advanced"),
    close("in"),
  ];
}

/** What ends and resets. */
function close(name: string): Code {
  const [ended, closed] = [`tcp-ended-${name}`, `tcp-closed-${name}`];
  return [
    [unlessFlag(TCP_FLAG.fin, ended), load("r2", "sender", "state"), asm.branch("r2", ">=", STATE.closing, ended)],
    [store("sender", "state", STATE.closing), asm.label(ended), unlessFlag(TCP_FLAG.rst, closed)],
    [store("sender", "state", STATE.timeWait), store("receiver", "state", STATE.timeWait), asm.label(closed)],
  ];
}

/** Leaves in `r1` how long the connection lives from now, a number of `PHASE`. */
export function findTcpPhase(): Code {
  return [
    [load("r2", "sender", "state"), load("r3", "receiver", "state"), asm.branch("r2", "<=", "r3", "tcp-ordered")],
    [asm.mov("r4", "r2"), asm.mov("r2", "r3"), asm.mov("r3", "r4"), asm.label("tcp-ordered")],
    [asm.mov("r1", PHASE.tcpClosed), asm.branch("r2", ">=", STATE.finWait2, "tcp-phase")],
    [asm.mov("r1", PHASE.tcpFinWait), asm.branch("r2", ">=", STATE.closing, "tcp-phase")],
    [asm.mov("r1", PHASE.tcpOpening), asm.branch("r2", "<", STATE.established, "tcp-phase")],
    [asm.mov("r1", PHASE.tcpClosing), asm.branch("r3", ">=", STATE.closing, "tcp-phase")],
    [asm.mov("r1", PHASE.tcpEstablished), asm.label("tcp-phase")],
  ];
}

/** Sets both ends to what the first segment says, as `beginTcp` does. */
export function beginTcp(): Code {
  return [
    [recall("r1", SEGMENT.seq), store("sender", "seqLow", "r1"), recall("r2", SEGMENT.size), asm.add32("r1", "r2")],
    [asm.add32("r1", 1), store("sender", "seqHigh", "r1"), recall("r3", SEGMENT.window), atLeastOne("r3", "begin")],
    [asm.mov("r1", UNKNOWN_SCALE), asm.mov("r2", UNKNOWN_SCALE), recall("r4", SEGMENT.flags)],
    [asm.and("r4", TCP_FLAG.syn), asm.branch("r4", "==", 0, "tcp-scales")],
    [recall("r1", SEGMENT.scale), asm.mov("r2", NO_SCALE), asm.branch32("r1", "s<=", 0, "tcp-scales")],
    [asm.mov("r4", 1), asm.lsh32("r4", "r1"), asm.sub32("r4", 1), asm.add32("r3", "r4"), asm.rsh32("r3", "r1")],
    asm.label("tcp-scales"),
    [store("sender", "scale", "r1"), store("receiver", "scale", "r2"), store("sender", "maxWindow", "r3")],
    [store("sender", "state", STATE.synSent), store("receiver", "state", STATE.closed), store("receiver", "seqLow", 0)],
    [store("receiver", "seqHigh", 1), store("receiver", "maxWindow", 1)],
  ];
}
