/** Reads what Mirror rows say. */
import type { Row } from "@tenet/ovsdb";
import type { MirrorSpec } from "../../bridge/mirror.ts";
import { numberOf, numbersOf, textOf, textsOf } from "./row-values.ts";

/** A `snaplen` that no packet is longer than. */
const WHOLE_PACKET = 65_535;

/** Reads a mirror; `undefined` when it says nowhere to copy to. */
export function readMirror(row: Row, nameOfPort: (uuid: string) => string | undefined): MirrorSpec | undefined {
  const output = readOutput(row, nameOfPort);
  if (output === undefined) return undefined;
  const isAll = row["select_all"] === true;
  const named = (column: string): ReadonlySet<string> => new Set(textsOf(row, column).flatMap((uuid) => nameOfPort(uuid) ?? []));
  const vlans = numbersOf(row, "select_vlan");
  const snapLength = numberOf(row, "snaplen");
  return {
    name: textOf(row, "name"),
    sources: isAll ? "all" : named("select_src_port"),
    destinations: isAll ? "all" : named("select_dst_port"),
    vlans: vlans.length === 0 ? undefined : new Set(vlans),
    output,
    snapLength: snapLength !== undefined && snapLength < WHOLE_PACKET ? snapLength : undefined,
  };
}

/** A port wins over a VLAN. */
function readOutput(row: Row, nameOfPort: (uuid: string) => string | undefined): MirrorSpec["output"] | undefined {
  const [uuid] = textsOf(row, "output_port");
  const bundle = uuid === undefined ? undefined : nameOfPort(uuid);
  if (bundle !== undefined) return { bundle };
  const vlan = numberOf(row, "output_vlan");
  return vlan === undefined ? undefined : { vlan };
}
