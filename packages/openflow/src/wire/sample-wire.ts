/**
 * `sample` on the wire, behind Nicira's 10 bytes; NXAST_SAMPLE2 and NXAST_SAMPLE3 have the second line too.
 *
 *   | probability u16 | collector set u32 | observation domain u32 | observation point u32 |
 *   | sampling port u16 | direction u8 | 0 (5) |
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import { PORT, type SampleAction } from "../action.ts";
import { NX } from "./action-numbers.ts";
import { badArgument } from "./action-parts.ts";

const DIRECTIONS = [undefined, "ingress", "egress"] as const;

/** The oldest form that can say it. */
export function sampleSubtype({ samplingPort, direction }: SampleAction): number {
  if (direction !== undefined) return NX.SAMPLE3;
  return samplingPort === undefined ? NX.SAMPLE : NX.SAMPLE2;
}

/** Writes the body in the form of {@link sampleSubtype}. */
export function writeSample(body: ByteWriter, action: SampleAction): void {
  const { samplingPort = PORT.NONE, direction } = action;
  body.u16(action.probability).u32(action.collectorSet).u32(action.observationDomain).u32(action.observationPoint);
  if (sampleSubtype(action) !== NX.SAMPLE) body.u16(samplingPort).u8(DIRECTIONS.indexOf(direction)).zeros(5);
}

/** Reads the body; `hasPort` tells the later forms. @throws OpenFlowError */
export function readSample(body: ByteReader, hasPort: boolean, at: number): SampleAction {
  const [probability, collectorSet, observationDomain, observationPoint] = [body.u16(), body.u32(), body.u32(), body.u32()];
  if (probability === 0) throw badArgument("a sample of no packets", at);
  const samplingPort = hasPort ? body.u16() : PORT.NONE;
  const number = hasPort ? body.u8() : 0;
  const direction = DIRECTIONS[number];
  if (number >= DIRECTIONS.length) throw badArgument(`${number} is no direction of a sample`, at);
  return {
    type: "sample",
    probability,
    collectorSet,
    observationDomain,
    observationPoint,
    ...(samplingPort === PORT.NONE ? {} : { samplingPort }),
    ...(direction === undefined ? {} : { direction }),
  };
}
