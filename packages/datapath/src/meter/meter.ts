/**
 * Meters: token buckets that drop or re-mark what is above a rate.
 *
 * Each band has a bucket that fills with its rate and holds a burst; a packet that finds too few tokens exceeds the
 * band, and of the bands exceeded the one with the highest rate acts. Tokens are bits (`kbps`) or thousandths of packets (`pktps`), so that a bucket gains `rate` of them each millisecond either way.
 *
 * @see OpenFlow 1.5.1, section 6.8
 */

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

interface Bucket {
  readonly band: MeterBand;
  readonly capacity: number;
  tokens: number;
  nPackets: number;
  nBytes: number;
}

const PACKET_COST = 1000;
const MS_PER_SECOND = 1000;

/** One meter. */
export class Meter {
  readonly #unit: MeterConfig["unit"];
  readonly #buckets: readonly Bucket[];
  #nPackets = 0;
  #nBytes = 0;
  #filledMs: number;

  constructor({ unit, bands }: MeterConfig, nowMs: number) {
    this.#unit = unit;
    this.#filledMs = nowMs;
    this.#buckets = bands.map((band) => {
      const capacity = (band.burst === 0 ? band.rate : band.burst) * MS_PER_SECOND;
      return { band, capacity, tokens: capacity, nPackets: 0, nBytes: 0 };
    });
  }

  /** Counts a packet. @returns the band that acts on it, if it is above one */
  run(sizeBytes: number, nowMs: number): MeterBand | undefined {
    this.#nPackets++;
    this.#nBytes += sizeBytes;
    const elapsedMs = Math.max(0, nowMs - this.#filledMs);
    this.#filledMs += elapsedMs;
    const cost = this.#unit === "kbps" ? sizeBytes * 8 : PACKET_COST;
    let exceeded: Bucket | undefined;
    for (const bucket of this.#buckets) {
      bucket.tokens = Math.min(bucket.capacity, bucket.tokens + bucket.band.rate * elapsedMs);
      if (bucket.tokens >= cost) bucket.tokens -= cost;
      else if (exceeded === undefined || bucket.band.rate > exceeded.band.rate) exceeded = bucket;
    }
    if (exceeded === undefined) return undefined;
    exceeded.nPackets++;
    exceeded.nBytes += sizeBytes;
    return exceeded.band;
  }

  stats(): MeterStats {
    const bands = this.#buckets.map(({ nPackets, nBytes }) => ({ nPackets, nBytes }));
    return { nPackets: this.#nPackets, nBytes: this.#nBytes, bands };
  }
}

/** A TOS byte with the drop precedence raised; what is not assured forwarding (DSCP 10 to 38, even) stays. */
export function raiseDropPrecedence(tos: number, precedence: number): number {
  const dscp = tos >>> 2;
  const [forwardingClass, drop] = [dscp >>> 3, (dscp >>> 1) & 3];
  const isAssured = (dscp & 1) === 0 && forwardingClass >= 1 && forwardingClass <= 4 && drop >= 1;
  if (!isAssured) return tos;
  return (forwardingClass << 5) | (Math.min(3, drop + precedence) << 3) | (tos & 3);
}
