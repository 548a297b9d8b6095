/**
 * Packets on their way to a controller, no more of them than a rate allows. The others wait, each port's in a queue of its own: ports
 * take turns when there may be more, and where there is no room for another, the port that has most waiting loses its oldest. So one that
 * floods does not keep the others' packets from the controller.
 *
 * @see ovs-vswitchd.conf.db(5), Controller table, `controller_rate_limit`
 */
import type { Clock } from "@tenet/kit";
import type { Message } from "@tenet/openflow";

/** How many packets a controller is sent. */
export interface PacketLimit {
  readonly perSecond: number;
  /** How many may be sent at once after a rest, and how many may wait. */
  readonly burst: number;
}

/** What became of the packets so far. */
export interface PacketCounts {
  /** Sent at once. */
  readonly nBypassed: number;
  /** Had to wait. */
  readonly nQueued: number;
  /** Of those that had to wait: for want of room. */
  readonly nDropped: number;
  /** Wait now. */
  readonly nWaiting: number;
}

type PacketIn = Extract<Message, { type: "packetIn" }>;

const MS_PER_SECOND = 1000;
/** Others have to have their turn, too. */
const MOST_AT_ONCE = 50;

/** The queues of one connection for packets of one kind. */
export class PacketQueue implements PacketCounts {
  nBypassed = 0;
  nQueued = 0;
  nDropped = 0;
  nWaiting = 0;
  readonly #send: (message: PacketIn) => void;
  readonly #dropped: () => void;
  readonly #clock: Clock;
  #limit: PacketLimit;
  #nAllowed: number;
  #countedMs: number;
  /** By port; the port whose turn it is comes first. */
  readonly #waiting = new Map<number, PacketIn[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: PacketLimit, clock: Clock, send: (message: PacketIn) => void, dropped: () => void) {
    this.#limit = limit;
    this.#clock = clock;
    this.#send = send;
    this.#dropped = dropped;
    this.#nAllowed = limit.burst;
    this.#countedMs = clock.monotonicMs();
  }

  /** Sends a packet that came in at a port, now or later; its bytes are the caller's again. */
  offer(port: number, message: PacketIn): void {
    if (this.nWaiting === 0 && this.#take()) {
      this.nBypassed++;
      return this.#send(message);
    }
    this.nQueued++;
    if (this.nWaiting >= this.#limit.burst) this.#drop();
    const queue = this.#waiting.get(port) ?? [];
    queue.push({ ...message, data: message.data.slice() });
    this.#waiting.set(port, queue);
    this.nWaiting++;
    this.#wait();
  }

  /** Goes on with another limit. */
  set limit(limit: PacketLimit) {
    this.#fill();
    this.#limit = limit;
    while (this.nWaiting > limit.burst) this.#drop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wait();
  }

  /** Forgets what waits. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
    this.nWaiting = 0;
  }

  /** Takes one of the packets that the rate allows. @returns whether there was one to take */
  #take(): boolean {
    this.#fill();
    if (this.#nAllowed < 1) return false;
    this.#nAllowed--;
    return true;
  }

  /** Counts what has become allowed. */
  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const nMore = ((nowMs - this.#countedMs) * this.#limit.perSecond) / MS_PER_SECOND;
    this.#nAllowed = Math.min(this.#limit.burst, this.#nAllowed + nMore);
    this.#countedMs = nowMs;
  }

  #wait(): void {
    if (this.#timer !== undefined || this.nWaiting === 0) return;
    const delayMs = Math.max(1, ((1 - this.#nAllowed) * MS_PER_SECOND) / this.#limit.perSecond);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sendSome();
      this.#wait();
    }, delayMs);
  }

  #sendSome(): void {
    for (let n = 0; n < MOST_AT_ONCE; n++) {
      const [turn] = this.#waiting;
      if (turn === undefined || !this.#take()) return;
      const [port, queue] = turn;
      const message = this.#oldest(port, queue);
      if (this.#waiting.delete(port)) this.#waiting.set(port, queue); // its next turn comes after the others'
      if (message !== undefined) this.#send(message);
    }
  }

  #drop(): void {
    let longest: [number, PacketIn[]] | undefined;
    for (const each of this.#waiting) if (longest === undefined || each[1].length > longest[1].length) longest = each;
    if (longest === undefined) return;
    this.#oldest(...longest);
    this.nDropped++;
    this.#dropped();
  }

  /** Takes the oldest packet from a port's queue. */
  #oldest(port: number, queue: PacketIn[]): PacketIn | undefined {
    const message = queue.shift();
    if (queue.length === 0) this.#waiting.delete(port);
    this.nWaiting--;
    return message;
  }
}
