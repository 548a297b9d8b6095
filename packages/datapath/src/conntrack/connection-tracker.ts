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

  *connections(zone?: number): IterableIterator<ConnectionInfo> {
    const nowMs = this.#now();
    for (const connection of this.#conntrack.table.live(nowMs, zone)) yield describe(connection, nowMs);
  }

  flush({ zone, matches }: ConnectionFilter = {}): number {
    const nowMs = this.#now();
    let n = 0;
    for (const connection of this.#conntrack.table.live(nowMs, zone)) {
      if (matches !== undefined && !matches(describe(connection, nowMs))) continue;
      this.#conntrack.table.remove(connection, nowMs);
      n++;
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
