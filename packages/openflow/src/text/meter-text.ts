/**
 * Meters in the syntax of ovs-ofctl: `meter=1,kbps,burst,bands=type=drop,rate=100,burst_size=50`.
 *
 * @see ovs-ofctl(8), "Meter Syntax"
 */
import { METER, METER_FLAG, type MeterBandSpec, type MeterMod, type MeterSpec, type MeterStatsEntry } from "../meter.ts";
import { formatDuration } from "./duration.ts";
import { parseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import type { ParseOptions } from "./parse-match.ts";
import { Span } from "./span.ts";

/** How to read a meter. */
export interface ParseMeterOptions extends ParseOptions {
  /** What the text is for; default `add`. */
  readonly command?: MeterMod["command"];
}

const FLAGS: Readonly<Record<string, number>> = {
  kbps: METER_FLAG.KBPS,
  pktps: METER_FLAG.PKTPS,
  burst: METER_FLAG.BURST,
  stats: METER_FLAG.STATS,
};
const RESERVED: Readonly<Record<string, number>> = {
  controller: METER.CONTROLLER,
  slowpath: METER.SLOW_PATH,
  all: METER.ALL,
};
const BAND_TYPES: Readonly<Record<string, MeterBandSpec["bandType"]>> = { drop: "drop", dscp_remark: "dscpRemark" };

/**
 * Reads one meter-mod.
 *
 * @throws SourceError with the position, what was expected and the nearest name
 * @example
 * parseMeter("meter=1,pktps,bands=type=drop,rate=100");
 */
export function parseMeter(text: string, options: ParseMeterOptions = {}): MeterMod {
  const span = new Span(text, options.file ?? "meter");
  const command = options.command ?? "add";
  const [head, bands] = cutBands(span);
  let id: number | undefined;
  let flags = 0;
  for (const item of keyValues(head)) {
    if (item.key.text === "meter") id = readId(item);
    else flags |= readFlag(item);
  }
  id ??= command === "delete" ? METER.ALL : undefined;
  if (id === undefined) throw span.fail("A meter needs a number", { expected: "meter=N|controller|slowpath" });
  if (command === "delete") return { type: "meterMod", command, meter: { id, flags: 0, bands: [] } };
  const units = flags & (METER_FLAG.KBPS | METER_FLAG.PKTPS);
  if (units !== METER_FLAG.KBPS && units !== METER_FLAG.PKTPS) {
    throw span.fail("A meter measures one unit", { expected: "kbps or pktps" });
  }
  if (bands === undefined) throw span.fail("A meter needs bands", { expected: "bands=type=drop,rate=N" });
  return { type: "meterMod", command, meter: { id, flags, bands: readBands(bands, flags) } };
}

/** Writes a meter as `ovs-ofctl dump-meters` prints it, over several lines. */
export function formatMeter({ id, flags, bands }: MeterSpec): string {
  const names = Object.entries(FLAGS).filter(([, bit]) => (flags & bit) !== 0);
  return `meter=${formatMeterId(id)} ${names.map(([name]) => `${name} `).join("")}bands=\n${bands.map((band) => formatBand(band, flags)).join("")}`;
}

/** Writes the counters of a meter as `ovs-ofctl meter-stats` prints them, over several lines. */
export function formatMeterStats(stats: MeterStatsEntry): string {
  const { id, nFlows, nPackets, nBytes, durationSec, bands } = stats;
  const head = `meter:${formatMeterId(id)} flow_count:${nFlows} packet_in_count:${nPackets} byte_in_count:${nBytes}`;
  const lines = bands.map((band, i) => `${i}: packet_count:${band.nPackets} byte_count:${band.nBytes}\n`);
  return `${head} duration:${formatDuration(durationSec)} bands:\n${lines.join("")}`;
}

function cutBands(span: Span): [Span, Span | undefined] {
  const found = /(?:^|[,\s])bands?\s*=/.exec(span.text);
  return found === null ? [span, undefined] : [span.slice(0, found.index), span.slice(found.index + found[0].length)];
}

function readId({ value }: KeyValue): number {
  const id = RESERVED[value.text] ?? parseInteger(value, "a meter", METER.MAX);
  if (id === 0) throw value.fail("Meters are numbered from 1");
  return id;
}

function readFlag({ key, item, hasValue }: KeyValue): number {
  const flag = FLAGS[key.text];
  if (flag === undefined || hasValue) throw key.failUnknown("part of a meter", ["meter", ...Object.keys(FLAGS), "bands"]);
  return item.text === "" ? 0 : flag;
}

/** Each `type=` begins a band. */
function readBands(span: Span, flags: number): MeterBandSpec[] {
  const bands: { -readonly [K in keyof MeterBandSpec]: MeterBandSpec[K] }[] = [];
  for (const { key, value, item } of keyValues(span)) {
    if (key.text === "type") {
      const bandType = BAND_TYPES[value.text];
      if (bandType === undefined) throw value.failUnknown("band type", Object.keys(BAND_TYPES));
      bands.push({ bandType, rate: 0, burst: 0, precedence: 0 });
      continue;
    }
    const band = bands.at(-1);
    if (band === undefined) throw item.fail("A band begins with its type", { expected: "type=drop" });
    if (key.text === "rate") band.rate = parseInteger(value, "a rate", 0xffff_ffff);
    else if (key.text === "burst_size") band.burst = parseInteger(value, "a burst", 0xffff_ffff);
    else if (key.text === "prec_level") band.precedence = parseInteger(value, "a precedence", 0xff);
    else throw key.failUnknown("part of a band", ["type", "rate", "burst_size", "prec_level"]);
  }
  if (bands.length === 0) throw span.fail("A meter needs bands", { expected: "type=drop,rate=N" });
  if (bands.some(({ rate }) => rate === 0)) throw span.fail("A band needs a rate", { expected: "rate=N" });
  const hasBurst = (flags & METER_FLAG.BURST) !== 0;
  if (!hasBurst && bands.some(({ burst }) => burst !== 0)) {
    throw span.fail("A burst counts only in a meter with bursts", { expected: "the flag burst" });
  }
  return bands;
}

function formatBand({ bandType, rate, burst, precedence }: MeterBandSpec, flags: number): string {
  const parts = [`type=${bandType === "drop" ? "drop" : "dscp_remark"}`, `rate=${rate}`];
  if ((flags & METER_FLAG.BURST) !== 0) parts.push(`burst_size=${burst}`);
  if (bandType === "dscpRemark") parts.push(`prec_level=${precedence}`);
  return `${parts.join(" ")}\n`;
}

/** Writes a meter's number, or the name that it has. */
export function formatMeterId(id: number): string {
  return Object.entries(RESERVED).find(([, number]) => number === id)?.[0] ?? String(id);
}
