/**
 * Meters: token buckets that drop or re-mark what is above a rate.
 *
 * Each band has a bucket that fills with its rate and holds a burst; a packet that finds too few tokens exceeds the
 * band, and of the bands exceeded the one with the highest rate acts. Tokens are bits (`kbps`) or thousandths of packets (`pktps`), so that a bucket gains `rate` of them each millisecond either way.
 *
 * @see OpenFlow 1.5.1, section 6.8
 */

import { METER_STATE, METER_WORD, type SharedMeter, TokenBucket } from "./token-bucket.ts";

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
  nPackets: number;
  nBytes: number;
}

const PACKET_COST = 1000;
const MS_PER_SECOND = 1000;

/** One meter. */
export class Meter {
  readonly #unit: MeterConfig["unit"];
  readonly #bands: readonly MeteredBand[];
  readonly #shared: Int32Array;
  #nPackets = 0;
  #nBytes = 0;

  /** @param shared - memory that the kernel's program shares, if it does: a meter that it can run, with one band that drops, or none, lies there */
  constructor({ unit, bands }: MeterConfig, nowMs: number, shared: SharedMeter = ownMemory()) {
    this.#unit = unit;
    const [first, ...others] = bands;
    const isShared = others.length === 0 && first?.kind !== "dscpRemark";
    const { isForUserSpace, counts, drops } = METER_STATE;
    shared.words.fill(0);
    this.#shared = shared.words;
    this.#bands = bands.map((band) => {
      const capacity = (band.burst === 0 ? band.rate : band.burst) * MS_PER_SECOND;
      const bucket = new TokenBucket(isShared ? shared : ownMemory(), band.rate, capacity, nowMs);
      return { band, bucket, nPackets: 0, nBytes: 0 };
    });
    if (unit === "pktps") shared.words[METER_WORD.packetCost] = PACKET_COST;
    Atomics.store(shared.words, METER_WORD.state, !isShared ? isForUserSpace : first === undefined ? counts : drops);
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

  /** What it has counted, here and in the kernel, whose program counts for the only band there is then. */
  stats(): MeterStats {
    const { packets, bytes, droppedPackets, droppedBytes } = METER_WORD;
    const bands = this.#bands.map(({ nPackets, nBytes }) => ({
      nPackets: nPackets + this.#read(droppedPackets),
      nBytes: nBytes + this.#read(droppedBytes),
    }));
    return { nPackets: this.#nPackets + this.#read(packets), nBytes: this.#nBytes + this.#read(bytes), bands };
  }

  #read(word: number): number {
    return ((this.#shared[word + 1] ?? 0) >>> 0) * 2 ** 32 + ((this.#shared[word] ?? 0) >>> 0);
  }
}

/** Memory of a meter that nobody shares. */
function ownMemory(): SharedMeter {
  return { words: new Int32Array(METER_WORD.length), clockOffsetMs: 0 };
}

/** A TOS byte with the drop precedence raised; what is not assured forwarding (DSCP 10 to 38, even) stays. */
export function raiseDropPrecedence(tos: number, precedence: number): number {
  const dscp = tos >>> 2;
  const [forwardingClass, drop] = [dscp >>> 3, (dscp >>> 1) & 3];
  const isAssured = (dscp & 1) === 0 && forwardingClass >= 1 && forwardingClass <= 4 && drop >= 1;
  if (!isAssured) return tos;
  return (forwardingClass << 5) | (Math.min(3, drop + precedence) << 3) | (tos & 3);
}
