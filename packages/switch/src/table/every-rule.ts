/** The filter that every rule passes. */
import { FLOW_WORDS } from "@tenet/net";
import { ALL_TABLES } from "@tenet/openflow";
import type { RuleFilter } from "./rule-filter.ts";

/** A filter for all rules of all tables. */
export function everyRule(): RuleFilter {
  const match = { key: new Uint32Array(FLOW_WORDS), mask: new Uint32Array(FLOW_WORDS) };
  return { table: ALL_TABLES, match, cookie: 0n };
}
