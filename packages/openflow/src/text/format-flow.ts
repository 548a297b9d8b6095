/** Writes flows as `ovs-ofctl dump-flows` prints them. */
import { ALL_TABLES, DEFAULT_PRIORITY, FLOW_FLAG, type FlowSpec, type FlowStats } from "../flow-spec.ts";
import { formatDuration } from "./duration.ts";
import { formatActions } from "./format-actions.ts";
import { formatMatch } from "./format-match.ts";
import { formatHex } from "./integer.ts";
import { formatPort, type PortNames } from "./port-name.ts";

/** Flag names in the order in which they are printed. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [FLOW_FLAG.SEND_FLOW_REM, "send_flow_rem"],
  [FLOW_FLAG.CHECK_OVERLAP, "check_overlap"],
  [FLOW_FLAG.RESET_COUNTS, "reset_counts"],
  [FLOW_FLAG.NO_PACKET_COUNTS, "no_packet_counts"],
  [FLOW_FLAG.NO_BYTE_COUNTS, "no_byte_counts"],
];

/**
 * Writes a flow as `ovs-ofctl --no-stats dump-flows` does, without the leading blank.
 *
 * @example
 * formatFlow(parseFlow("table=2,priority=7,ip,actions=drop")); // "table=2, priority=7,ip actions=drop"
 */
export function formatFlow(flow: FlowSpec, options: PortNames = {}): string {
  const cookieMask = flow.cookieMask === undefined ? "" : `/${formatMask(flow.cookieMask)}`;
  const cookie = flow.cookie !== 0n || flow.cookieMask !== undefined ? `cookie=0x${flow.cookie.toString(16)}${cookieMask}, ` : "";
  const table = flow.table !== 0 && flow.table !== ALL_TABLES ? `table=${flow.table}, ` : "";
  return `${cookie}${table}${formatTail(flow, "", options)}`;
}

/** Writes a flow with its counters as `ovs-ofctl dump-flows` does, without the leading blank. */
export function formatFlowStats(flow: FlowStats, options: PortNames = {}): string {
  const head = [
    `cookie=0x${flow.cookie.toString(16)}`,
    `duration=${formatDuration(flow.durationSec)}`,
    `table=${flow.table}`,
    `n_packets=${flow.nPackets}`,
    `n_bytes=${flow.nBytes}, `,
  ].join(", ");
  const idleAge = flow.idleAge === undefined ? "" : `idle_age=${flow.idleAge}, `;
  const hardAge = flow.hardAge === undefined || flow.hardAge === Math.floor(flow.durationSec) ? "" : `hard_age=${flow.hardAge}, `;
  return `${head}${formatTail(flow, idleAge + hardAge, options)}`;
}

function formatTail(flow: FlowSpec, ages: string, options: PortNames): string {
  const parts: string[] = [];
  if (flow.idleTimeout !== 0) parts.push(`idle_timeout=${flow.idleTimeout}, `);
  if (flow.hardTimeout !== 0) parts.push(`hard_timeout=${flow.hardTimeout}, `);
  for (const [bit, name] of FLAG_NAMES) if ((flow.flags & bit) !== 0) parts.push(`${name} `);
  if (flow.importance !== 0) parts.push(`importance=${flow.importance}, `);
  parts.push(ages);
  if (flow.outPort !== undefined) parts.push(`out_port=${formatPort(flow.outPort, options)}, `);
  if (flow.outGroup !== undefined) parts.push(`out_group=${flow.outGroup}, `);
  const match = formatMatch(flow.match, options);
  if (flow.priority !== DEFAULT_PRIORITY) parts.push(`priority=${flow.priority}${match === "" ? " " : ","}`);
  if (match !== "") parts.push(`${match} `);
  return `${parts.join("")}actions=${formatActions(flow.actions, options)}`;
}

function formatMask(mask: bigint): string {
  return mask === 0xffff_ffff_ffff_ffffn ? "-1" : formatHex(mask);
}
