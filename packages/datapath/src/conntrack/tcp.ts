/**
 * What: follows a TCP connection by its flags and its sequence numbers, from a place between the two ends.
 *
 * Why: a firewall that lets answers in must not let in what only looks like one.
 *
 * How: for each end it keeps how far that end has sent (`seqLow`), how far it may send (`seqHigh`: the other's last
 * acknowledgement plus its window), the largest window and its scale. A segment whose numbers lie outside both is
 * invalid. Connections that are picked up in the middle are taken to have the largest scale; closed ones get room
 * of one window either way. Sequence numbers are kept as signed 32-bit integers, so that differences wrap.
 *
 * Limits: no selective acknowledgements, no timestamps.
 *
 * @see G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2000
 */
import { getU8, getU16, getU32, TCP_FLAG } from "@tenet/net";
import { END, END_WORDS } from "./connection-entry.ts";
import { PHASE, type Phase } from "./phase.ts";

/** States of one end, in the order in which a connection goes through them. */
export const TCP_STATES = [
  "CLOSED",
  "LISTEN",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "CLOSE_WAIT",
  "FIN_WAIT_1",
  "CLOSING",
  "LAST_ACK",
  "FIN_WAIT_2",
  "TIME_WAIT",
] as const;

/** Places in {@link TCP_STATES}. */
export const STATE = { closed: 0, synSent: 2, established: 4, closing: 7, finWait2: 9, timeWait: 10 } as const;

/** What a segment means to its connection. */
export const VERDICT = { invalid: 0, established: 1, new: 2, restart: 3 } as const;
/** A number of {@link VERDICT}. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** Bytes that an acknowledgement may lie outside what was seen. */
export const MAX_ACK_SKEW: number = 0xffff + 1500;
/** The largest window scale (RFC 7323). */
export const MAX_SCALE = 14;
/** The scale is not known: the connection was picked up after its first segments. */
export const UNKNOWN_SCALE: number = -1;
/** This end offers no scale. */
export const NO_SCALE: number = -2;

/** One end of a connection, in the words of its entry. */
export class TcpEnd {
  readonly #words: Int32Array;
  readonly #at: number;

  /** @param at - where its words begin */
  constructor(words: Int32Array = new Int32Array(END_WORDS), at = 0) {
    this.#words = words;
    this.#at = at;
  }

  get state(): number {
    return this.#words[this.#at + END.state] ?? 0;
  }

  set state(state: number) {
    this.#words[this.#at + END.state] = state;
  }

  /** One past the last byte sent, at least. */
  get seqLow(): number {
    return this.#words[this.#at + END.seqLow] ?? 0;
  }

  set seqLow(seq: number) {
    this.#words[this.#at + END.seqLow] = seq;
  }

  /** One past the last byte that may be sent. */
  get seqHigh(): number {
    return this.#words[this.#at + END.seqHigh] ?? 0;
  }

  set seqHigh(seq: number) {
    this.#words[this.#at + END.seqHigh] = seq;
  }

  get maxWindow(): number {
    return this.#words[this.#at + END.maxWindow] ?? 0;
  }

  set maxWindow(window: number) {
    this.#words[this.#at + END.maxWindow] = window;
  }

  /** Shift count, {@link UNKNOWN_SCALE} or {@link NO_SCALE}. */
  get scale(): number {
    return this.#words[this.#at + END.scale] ?? 0;
  }

  set scale(scale: number) {
    this.#words[this.#at + END.scale] = scale;
  }
}

/** A segment read from a packet; reused. */
export class TcpSegment {
  flags = 0;
  seq = 0;
  ack = 0;
  window = 0;
  nPayload = 0;
  scale: number = NO_SCALE;

  /** Reads the TCP header at `at`; `end` is where the IP packet ends. */
  read(bytes: Uint8Array, at: number, end: number): void {
    const headerBytes = (getU8(bytes, at + 12) >>> 4) * 4;
    this.flags = getU16(bytes, at + 12) & 0x3f;
    this.seq = getU32(bytes, at + 4) | 0;
    this.ack = getU32(bytes, at + 8) | 0;
    this.window = getU16(bytes, at + 14);
    this.nPayload = Math.max(0, end - at - headerBytes);
    this.scale = (this.flags & TCP_FLAG.syn) === 0 ? NO_SCALE : readScale(bytes, at + 20, Math.min(end, at + headerBytes));
  }

  /** Sequence numbers that the segment uses up. */
  get size(): number {
    return this.nPayload + (this.flags & TCP_FLAG.syn ? 1 : 0) + (this.flags & TCP_FLAG.fin ? 1 : 0);
  }
}

