/** Messages about flows: changes, removals, questions, and what monitors ask for and tell. */
import { ALL_TABLES, DEFAULT_PRIORITY, FLOW_FLAG } from "../flow-spec.ts";
import type { FlowMonitorRequest, FlowUpdate } from "../flow-monitor.ts";
import { type FlowMod, type FlowModCommand, type FlowQuery, type FlowRemovedReason, type Message, VERSION } from "../message.ts";
import type { Match } from "../action.ts";
import { formatActions } from "../text/format-actions.ts";
import { formatDuration } from "../text/duration.ts";
import { formatMatch } from "../text/format-match.ts";
import { formatPort } from "../text/port-name.ts";
import { namesOfBits } from "./names-of-bits.ts";

type FlowRemoved = Extract<Message, { type: "flowRemoved" }>;

const COMMANDS: Readonly<Record<FlowModCommand, string>> = {
  add: "ADD",
  modify: "MOD",
  modifyStrict: "MOD_STRICT",
  delete: "DEL",
  deleteStrict: "DEL_STRICT",
};
const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [FLOW_FLAG.SEND_FLOW_REM, "send_flow_rem "],
  [FLOW_FLAG.CHECK_OVERLAP, "check_overlap "],
  [FLOW_FLAG.RESET_COUNTS, "reset_counts "],
  [FLOW_FLAG.NO_PACKET_COUNTS, "no_packet_counts "],
  [FLOW_FLAG.NO_BYTE_COUNTS, "no_byte_counts "],
];
const REMOVED_REASONS: Readonly<Record<FlowRemovedReason, string>> = {
  idle: "idle",
  hard: "hard",
  delete: "delete",
  group: "group_delete",
  meter: "meter_delete",
  eviction: "eviction",
};
const MONITOR_FLAGS = ["initial", "add", "delete", "modify", "actions", "own"];
const EVENTS = { initial: "INITIAL", added: "ADDED", modified: "MODIFIED", removed: "DELETED" } as const;

/** Writes a change of flows; that counters begin anew is what every addition before OpenFlow 1.2 does, and not said of it. */
export function printFlowMod({ command, flow, bufferId, newCookie }: FlowMod, version: number): string {
  const { table, priority, match, idleTimeout, hardTimeout, importance, cookie, cookieMask = 0n, outPort } = flow;
  const flags = version < VERSION.OF12 ? flow.flags & ~FLOW_FLAG.RESET_COUNTS : flow.flags;
  const parts = [` ${COMMANDS[command]}`, table === 0 ? " " : ` table:${table} `];
  const matchText = matchWithPriority(match, priority);
  if (matchText !== "") parts.push(`${matchText} `);
  const given = newCookie ?? (cookieMask === 0n && givesCookie(command, version) ? cookie : 0n);
  if (given !== 0n && given !== KEEP_COOKIE) parts.push(`cookie:${hex(given)} `);
  if (cookieMask !== 0n) parts.push(`cookie:${hex(cookie)}/${hex(cookieMask)} `);
  if (idleTimeout !== 0) parts.push(`idle:${idleTimeout} `);
  if (hardTimeout !== 0) parts.push(`hard:${hardTimeout} `);
  if (importance !== 0 && command === "add") parts.push(`importance:${importance} `);
  if (bufferId !== undefined) parts.push(`buf:0x${bufferId.toString(16)} `);
  if (outPort !== undefined) parts.push(`out_port:${formatPort(outPort)} `);
  for (const [bit, name] of FLAGS) if ((flags & bit) !== 0) parts.push(name);
  return `${parts.join("")}actions=${formatActions(flow.actions)}`;
}

/** Whether the cookie of a flow-mod without a mask is one that flows get. */
function givesCookie(command: FlowMod["command"], version: number): boolean {
  return version === VERSION.OF10 || command === "add" || (version === VERSION.OF11 && !command.startsWith("delete"));
}

const KEEP_COOKIE = 0xffff_ffff_ffff_ffffn;

/** Writes that a flow went. */
export function printFlowRemoved({ flow, reason, durationSec, nPackets, nBytes }: FlowRemoved): string {
  const { match, priority, table, cookie, idleTimeout, hardTimeout } = flow;
  const matchText = matchWithPriority(match, priority);
  const parts = [matchText, `reason=${REMOVED_REASONS[reason]}`];
  if (table !== ALL_TABLES) parts.push(`table_id=${table}`);
  if (cookie !== 0n) parts.push(`cookie:${hex(cookie)}`);
  parts.push(`duration${formatDuration(durationSec)}`, `idle${idleTimeout}`);
  if (hardTimeout !== 0) parts.push(`hard${hardTimeout}`);
  return ` ${parts.join(" ")} pkts${nPackets} bytes${nBytes}`;
}

/** Writes which flows are asked for. */
export function printFlowQuery({ table, outPort, match }: FlowQuery): string {
  return `${printPlace(table, outPort)} ${formatMatch(match)}`.trimEnd();
}

/** Writes what a monitor is to tell, on a line of its own. */
export function printMonitorRequest({ id, command, flags, table, match, outPort, outGroup }: FlowMonitorRequest): string {
  if (command === "delete") return `\n id=${id} command=delete`;
  const head = `\n id=${id} flags=${namesOfBits(flags, MONITOR_FLAGS, ",")}`;
  const port = outPort === undefined ? "" : ` out_port=${formatPort(outPort)}`;
  const group = outGroup === undefined ? "" : ` out_group=${outGroup}`;
  const place = table === ALL_TABLES ? "" : ` table=${table}`;
  return `${head}${port}${group}${place} ${formatMatch(match)}`.trimEnd();
}

/** Writes what a monitor tells, on a line of its own. */
export function printFlowUpdate(update: FlowUpdate): string {
  switch (update.event) {
    case "abbreviated":
      return `\n event=ABBREV xid=0x${update.xid.toString(16)}`;
    case "paused":
    case "resumed":
      return `\n event=${update.event.toUpperCase()}`;
    default: {
      const { table, idleTimeout, hardTimeout, cookie, match, actions } = update.flow;
      const parts = [`\n event=${EVENTS[update.event]}`];
      if (update.event === "removed") parts.push(`reason=${REMOVED_REASONS[update.reason]}`);
      parts.push(`table=${table}`);
      if (idleTimeout !== 0) parts.push(`idle_timeout=${idleTimeout}`);
      if (hardTimeout !== 0) parts.push(`hard_timeout=${hardTimeout}`);
      parts.push(`cookie=${hex(cookie)}`, formatMatch(match));
      if (actions !== undefined && actions.length > 0) parts.push(`actions=${formatActions(actions)}`);
      return parts.join(" ");
    }
  }
}

function printPlace(table: number, outPort: number | undefined): string {
  return `${table === ALL_TABLES ? "" : ` table=${table}`}${outPort === undefined ? "" : ` out_port=${formatPort(outPort)}`}`;
}

function matchWithPriority(match: Match, priority: number): string {
  const text = formatMatch(match);
  if (priority === DEFAULT_PRIORITY) return text;
  return text === "" ? `priority=${priority}` : `priority=${priority},${text}`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
