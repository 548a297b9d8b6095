/** Reads the limits on what comes in at an interface. */
import type { MeterConfig } from "@tenet/datapath";
import type { Row } from "@tenet/ovsdb";
import { numberOf } from "./row-values.ts";

const DEFAULT_BURST_KBIT = 8000;
const DEFAULT_BURST_KPACKETS = 16;
const KILO = 1000;
/** Of most interfaces. */
const NO_LIMITS: readonly MeterConfig[] = [];

/** By `ingress_policing_rate` (kbit/s) and `ingress_policing_kpkts_rate` (1000 packets/s), each with its burst. */
export function readPolicing(row: Row): readonly MeterConfig[] {
  const rate = numberOf(row, "ingress_policing_rate") ?? 0;
  const burst = numberOf(row, "ingress_policing_burst") ?? 0;
  const kpackets = numberOf(row, "ingress_policing_kpkts_rate") ?? 0;
  if (rate <= 0 && kpackets <= 0) return NO_LIMITS;
  const limits: MeterConfig[] = [];
  if (rate > 0) limits.push(dropAbove("kbps", rate, burst > 0 ? burst : DEFAULT_BURST_KBIT));
  const kburst = numberOf(row, "ingress_policing_kpkts_burst") ?? 0;
  if (kpackets > 0) limits.push(dropAbove("pktps", KILO * kpackets, KILO * (kburst > 0 ? kburst : DEFAULT_BURST_KPACKETS)));
  return limits;
}

function dropAbove(unit: MeterConfig["unit"], rate: number, burst: number): MeterConfig {
  return { unit, bands: [{ kind: "drop", rate, burst, precedence: 0 }] };
}