/** Whether a segment may begin a connection: the answer to an opening alone may not. */
export function canBegin({ flags }: Pick<TcpSegment, "flags">): boolean {
  return hasSaneFlags(flags) && (flags & (TCP_FLAG.syn | TCP_FLAG.ack)) !== (TCP_FLAG.syn | TCP_FLAG.ack);
}

/** Sets both ends to what the first segment says, whatever they were. */
export function beginTcp(sender: TcpEnd, receiver: TcpEnd, segment: TcpSegment): void {
  const isOpening = (segment.flags & TCP_FLAG.syn) !== 0;
  sender.seqLow = segment.seq;
  sender.seqHigh = (segment.seq + segment.size + 1) | 0;
  sender.scale = isOpening ? segment.scale : UNKNOWN_SCALE;
  receiver.scale = isOpening ? NO_SCALE : UNKNOWN_SCALE;
  sender.maxWindow = Math.max(segment.window, 1);
  if (sender.scale > 0) sender.maxWindow = unscaled(sender.maxWindow, sender.scale);
  sender.state = STATE.synSent;
  receiver.state = STATE.closed;
  receiver.seqLow = 0;
  receiver.seqHigh = 1;
  receiver.maxWindow = 1;
}

/**
 * Takes in a later segment.
 *
 * @param checksSequences - whether a segment outside the window is invalid
 * @returns what it means; `restart`: the connection is over and this begins another
 */
export function followTcp(sender: TcpEnd, receiver: TcpEnd, segment: TcpSegment, checksSequences = true): Verdict {
  const { flags } = segment;
  if (!hasSaneFlags(flags)) return VERDICT.invalid;
  if ((flags & (TCP_FLAG.syn | TCP_FLAG.ack)) === TCP_FLAG.syn) {
    if (receiver.state >= STATE.finWait2 && sender.state >= STATE.finWait2) return VERDICT.restart;
    if (sender.state <= STATE.synSent) {
      sender.state = STATE.synSent;
      return VERDICT.new;
    }
  }
  const isScaled = (flags & TCP_FLAG.syn) === 0;
  let senderShift = 0;
  let receiverShift = 0;
  if (isScaled && sender.scale >= 0 && receiver.scale >= 0) {
    senderShift = sender.scale;
    receiverShift = receiver.scale;
  } else if (isScaled && sender.scale === UNKNOWN_SCALE && receiver.scale === UNKNOWN_SCALE) {
    senderShift = MAX_SCALE;
    receiverShift = MAX_SCALE;
  }
  let { window } = segment;
  let checksAck = true;
  const end = (segment.seq + segment.size) | 0;
  if (sender.state < STATE.synSent) {
    if ((flags & TCP_FLAG.syn) !== 0 && receiver.scale >= 0) {
      sender.scale = segment.scale;
      if (sender.scale >= 0) {
        senderShift = sender.scale;
        window = unscaled(window, senderShift);
        receiverShift = receiver.scale;
      } else {
        receiver.maxWindow = shifted(receiver.maxWindow, receiver.scale);
        receiver.scale = NO_SCALE;
      }
    }
    sender.seqLow = segment.seq;
    sender.state = STATE.synSent;
    const limit = (end + Math.max(1, shifted(receiver.maxWindow, receiverShift))) | 0;
    if (sender.seqHigh === 1 || isAtLeast(limit, sender.seqHigh)) {
      sender.seqHigh = limit;
      checksAck = false; // the connection may be older than what was seen of it
    }
    if (window > sender.maxWindow) sender.maxWindow = window;
  }
  return judge(sender, receiver, segment, { window, end, checksSequences, checksAck, senderShift, receiverShift });
}

/** How long the connection lives from now, by the states of its ends. */
export function phaseOf(sender: TcpEnd, receiver: TcpEnd): Phase {
  const lower = Math.min(sender.state, receiver.state);
  const higher = Math.max(sender.state, receiver.state);
  if (lower >= STATE.finWait2) return PHASE.tcpClosed;
  if (lower >= STATE.closing) return PHASE.tcpFinWait;
  if (lower < STATE.established) return PHASE.tcpOpening;
  return higher >= STATE.closing ? PHASE.tcpClosing : PHASE.tcpEstablished;
}

interface Scaled {
  readonly window: number;
  /** One past the segment's last sequence number. */
  readonly end: number;
  /** Whether its numbers must lie in the window. */
  readonly checksSequences: boolean;
  /** Whether what it acknowledges must have been sent. */
  readonly checksAck: boolean;
  readonly senderShift: number;
  readonly receiverShift: number;
}

