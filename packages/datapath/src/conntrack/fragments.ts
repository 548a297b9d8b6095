/**
 * What: the fragments of IP packets. Only the first one carries ports; the others share what was found out about it.
 *
 * How: the answer for a first fragment is kept by addresses, protocol, identification and zone. Later ones take it over;
 * those that come before it wait, as something to be resumed. A fragment that lies over bytes of the first is not
 * believed, since it would change the ports or flags that were looked at (RFC 1858).
 *
 * Limits: 1,000 packets are remembered, the latest, and, unless it is said, 1,000 fragments wait, each for 15 s at most. Whether
 * a packet becomes complete is the receiver's matter, its checksum too.
 */
import type { FragmentTracker, FragmentTracking } from "../datapath.ts";
import type { Connection } from "./connection.ts";

const MAX_PACKETS = 1000;
const DEFAULT_MAX_WAITING = 1000;
const TIMEOUT_MS = 15_000;
/** The values are the original's. */
const DEFAULT_MIN_BYTES = { ip4: 1200, ip6: 1280 } as const;

/** What was found out about a first fragment. */
export interface FragmentFate {
  /** Bits of `CT_STATE`, without those of NAT. */
  readonly state: number;
  readonly connection: Connection | undefined;
  readonly isReply: boolean;
  /** The tuple of the packet. */
  readonly tuple: Uint32Array;
  /** Bytes of the packet's payload that the first fragment holds. */
  readonly nBytes: number;
}

/** A fragment that waits. */
export interface WaitingFragment {
  /** Called when the first fragment has come. */
  readonly resume: () => void;
  readonly of: FragmentCounts;
}

/** What {@link FragmentTracking} says, for those who count. */
export type FragmentCounts = { -readonly [K in keyof FragmentTracking]: FragmentTracking[K] };

interface Entry {
  fate: FragmentFate | undefined;
  readonly waiting: WaitingFragment[];
  readonly expiresMs: number;
}

/** Packets that come in fragments; keys are those of `PacketReader.fragmentKey`. */
export class Fragments implements FragmentTracker {
  maxWaiting: number = DEFAULT_MAX_WAITING;
  readonly ip4: FragmentCounts = startCounts(DEFAULT_MIN_BYTES.ip4);
  readonly ip6: FragmentCounts = startCounts(DEFAULT_MIN_BYTES.ip6);
  /** In the order in which they expire. */
  readonly #entries = new Map<string, Entry>();
  readonly #ready: WaitingFragment[] = [];
  #nWaiting = 0;

  get nWaiting(): number {
    return this.#nWaiting;
  }

  /** The answer for the packet; `undefined` when its first fragment has not come. */
  fate(key: string, nowMs: number): FragmentFate | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.expiresMs <= nowMs ? undefined : entry.fate;
  }

  /** Notes the answer for a first fragment, and makes those ready that waited for it. */
  settle(key: string, fate: FragmentFate, nowMs: number): void {
    const entry = this.#entryOf(key, nowMs);
    entry.fate = fate;
    this.#nWaiting -= entry.waiting.length;
    this.#ready.push(...entry.waiting.splice(0));
  }

  /** Lets a fragment wait for the first one; it is lost when too many wait. */
  wait(key: string, fragment: WaitingFragment, nowMs: number): void {
    if (this.#nWaiting >= this.maxWaiting) return;
    this.#entryOf(key, nowMs).waiting.push(fragment);
    this.#nWaiting++;
  }

  /** Lets those go on whose first fragment has come. */
  resumeReady(): void {
    for (let ready = this.#ready.shift(); ready !== undefined; ready = this.#ready.shift()) {
      ready.of.nAccepted--; // it is read once more, and counted then
      ready.resume();
    }
  }

  /** Forgets what is too old. */
  expire(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresMs > nowMs) return;
      this.#forget(key, entry);
    }
  }

  #forget(key: string, { waiting }: Entry): void {
    this.#nWaiting -= waiting.length;
    for (const { of } of waiting) of.nExpired++;
    this.#entries.delete(key);
  }

  /** The oldest packet makes room: nearly always all of its fragments have come. */
  #entryOf(key: string, nowMs: number): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined && known.expiresMs > nowMs) return known;
    this.expire(nowMs);
    const [oldest] = this.#entries;
    if (oldest !== undefined && this.#entries.size >= MAX_PACKETS) this.#forget(...oldest);
    const entry = { fate: undefined, waiting: [], expiresMs: nowMs + TIMEOUT_MS };
    this.#entries.set(key, entry);
    return entry;
  }
}

function startCounts(minBytes: number): FragmentCounts {
  return { isEnabled: true, minBytes, nAccepted: 0, nCompleted: 0, nExpired: 0, nTooSmall: 0, nOverlapped: 0 };
}
