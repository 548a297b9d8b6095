/** Which unsolicited messages a controller hears of. */
import type { AsyncMask, AsyncMasks } from "../message.ts";
import { type BitNames, namesOfBits } from "./names-of-bits.ts";

/** What is told of each kind of messages, in the order in which they are shown. */
const KINDS: readonly (readonly [label: string, kind: keyof AsyncMasks, names: BitNames])[] = [
  ["PACKET_IN", "packetIn", ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"]],
  ["PORT_STATUS", "portStatus", ["add", "delete", "modify"]],
  ["FLOW_REMOVED", "flowRemoved", ["idle", "hard", "delete", "group_delete", "meter_delete", "eviction"]],
  ["ROLE_STATUS", "roleStatus", ["primary_request", "configuration_changed", "experimenter_data_changed"]],
  ["TABLE_STATUS", "tableStatus", ["", "", "", "vacancy_down", "vacancy_up"]],
  ["REQUESTFORWARD", "requestForward", ["group_mod_request", "meter_mod_request"]],
];
/** Of the first one, before OpenFlow 1.4. */
const N_PACKET_IN_REASONS_13 = 3;
const OFF: AsyncMask = [undefined, undefined];

/** Writes the choice over several lines. */
export function printAsync(masks: AsyncMasks, version: number): string {
  return `\n${printRole(masks, 0, "primary", version)}\n${printRole(masks, 1, "secondary", version)}`;
}

function printRole(masks: AsyncMasks, i: 0 | 1, role: string, version: number): string {
  const lines = KINDS.map(([label, kind, names]) => {
    const known = kind === "packetIn" && version < 5 ? names.slice(0, N_PACKET_IN_REASONS_13) : names;
    const bits = ((masks[kind] ?? OFF)[i] ?? 0) & ((1 << known.length) - 1);
    return `${label.padStart(16)}: ${namesOfBits(bits, known, " ", "(off)")}\n`;
  });
  return ` ${role}:\n${lines.join("")}`;
}
