/**
 * Connections that a control connection has announced, each good for one connection until it comes or is too old.
 *
 * An announced connection is known by everything but the port it comes from. What its answers look like is said beside it,
 * so that it is translated as its control connection is.
 */
import type { Connection } from "./connection.ts";
import { TUPLE } from "./tuple.ts";

const MAX_EXPECTATIONS = 4096;
const TIMEOUT_MS = 300_000;

/** An announced connection. */
export interface Expectation {
  /** Its original tuple; the source port does not count. */
  readonly original: Uint32Array;
  /** The tuple of its answers; the port that they go to does not count. */
  readonly reply: Uint32Array;
  /** The control connection. */
  readonly parent: Connection;
}

/** The announced connections of one tracker. */
export class Expectations {
  /** In the order in which they expire. */
  readonly #entries = new Map<string, { readonly expectation: Expectation; readonly expiresMs: number }>();

  /** Number of connections that are waited for. */
  get size(): number {
    return this.#entries.size;
  }

  /** Notes an announcement, in place of an earlier one of the same connection. */
  add(expectation: Expectation, nowMs: number): void {
    this.expire(nowMs);
    const key = keyOf(expectation.original);
    this.#entries.delete(key);
    if (this.#entries.size < MAX_EXPECTATIONS) this.#entries.set(key, { expectation, expiresMs: nowMs + TIMEOUT_MS });
  }

  /** The announcement that a connection with this original tuple fulfils. */
  find(tuple: Uint32Array, nowMs: number): Expectation | undefined {
    const entry = this.#entries.get(keyOf(tuple));
    return entry === undefined || entry.expiresMs <= nowMs ? undefined : entry.expectation;
  }

  /** Forgets an announcement: its connection has come. */
  remove({ original }: Expectation): void {
    this.#entries.delete(keyOf(original));
  }

  /** Forgets what is too old. */
  expire(nowMs: number): void {
    for (const [key, { expiresMs }] of this.#entries) {
      if (expiresMs > nowMs) return;
      this.#entries.delete(key);
    }
  }
}

/**
 * What to expect after one end of a control connection has announced a port of its own: the other end connects to it, and
 * its packets have the addresses that they have in the control connection.
 *
 * @param isReply - whether the end announces that answers in the control connection
 * @param port - what the other end is told
 * @param ownPort - what it is at the announcing end
 */
export function expectationOf(parent: Connection, isReply: boolean, port: number, ownPort: number = port): Expectation {
  parent.isHeld = true;
  const original = (isReply ? parent.original : parent.reply).slice();
  const reply = (isReply ? parent.reply : parent.original).slice();
  original[TUPLE.ports] = port;
  reply[TUPLE.ports] = ownPort << 16;
  return { original, reply, parent };
}

function keyOf(original: Uint32Array): string {
  return `${original.subarray(TUPLE.head, TUPLE.ports).join()} ${(original[TUPLE.ports] ?? 0) & 0xffff}`;
}
