/** Which logical flows of a story the row that decided stands behind. */
import type { LogicalStep, Story } from "../api.ts";

/**
 * The flows made for the deciding row. When no flow names that row: the flow that dropped the packet, or for one that
 * arrives the flow that chose where to, the last of the ingress pipeline.
 */
export function decidingSteps({ verdict, cause, layers: { logical } }: Story): ReadonlySet<LogicalStep> {
  const made = logical.filter(({ hint }) => hint !== undefined && hint !== "" && cause?.uuid.startsWith(hint) === true);
  if (made.length > 0) return new Set(made);
  const last = verdict === "dropped" ? logical.at(-1) : logical.findLast(({ pipeline }) => pipeline === "ingress");
  return new Set(last === undefined ? [] : [last]);
}
