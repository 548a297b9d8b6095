/**
 * Meters: token buckets that drop or re-mark what is above a rate.
 *
 * Each band has a bucket that fills with its rate and holds a burst; a packet that finds too few tokens exceeds the
 * band, and of the bands exceeded the one with the highest rate acts. Tokens are bits (`kbps`) or thousandths of packets (`pktps`), so that a bucket gains `rate` of them each millisecond either way.
 *
 * @see OpenFlow 1.5.1, section 6.8
 */

import { METER_STATE, METER_WORD, PRECEDENCE_SHIFT, type SharedBand, TokenBucket } from "./token-bucket.ts";

/** What happens to packets above a rate. */
export interface MeterBand {
  /** `dscpRemark` raises the drop precedence of assured forwarding (RFC 2597) by `precedence`. */
  readonly kind: "drop" | "dscpRemark";
  /** kbit/s or packets/s. */
  readonly rate: number;
  /** kbit or packets that may come at once; 0 = as many as in a second. */
  readonly burst: number;
  readonly precedence: number;
}

/** What a meter measures, and its bands. */
export interface MeterConfig {
  readonly unit: "kbps" | "pktps";
  readonly bands: readonly MeterBand[];
}

/** Packets that a meter saw, or that exceeded one of its bands. */
export interface MeterCounters {
  readonly nPackets: number;
  readonly nBytes: number;
}

/** Counters of a meter. */
export interface MeterStats extends MeterCounters {
  /** In the order of the bands. */
  readonly bands: readonly MeterCounters[];
}

interface MeteredBand {
  readonly band: MeterBand;
  readonly bucket: TokenBucket;
  readonly memory: Int32Array;
  nPackets: number;
  nBytes: number;
}

const PACKET_COST = 1000;
const MS_PER_SECOND = 1000;

/** One meter. */
export class Meter {
  readonly #unit: MeterConfig["unit"];
  readonly #bands: readonly MeteredBand[];
  readonly #first: Int32Array;
  #nPackets = 0;
  #nBytes = 0;

  /**
   * @param shared - memory that the kernel's program shares, if it does: for each band, and of a meter without bands for one; the program leaves
   * a meter to this process that has less
   */
  constructor({ unit, bands }: MeterConfig, nowMs: number, shared: readonly SharedBand[] = []) {
    this.#unit = unit;
    const isShared = shared.length >= bands.length;
    const [first = ownMemory()] = shared;
    for (const { words } of [first, ...shared]) words.fill(0);
    this.#first = first.words;
    // The highest rate first: so the first band that is exceeded is the one that acts.
    const order = bands.map((_, i) => i).toSorted((a, b) => (bands[b]?.rate ?? 0) - (bands[a]?.rate ?? 0));
    this.#bands = bands.map((band, i) => {
      const place = order.indexOf(i);
      const memory = (isShared ? shared[place] : undefined) ?? ownMemory();
      const capacity = (band.burst === 0 ? band.rate : band.burst) * MS_PER_SECOND;
      const bucket = new TokenBucket(memory, band.rate, capacity, nowMs);
      if (unit === "pktps") memory.words[METER_WORD.packetCost] = PACKET_COST;
      memory.words[METER_WORD.next] = shared[place + 1]?.number ?? 0;
      if (place > 0) memory.words[METER_WORD.state] = stateOf(band);
      return { band, bucket, memory: memory.words, nPackets: 0, nBytes: 0 };
    });
    Atomics.store(first.words, METER_WORD.state, isShared ? stateOf(bands[order[0] ?? 0]) : METER_STATE.isForUserSpace);
  }

  /** Counts a packet. @returns the band that acts on it, if it is above one */
  run(sizeBytes: number, nowMs: number): MeterBand | undefined {
    this.#nPackets++;
    this.#nBytes += sizeBytes;
    const cost = this.#unit === "kbps" ? sizeBytes * 8 : PACKET_COST;
    let exceeded: MeteredBand | undefined;
    for (const metered of this.#bands) {
      const isWithin = metered.bucket.take(cost, nowMs);
      if (!isWithin && (exceeded === undefined || metered.band.rate > exceeded.band.rate)) exceeded = metered;
    }
    if (exceeded === undefined) return undefined;
    exceeded.nPackets++;
    exceeded.nBytes += sizeBytes;
    return exceeded.band;
  }

  /** What it has counted, here and in the kernel. */
  stats(): MeterStats {
    const { packets, bytes, exceedingPackets, exceedingBytes } = METER_WORD;
    const bands = this.#bands.map(({ memory, nPackets, nBytes }) => ({
      nPackets: nPackets + counted(memory, exceedingPackets),
      nBytes: nBytes + counted(memory, exceedingBytes),
    }));
    return {
      nPackets: this.#nPackets + counted(this.#first, packets),
      nBytes: this.#nBytes + counted(this.#first, bytes),
      bands,
    };
  }
}

function counted(words: Int32Array, at: number): number {
  return ((words[at + 1] ?? 0) >>> 0) * 2 ** 32 + ((words[at] ?? 0) >>> 0);
}

/** Of a meter whose first band this is, or that has none. */
function stateOf(band: MeterBand | undefined): number {
  if (band === undefined) return METER_STATE.counts;
  return band.kind === "drop" ? METER_STATE.drops : METER_STATE.remarks | (band.precedence << PRECEDENCE_SHIFT);
}

/** Memory of a band that nobody shares. */
function ownMemory(): SharedBand {
  return { words: new Int32Array(METER_WORD.length), number: 0, clockOffsetMs: 0 };
}

/** A TOS byte with the drop precedence raised; what is not assured forwarding (DSCP 10 to 38, even) stays. */
export function raiseDropPrecedence(tos: number, precedence: number): number {
  const dscp = tos >>> 2;
  const [forwardingClass, drop] = [dscp >>> 3, (dscp >>> 1) & 3];
  const isAssured = (dscp & 1) === 0 && forwardingClass >= 1 && forwardingClass <= 4 && drop >= 1;
  if (!isAssured) return tos;
  return (forwardingClass << 5) | (Math.min(3, drop + precedence) << 3) | (tos & 3);
}
