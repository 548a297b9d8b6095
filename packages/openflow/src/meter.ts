/** Meters: limits that flows share, and what happens to packets above them. */

/** Reserved meter numbers, and the highest that a meter may have. */
export const METER: {
  readonly MAX: 0xffff0000;
  /** Packets on their way to the switch's own slow path. */
  readonly SLOW_PATH: 0xfffffffd;
  /** Packets on their way to controllers. */
  readonly CONTROLLER: 0xfffffffe;
  readonly ALL: 0xffffffff;
} = { MAX: 0xffff0000, SLOW_PATH: 0xfffffffd, CONTROLLER: 0xfffffffe, ALL: 0xffffffff };

/** Bits of a meter's flags; one of KBPS and PKTPS is set. */
export const METER_FLAG: { readonly KBPS: 1; readonly PKTPS: 2; readonly BURST: 4; readonly STATS: 8 } = {
  KBPS: 1,
  PKTPS: 2,
  BURST: 4,
  STATS: 8,
};

/** What happens above a rate. */
export interface MeterBandSpec {
  readonly bandType: "drop" | "dscpRemark";
  /** kbit/s or packets/s. */
  readonly rate: number;
  /** kbit or packets that may come at once; counts when the meter's flags say so. */
  readonly burst: number;
  /** Of `dscpRemark`: by how much the drop precedence is raised. */
  readonly precedence: number;
}

/** A meter. */
export interface MeterSpec {
  readonly id: number;
  /** Bits of {@link METER_FLAG}. */
  readonly flags: number;
  readonly bands: readonly MeterBandSpec[];
}

/** A change of the meter table. */
export interface MeterMod {
  readonly type: "meterMod";
  readonly command: "add" | "modify" | "delete";
  /** For `delete` only `id` counts ({@link METER}.ALL = every meter). */
  readonly meter: MeterSpec;
}

/** Counters of one meter. */
export interface MeterStatsEntry {
  readonly id: number;
  /** Flows that refer to the meter. */
  readonly nFlows: number;
  readonly nPackets: bigint;
  readonly nBytes: bigint;
  /** Seconds since it was added, with fraction. */
  readonly durationSec: number;
  /** Packets that exceeded each band. */
  readonly bands: readonly { readonly nPackets: bigint; readonly nBytes: bigint }[];
}

/** What the switch's meters can do. */
export interface MeterFeatures {
  readonly maxMeters: number;
  /** Bit 1: drop, bit 2: re-mark. */
  readonly bandTypes: number;
  /** Bits of {@link METER_FLAG}. */
  readonly capabilities: number;
  readonly maxBands: number;
  readonly maxColors: number;
}
