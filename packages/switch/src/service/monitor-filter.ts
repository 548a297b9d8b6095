/** Which flows a monitor is about. */
import { ALL_TABLES, type FlowMonitorRequest } from "@tenet/openflow";
import { MatchUnpacker } from "../table/packed-match.ts";
import type { Rule } from "../table/rule.ts";
import type { RuleFilter } from "../table/rule-filter.ts";

const unpacker = new MatchUnpacker();

/**
 * Whether a monitor, whose match is as tables have it, is about a rule, be it that the rule was so before a change that is being told: one of a port
 * hears of flows that cease to send there, one of a group does not, as at the original.
 *
 * @param displaced - the rule whose place this one took
 */
export function isAbout({ table, match, outPort, outGroup }: FlowMonitorRequest, rule: Rule, displaced?: Rule): boolean {
  if (table !== ALL_TABLES && table !== rule.table) return false;
  if (outPort !== undefined && !rule.hasToDoWithPort(outPort) && displaced?.outputsTo(outPort) !== true) return false;
  if (outGroup !== undefined && !rule.refersToGroup(outGroup)) return false;
  const { key, mask } = unpacker.unpack(rule.match);
  return match.mask.every((bits, i) => (bits & ~(mask[i] ?? 0)) === 0 && (((match.key[i] ?? 0) ^ (key[i] ?? 0)) & bits) === 0);
}

/** The same as a filter. */
export function filterOf({ table, match, outPort, outGroup }: FlowMonitorRequest): RuleFilter {
  return { table, match, cookie: 0n, outPort, outGroup };
}
