/** Changes of groups and meters, and what a switch's groups and meters can do. */
import { BUCKET, type GroupFeatures, type GroupMod } from "../group.ts";
import type { MeterFeatures, MeterMod } from "../meter.ts";
import { formatGroup } from "../text/format-group.ts";
import { formatMeter } from "../text/meter-text.ts";
import { namesOfBits } from "./names-of-bits.ts";
import { namesOfActions } from "./names-of-actions.ts";

const GROUP_COMMANDS: Readonly<Record<GroupMod["command"], string>> = {
  add: "ADD",
  modify: "MOD",
  addOrModify: "ADD_OR_MOD",
  delete: "DEL",
  insertBucket: "INSERT_BUCKET",
  removeBucket: "REMOVE_BUCKET",
};
const METER_COMMANDS: Readonly<Record<MeterMod["command"], string>> = { add: "ADD", modify: "MOD", delete: "DEL" };
const BUCKET_NAMES: ReadonlyMap<number, string> = new Map([
  [BUCKET.FIRST, "first"],
  [BUCKET.LAST, "last"],
  [BUCKET.ALL, "all"],
]);
const METER_CAPABILITIES = ["kbps", "pktps", "burst", "stats"];
const BAND_TYPES = ["", "drop", "dscp_remark"];

/** Whether buckets have no numbers of their own on the wire. */
export function omitsBucketIds(version: number): boolean {
  return version > 1 && version < 6;
}

/** Writes a change of groups, on a line of its own. */
export function printGroupMod({ command, group, bucketId }: GroupMod, version: number): string {
  const text = formatGroup(group, { omitBucketIds: omitsBucketIds(version) });
  if (command !== "insertBucket" && command !== "removeBucket") return `\n ${GROUP_COMMANDS[command]} ${text}`;
  const place = bucketId === undefined ? "" : `command_bucket_id:${BUCKET_NAMES.get(bucketId) ?? bucketId},`;
  return `\n ${GROUP_COMMANDS[command]} ${place}${text.replace(/,type=\w+/, "")}`;
}

/** Writes a change of meters. */
export function printMeterMod({ command, meter }: MeterMod): string {
  return ` ${METER_COMMANDS[command]} ${formatMeter(meter)}`;
}

/** Writes what groups can be, over several lines. */
export function printGroupFeatures({ types, capabilities, maxGroups, actions }: GroupFeatures, version: number): string {
  const lines = ["all", "select", "indirect", "fast failover"].flatMap((name, i) =>
    (types & (1 << i)) === 0
      ? []
      : [
          `    ${name} group:\n`,
          `       max_groups=${hexadecimal(maxGroups[i] ?? 0)}\n`,
          `       actions: ${namesOfActions(actions[i] ?? 0, version) || "<none>"}\n`,
        ],
  );
  const head = `\n Group table:\n    Types:  ${hexadecimal(types)}\n    Capabilities:  ${hexadecimal(capabilities)}\n`;
  return `${head}${lines.join("")}`;
}

/** Writes what meters can be, over several lines. */
export function printMeterFeatures(features: MeterFeatures): string {
  const { maxMeters, maxBands, maxColors, bandTypes, capabilities } = features;
  return [
    `\nmax_meter:${maxMeters} max_bands:${maxBands} max_color:${maxColors}`,
    `band_types: ${namesOfBits(bandTypes, BAND_TYPES)}`,
    `capabilities: ${namesOfBits(capabilities, METER_CAPABILITIES)}\n`,
  ].join("\n");
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
