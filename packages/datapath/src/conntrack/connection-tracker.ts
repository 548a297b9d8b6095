/** The face of a {@link Conntrack} to those who look at connections and end them. */
import type { ConnectionFilter, ConnectionInfo, ConnectionTracker, ConnectionTuple, FragmentTracker } from "../datapath.ts";
import type { Connection } from "./connection.ts";
import type { Conntrack } from "./conntrack.ts";
import { TCP_STATES } from "./tcp.ts";
import { familyOf, protoOf, TUPLE, zoneOf } from "./tuple.ts";

/** Shows the connections of a tracker; `now` is monotonic ms. */
export class TrackedConnections implements ConnectionTracker {
  readonly #conntrack: Conntrack;
  readonly #now: () => number;

  constructor(conntrack: Conntrack, now: () => number) {
    this.#conntrack = conntrack;
    this.#now = now;
  }

  get checksSequences(): boolean {
    return this.#conntrack.checksSequences;
  }

  set checksSequences(checks: boolean) {
    this.#conntrack.checksSequences = checks;
  }

  get fragments(): FragmentTracker {
    return this.#conntrack.fragments;
  }

  get maxConnections(): number {
    return this.#conntrack.limits.max;
  }

  set maxConnections(n: number) {
    this.#conntrack.limits.max = n;
  }

  get defaultZoneLimit(): number {
    return this.#conntrack.limits.ofOtherZones;
  }

  set defaultZoneLimit(limit: number) {
    this.#conntrack.limits.ofOtherZones = limit;
  }

  get zoneLimits(): Map<number, number> {
    return this.#conntrack.limits.ofZones;
  }

  get size(): number {
    return this.#conntrack.table.size;
  }

  sizeOfZone(zone: number): number {
    return this.#conntrack.table.sizeOfZone(zone);
  }

  *connections(zone?: number): IterableIterator<ConnectionInfo> {
    for (const connection of this.connectionsInSteps(zone)) if (connection !== undefined) yield connection;
  }

  *connectionsInSteps(zone?: number): Generator<ConnectionInfo | undefined> {
    for (const connection of this.#conntrack.table.live(this.#now, zone)) {
      yield connection && describe(connection, this.#now());
    }
  }

  flush(filter: ConnectionFilter = {}): number {
    const work = this.flushInSteps(filter);
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return value;
    }
  }

  *flushInSteps({ zone, matches }: ConnectionFilter = {}): Generator<undefined, number> {
    let n = 0;
    for (const connection of this.#conntrack.table.live(this.#now, zone)) {
      const nowMs = this.#now();
      if (connection !== undefined && (matches === undefined || matches(describe(connection, nowMs)))) {
        this.#conntrack.table.remove(connection, nowMs);
        n++;
      }
      yield;
    }
    return n;
  }
}

function describe(connection: Connection, nowMs: number): ConnectionInfo {
  const { original, reply, ends, mark, label, expiresMs } = connection;
  return {
    family: familyOf(original) === 6 ? 6 : 4,
    proto: protoOf(original),
    zone: zoneOf(original),
    original: describeTuple(original),
    reply: describeTuple(reply),
    mark,
    label: label.slice(),
    tcpStates: ends === undefined ? undefined : [TCP_STATES[ends[0].state] ?? "", TCP_STATES[ends[1].state] ?? ""],
    timeoutMs: expiresMs - nowMs,
  };
}

function describeTuple(tuple: Uint32Array): ConnectionTuple {
  const n = familyOf(tuple) === 6 ? 4 : 1;
  const ports = tuple[TUPLE.ports] ?? 0;
  return {
    src: tuple.slice(TUPLE.src, TUPLE.src + n),
    dst: tuple.slice(TUPLE.dst, TUPLE.dst + n),
    srcPort: ports >>> 16,
    dstPort: ports & 0xffff,
  };
}
