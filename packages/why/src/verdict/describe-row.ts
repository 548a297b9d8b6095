/** Rows in a few words. */
import type { Row } from "@tenet/ovsdb";
import type { LinkedRow, NorthboundLinks } from "../links/northbound.ts";
import { textOf, textsOf } from "../rows.ts";

const LONGEST_MATCH = 60;

/** `ACL "db-guard" (to-lport, priority 1001, drop) on switch prod`; an ACL without a name shows its match. */
export function describeAcl(row: Row, links: NorthboundLinks): string {
  const name = textOf(row, "name");
  const what = name === "" ? shorten(textOf(row, "match")) : JSON.stringify(name);
  const kind = `${textOf(row, "direction")}, priority ${Number(row["priority"])}, ${textOf(row, "action")}`;
  const holders = links.holdersOf(row._uuid);
  return `ACL ${what} (${kind})${holders.length === 0 ? "" : ` on ${listOf(holders)}`}`;
}

/** What a row is, for the head of a cause. */
export function describeRow({ table, row }: LinkedRow, links: NorthboundLinks): string {
  switch (table) {
    case "ACL":
      return describeAcl(row, links);
    case "Logical_Switch":
      return `switch ${textOf(row, "name")}`;
    case "Logical_Switch_Port": {
      const addresses = textsOf(row, "addresses");
      return `port ${textOf(row, "name")}${addresses.length === 0 ? "" : ` (${addresses.join("; ")})`}`;
    }
    case "NB_Global":
      return "the options of the whole northbound database";
    case "FDB":
      return `address ${textOf(row, "mac")}, learned from its packets`;
    default:
      return textOf(row, "name") === "" ? table : `${table} ${textOf(row, "name")}`;
  }
}

/** `a`, `a and b`, `a, b and c`. */
export function listOf(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function shorten(text: string): string {
  return text.length <= LONGEST_MATCH ? text : `${text.slice(0, LONGEST_MATCH - 1)}…`;
}
