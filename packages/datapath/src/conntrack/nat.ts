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
import { familyOf, hashTuple, protoOf, reverseTuple, TUPLE, TUPLE_WORDS } from "./tuple.ts";

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

/** The first address of a range, `undefined` when addresses stay, and their number; there it is 1. A range of more than 2^32 addresses is cut there. */
export function addressesOf({ firstAddress, lastAddress }: CtNat): { first: Uint32Array | undefined; n: number } {
  const first = firstAddress?.some((word) => word !== 0) === true ? firstAddress : undefined;
  return { first, n: first === undefined || lastAddress === undefined ? 1 : distance(first, lastAddress) + 1 };
}

/** Ports of a range: the first, how many, and whether a connection's own is tried before them. */
export interface PortsToChoose {
  readonly first: number;
  readonly n: number;
  readonly keepsOwn: boolean;
}

/** The ports that a connection's is chosen from. */
export function portsOf({ side, firstPort, lastPort }: CtNat): PortsToChoose {
  if (firstPort !== 0) return { first: firstPort, n: Math.max(firstPort, lastPort) - firstPort + 1, keepsOwn: false };
  if (side === "dst") return { first: 0, n: 1, keepsOwn: true };
  return { first: FIRST_EPHEMERAL, n: LAST_PORT - FIRST_EPHEMERAL + 1, keepsOwn: true };
}

/** Addresses as a count and a way to write the i-th. */
class AddressRange {
  readonly n: number;
  readonly #at: number;
  readonly #first: Uint32Array | undefined;

  constructor(original: Uint32Array, nat: CtNat) {
    this.#at = nat.side === "src" ? TUPLE.src : TUPLE.dst;
    const { first, n } = addressesOf(nat);
    const isFamily = first !== undefined && (first.length === 4) === (familyOf(original) === 6);
    this.#first = isFamily ? first : undefined;
    this.n = isFamily ? n : 1;
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

function portRange(original: Uint32Array, nat: CtNat): PortRange {
  const proto = protoOf(original);
  if (!HAS_PORTS.has(proto)) return KEEP;
  const word = original[TUPLE.ports] ?? 0;
  const shift = nat.side === "src" ? 16 : 0;
  const own = (word >>> shift) & 0xffff;
  const { first, n, keepsOwn } = portsOf(nat);
  return {
    n,
    startAt: (seeded) => (own >= first && own < first + n ? own - first : seeded % n),
    put: (tuple, i, isFirst) => {
      const port = isFirst && keepsOwn ? own : first + i;
      tuple[TUPLE.ports] = ((word & ~(0xffff << shift)) | (port << shift)) >>> 0;
    },
  };
}

function withoutPorts(original: Uint32Array): Uint32Array {
  const copy = original.slice();
  copy[TUPLE.ports] = 0;
  return copy;
}