function judge(sender: TcpEnd, receiver: TcpEnd, segment: TcpSegment, scaled: Scaled): Verdict {
  const { flags } = segment;
  const { end, senderShift, receiverShift } = scaled;
  const isAck = (flags & TCP_FLAG.ack) !== 0;
  const isReset = (flags & TCP_FLAG.rst) !== 0;
  const acksNothing = !isAck || (segment.ack === 0 && isReset);
  const ack = acksNothing ? receiver.seqLow : segment.ack;
  const seq = segment.seq === end ? sender.seqLow : segment.seq; // what carries nothing may be anywhere
  const last = segment.seq === end ? sender.seqLow : end;
  const skew = scaled.checksAck ? (receiver.seqLow - ack) | 0 : 0;
  const isNearReset = !isReset || segment.seq === sender.seqLow || Math.abs((segment.seq - sender.seqLow) | 0) === 1;
  const oneWindowBack = (sender.seqLow - shifted(receiver.maxWindow, receiverShift)) | 0;
  const isInWindow =
    !scaled.checksSequences ||
    (isAtLeast(sender.seqHigh, last) &&
      isAtLeast(seq, oneWindowBack) &&
      skew >= -MAX_ACK_SKEW &&
      skew <= shifted(MAX_ACK_SKEW, senderShift) &&
      isNearReset);
  if (isInWindow) {
    slide(sender, receiver, scaled, last, ack);
    advance(sender, receiver, flags);
    return VERDICT.established;
  }
  const mayBeLoose = receiver.state < STATE.synSent || receiver.state >= STATE.finWait2 || sender.state >= STATE.finWait2;
  const isNear = isAtLeast((sender.seqHigh + MAX_ACK_SKEW) | 0, last) && isAtLeast(seq, (sender.seqLow - MAX_ACK_SKEW) | 0);
  if (!mayBeLoose || !isNear) return VERDICT.invalid;
  slide(sender, receiver, scaled, last, ack);
  if ((flags & TCP_FLAG.fin) !== 0 && sender.state < STATE.closing) sender.state = STATE.closing;
  if (isReset) sender.state = receiver.state = STATE.timeWait;
  return VERDICT.established;
}

function slide(sender: TcpEnd, receiver: TcpEnd, { window, senderShift }: Scaled, last: number, ack: number): void {
  if (window > sender.maxWindow) sender.maxWindow = window;
  if (((last - sender.seqLow) | 0) > 0) sender.seqLow = last;
  const limit = (ack + Math.max(1, shifted(window, senderShift))) | 0;
  if (isAtLeast((ack + shifted(window, senderShift)) | 0, receiver.seqHigh)) receiver.seqHigh = limit;
}

function advance(sender: TcpEnd, receiver: TcpEnd, flags: number): void {
  if ((flags & TCP_FLAG.syn) !== 0 && sender.state < STATE.synSent) sender.state = STATE.synSent;
  if ((flags & TCP_FLAG.fin) !== 0 && sender.state < STATE.closing) sender.state = STATE.closing;
  if ((flags & TCP_FLAG.ack) !== 0) {
    if (receiver.state === STATE.synSent) receiver.state = STATE.established;
    else if (receiver.state === STATE.closing) receiver.state = STATE.finWait2;
  }
  if ((flags & TCP_FLAG.rst) !== 0) sender.state = receiver.state = STATE.timeWait;
}

/** An opening does not end or reset; everything else acknowledges or resets, and only what acknowledges ends or urges. */
export function hasSaneFlags(flags: number): boolean {
  const { syn, rst, fin, ack, psh, urg } = TCP_FLAG;
  if ((flags & syn) !== 0) {
    if ((flags & (rst | fin)) !== 0) return false;
  } else if ((flags & (ack | rst)) === 0) return false;
  return (flags & ack) !== 0 || (flags & (fin | psh | urg)) === 0;
}

function isAtLeast(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

function shifted(window: number, shift: number): number {
  return window << shift;
}

function unscaled(window: number, shift: number): number {
  return (window + (1 << shift) - 1) >>> shift;
}

/** The window scale option, or {@link NO_SCALE}. */
function readScale(bytes: Uint8Array, at: number, end: number): number {
  for (let cursor = at; cursor + 2 < end; ) {
    const kind = getU8(bytes, cursor);
    if (kind === 0) return NO_SCALE;
    if (kind === 1) {
      cursor++;
      continue;
    }
    if (kind === 3) return Math.min(getU8(bytes, cursor + 2), MAX_SCALE);
    cursor += Math.max(2, getU8(bytes, cursor + 1));
  }
  return NO_SCALE;
}
