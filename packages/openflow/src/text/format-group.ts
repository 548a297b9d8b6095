/** Writes groups and their counters as `ovs-ofctl dump-groups` and `dump-group-stats` print them. */
import { fieldOnes } from "@tenet/net";
import type { Bucket, GroupSpec, GroupStats, GroupType, SelectionField, SelectionMethod } from "../group.ts";
import { fromFieldWords } from "../match/field-words.ts";
import { asMatchField, MATCH_FIELDS } from "../match/match-field.ts";
import { N_TLV_FIELDS } from "../tlv-table.ts";
import { formatDuration } from "./duration.ts";
import { formatFieldValue } from "./field-value.ts";
import { formatActions } from "./format-actions.ts";
import { formatPort, type PortNames } from "./port-name.ts";

/** How to write groups. */
export interface FormatGroupOptions extends PortNames {
  /** Leave out the numbers of buckets, which OpenFlow 1.1 to 1.4 does not have. */
  readonly omitBucketIds?: boolean;
}

const TYPE_NAMES: Readonly<Record<GroupType, string>> = {
  all: "all",
  select: "select",
  indirect: "indirect",
  fastFailover: "ff",
};

/**
 * Writes a group.
 *
 * @example
 * formatGroup(parseGroup("group_id=1,type=all,bucket=2").group); // "group_id=1,type=all,bucket=bucket_id:0,actions=output:2"
 */
export function formatGroup(group: GroupSpec, options: FormatGroupOptions = {}): string {
  const parts = [`group_id=${group.id}`, `type=${TYPE_NAMES[group.groupType]}`];
  if (group.selection !== undefined) parts.push(...formatSelection(group.selection));
  for (const bucket of group.buckets) parts.push(formatBucket(bucket, group.groupType, options));
  return parts.join(",");
}

/** Writes the counters of a group. */
export function formatGroupStats(stats: GroupStats): string {
  const duration = stats.durationSec === undefined ? [] : [`duration=${formatDuration(stats.durationSec)}`];
  const parts = [`group_id=${stats.id}`, ...duration, `ref_count=${stats.nReferences}`];
  parts.push(`packet_count=${stats.nPackets}`, `byte_count=${stats.nBytes}`);
  stats.buckets.forEach(({ nPackets, nBytes }, i) => parts.push(`bucket${i}:packet_count=${nPackets},byte_count=${nBytes}`));
  return parts.join(",");
}

function formatSelection({ method, parameter, fields }: SelectionMethod): string[] {
  const parts = [`selection_method=${method}`];
  if (parameter !== 0n) parts.push(`selection_method_param=${parameter}`);
  const names = [...fields]
    .sort((a, b) => rankOf(a) - rankOf(b))
    .map(({ field, mask }) => {
      const known = asMatchField(field);
      const bits = fromFieldWords(known, mask);
      const ones = fieldOnes(known);
      return bits === ones ? known.text : `${known.text}=${formatFieldValue(known, bits, ones)}`;
    });
  if (names.length === 1) parts.push(`fields=${names[0]}`);
  else if (names.length > 0) parts.push(`fields(${names.join(",")})`);
  return parts;
}

/** The order in which the original numbers fields, where it is not that of encoding. */
const PRINT_ORDER: ReadonlyMap<string, number> = new Map(
  [
    "dp_hash recirc_id packet_type conj_id tun_id tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_flags tun_gbp_id tun_gbp_flags",
    "tun_erspan_idx tun_erspan_ver tun_erspan_dir tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype",
    ...Array.from({ length: N_TLV_FIELDS }, (_, n) => `tun_metadata${n}`),
    "metadata in_port in_port_oxm actset_output pkt_mark ct_state ct_zone ct_mark ct_label",
    "ct_nw_proto ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst ct_tp_src ct_tp_dst",
  ]
    .flatMap((names) => names.split(" "))
    .concat(...["reg", "xreg", "xxreg"].map((kind, i) => Array.from({ length: 16 >> i }, (_, n) => `${kind}${n}`)))
    .concat("eth_src eth_dst eth_type vlan_tci vlan_vid vlan_pcp ip_src ip_dst ipv6_src ipv6_dst ipv6_label nw_proto".split(" "))
    .map((name, i) => [name, i]),
);

function rankOf({ field }: SelectionField): number {
  const known = asMatchField(field);
  return PRINT_ORDER.get(known.text) ?? PRINT_ORDER.size + MATCH_FIELDS.indexOf(known);
}

function formatBucket(bucket: Bucket, groupType: GroupType, options: FormatGroupOptions): string {
  const parts: string[] = [];
  if (options.omitBucketIds !== true) parts.push(`bucket_id:${bucket.id}`);
  if (bucket.weight !== (groupType === "select" ? 1 : 0)) parts.push(`weight:${bucket.weight}`);
  if (bucket.watchPort !== undefined) parts.push(`watch_port:${formatPort(bucket.watchPort, options)}`);
  if (bucket.watchGroup !== undefined) parts.push(`watch_group:${bucket.watchGroup}`);
  parts.push(`actions=${formatActions(bucket.actions, options)}`);
  return `bucket=${parts.join(",")}`;
}
