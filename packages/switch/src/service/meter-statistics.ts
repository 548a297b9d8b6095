/** Replies to requests about meters. */
import type { Clock } from "@tenet/kit";
import { METER_FLAG, type MeterStatsEntry, type MultipartReply, type MultipartRequest } from "@tenet/openflow";
import { type BridgeMeter, MAX_BANDS } from "../meter/meter-table.ts";
import type { Pipeline } from "../table/pipeline.ts";
import { eachInPart } from "./reply-parts.ts";

type MeterRequest = Extract<MultipartRequest, { kind: "meter" | "meterDesc" | "meterFeatures" }>;

/** As many as Open vSwitch says it has. */
const MAX_METERS = 262_144;
/** Drop and re-mark. */
const BAND_TYPES = (1 << 1) | (1 << 2);
const CAPABILITIES = METER_FLAG.KBPS | METER_FLAG.PKTPS | METER_FLAG.BURST | METER_FLAG.STATS;

/** The parts of the reply. @throws RefusedError when there is no such meter */
export function* meterReplies(
  request: MeterRequest,
  pipeline: Pipeline,
  clock: Clock,
): Generator<MultipartReply, void, undefined> {
  switch (request.kind) {
    case "meter":
      return yield* eachInPart(pipeline.meters.select(request.meter), (meters) => ({
        kind: "meter",
        meters: meters.map((meter) => statsOf(meter, pipeline, clock.monotonicMs())),
      }));
    case "meterDesc":
      return yield* eachInPart(pipeline.meters.select(request.meter), (meters) => ({
        kind: "meterDesc",
        meters: meters.map(({ spec }) => spec),
      }));
    case "meterFeatures":
      return yield {
        kind: "meterFeatures",
        features: {
          maxMeters: MAX_METERS,
          bandTypes: BAND_TYPES,
          capabilities: CAPABILITIES,
          maxBands: MAX_BANDS,
          maxColors: 0,
        },
      };
  }
}

function statsOf(meter: BridgeMeter, pipeline: Pipeline, nowMs: number): MeterStatsEntry {
  const { id, bands } = meter.spec;
  const counted = pipeline.meters.statsOf(meter);
  return {
    id,
    nFlows: pipeline.referencesToMeter(id),
    nPackets: BigInt(counted?.nPackets ?? 0),
    nBytes: BigInt(counted?.nBytes ?? 0),
    durationSec: Math.floor(nowMs - meter.createdMs) / 1000,
    bands: bands.map((_, i) => ({
      nPackets: BigInt(counted?.bands[i]?.nPackets ?? 0),
      nBytes: BigInt(counted?.bands[i]?.nBytes ?? 0),
    })),
  };
}
