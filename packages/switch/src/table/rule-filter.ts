/** Which rules a request is about. */
import type { Match } from "@tenet/openflow";
import type { Rule } from "./rule.ts";

/** Rules by their table, match, cookie, and what they refer to. */
export interface RuleFilter {
  readonly table: number;
  readonly match: Match;
  readonly cookie: bigint;
  /** Only rules whose cookie equals `cookie` in these bits. */
  readonly cookieMask?: bigint | undefined;
  readonly outPort?: number | undefined;
  readonly outGroup?: number | undefined;
}

/** Whether a rule, whose table and match are known to fit, passes the rest of a filter. */
export function passes(rule: Rule, { cookie, cookieMask = 0n, outPort, outGroup }: RuleFilter): boolean {
  if (cookieMask !== 0n && ((rule.latest.cookie ^ cookie) & cookieMask) !== 0n) return false;
  if (outGroup !== undefined && !rule.refersToGroup(outGroup)) return false;
  return outPort === undefined || rule.outputsTo(outPort);
}
