/**
 * Chooses what a connection's address and port become, so that no two connections have the same answers.
 *
 * The candidates begin at a place in the range that a hash of the connection (or chance) gives, and go round it. A
 * candidate is free when nobody has its reply tuple. Ports: those of the range; without one the port is kept if it
 * can be, and a source port that cannot becomes another one from 1024. ICMP identifiers and destination ports
 * without a range are not changed: there another address must serve.
 *
 * Limits: 1024 candidates per connection are tried; beyond them the range counts as used up.
 */
import type { CtNat } from "../datapath.ts";
import { hashTuple, isIcmp, protoOf, reverseTuple, TUPLE, TUPLE_WORDS } from "./tuple.ts";

const MAX_TRIES = 1024;
const FIRST_EPHEMERAL = 1024;
const LAST_PORT = 0xffff;
/** Protocols with ports: TCP, UDP, SCTP. */
const HAS_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);

/** What choosing needs of the table. */
export interface NatContext {
  readonly seed: number;
  /** 0 <= n < 1. */
  random(): number;
  isTaken(reply: Uint32Array): boolean;
}

/** The reply tuple of a new connection under `nat`; `undefined` when the range is used up. */
export function chooseReply(original: Uint32Array, nat: CtNat, context: NatContext): Uint32Array | undefined {
  const addresses = new AddressRange(original, nat);
  const ports = portRange(original, nat);
  const seeded = hashTuple(nat.isPersistent ? withoutPorts(original) : original, context.seed) >>> 0;
  const firstPort = nat.portChoice === "random" ? Math.floor(context.random() * ports.n) : ports.startAt(seeded);
  const translated = original.slice();
  const reply = new Uint32Array(TUPLE_WORDS);
  let nTries = 0;
  for (let i = 0; i < addresses.n && nTries < MAX_TRIES; i++) {
    addresses.put(translated, (seeded + i) % addresses.n);
    for (let k = 0; k < ports.n && nTries < MAX_TRIES; k++, nTries++) {
      ports.put(translated, (firstPort + k) % ports.n, k === 0);
      reverseTuple(translated, reply);
      if (!context.isTaken(reply)) return reply;
    }
  }
  return undefined;
}

/** Addresses as a count and a way to write the i-th; ranges of more than 2^32 addresses are cut there. */
class AddressRange {
  readonly n: number;
  readonly #at: number;
  readonly #first: Uint32Array | undefined;

  constructor(original: Uint32Array, { side, firstAddress, lastAddress }: CtNat) {
    this.#at = side === "src" ? TUPLE.src : TUPLE.dst;
    const isFamily = firstAddress !== undefined && (firstAddress.length === 4) === ((original[TUPLE.head] ?? 0) >>> 24 === 6);
    this.#first = isFamily && firstAddress.some((word) => word !== 0) ? firstAddress : undefined;
    this.n = this.#first === undefined || lastAddress === undefined ? 1 : distance(this.#first, lastAddress) + 1;
  }

  put(tuple: Uint32Array, i: number): void {
    const first = this.#first;
    if (first === undefined) return;
    let carry = i;
    for (let word = first.length - 1; word >= 0; word--) {
      const sum = (first[word] ?? 0) + carry;
      tuple[this.#at + word] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }
}

/** How far `last` is behind `first`, at most 2^32 - 2. */
function distance(first: Uint32Array, last: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < first.length; i++) n = Math.min(n * 2 ** 32 + (last[i] ?? 0) - (first[i] ?? 0), 2 ** 64);
  return Math.min(n, 2 ** 32 - 2);
}

interface PortRange {
  readonly n: number;
  /** The candidate to begin with. */
  startAt(seeded: number): number;
  /** Writes a candidate; `isFirst`: the first one tried for an address. */
  put(tuple: Uint32Array, i: number, isFirst: boolean): void;
}

const KEEP: PortRange = { n: 1, startAt: () => 0, put: () => undefined };

function portRange(original: Uint32Array, { side, firstPort, lastPort }: CtNat): PortRange {
  const proto = protoOf(original);
  const word = original[TUPLE.ports] ?? 0;
  if (isIcmp(proto) || !HAS_PORTS.has(proto)) return KEEP;
  const shift = side === "src" ? 16 : 0;
  const write = (tuple: Uint32Array, port: number): void => {
    tuple[TUPLE.ports] = ((word & ~(0xffff << shift)) | (port << shift)) >>> 0;
  };
  const own = (word >>> shift) & 0xffff;
  if (firstPort !== 0) {
    const n = Math.max(firstPort, lastPort) - firstPort + 1;
    return {
      n,
      startAt: (seeded) => (own >= firstPort && own < firstPort + n ? own - firstPort : seeded % n),
      put: (tuple, i) => write(tuple, firstPort + i),
    };
  }
  if (side === "dst") return KEEP;
  const n = LAST_PORT - FIRST_EPHEMERAL + 1;
  return {
    n,
    startAt: (seeded) => (own >= FIRST_EPHEMERAL ? own - FIRST_EPHEMERAL : seeded % n),
    put: (tuple, i, isFirst) => write(tuple, isFirst ? own : FIRST_EPHEMERAL + i),
  };
}

function withoutPorts(original: Uint32Array): Uint32Array {
  const copy = original.slice();
  copy[TUPLE.ports] = 0;
  return copy;
}
