/** From a logical flow's hint to the northbound row that asked for the flow. */
import type { Row } from "@tenet/ovsdb";
import { entryOf, textOf, textsOf } from "../rows.ts";
import type { Tables } from "../sources.ts";

/** A row and the table and database it is in. */
export interface LinkedRow {
  readonly database: "nb" | "sb";
  readonly table: string;
  readonly row: Row;
}

/** Added by northd to an ACL's priority. */
const ACL_PRIORITY_BASE = 1000;

/** Finds northbound rows. */
export class NorthboundLinks {
  readonly #nb: Tables;

  constructor(nb: Tables) {
    this.#nb = nb;
  }

  /**
   * The row that `external_ids:stage-hint` of a logical flow begins the UUID of.
   *
   * When several rows begin so, the one whose content is in the flow; when that does not tell either, none.
   */
  rowOf(flow: Row): LinkedRow | undefined {
    const hint = entryOf(flow, "external_ids", "stage-hint");
    if (hint === undefined || hint === "") return undefined;
    const found = [...this.#nb.schema.tables.keys()].flatMap((table) =>
      [...this.#nb.table(table).values()]
        .filter(({ _uuid }) => _uuid.startsWith(hint))
        .map((row): LinkedRow => ({ database: "nb", table, row })),
    );
    const fitting = found.length > 1 ? found.filter((linked) => isIn(linked, flow)) : found;
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  /** A row by its UUID. */
  row(table: string, uuid: string | undefined): LinkedRow | undefined {
    const row = uuid === undefined ? undefined : this.#nb.table(table).get(uuid);
    return row === undefined ? undefined : { database: "nb", table, row };
  }

  /** A logical switch port by its name, which is unique. */
  portNamed(name: string): LinkedRow | undefined {
    const row = this.#nb.find("Logical_Switch_Port", (each) => each["name"] === name);
    return row === undefined ? undefined : { database: "nb", table: "Logical_Switch_Port", row };
  }

  /** The global row. */
  global(): LinkedRow | undefined {
    const row = this.#nb.find("NB_Global", () => true);
    return row === undefined ? undefined : { database: "nb", table: "NB_Global", row };
  }

  /** What holds an ACL: its switches and port groups, e.g. `switch prod`. */
  holdersOf(acl: string): string[] {
    const holders = (table: string, kind: string): string[] =>
      [...this.#nb.table(table).values()]
        .filter((row) => textsOf(row, "acls").includes(acl))
        .map((row) => `${kind} ${textOf(row, "name")}`);
    return [...holders("Logical_Switch", "switch"), ...holders("Port_Group", "port group")];
  }
}

/** Whether a flow shows the content of a row: an ACL's match and priority, a port's name or address. */
function isIn({ table, row }: LinkedRow, flow: Row): boolean {
  const match = textOf(flow, "match");
  switch (table) {
    case "ACL":
      return match === row["match"] && flow["priority"] === Number(row["priority"]) + ACL_PRIORITY_BASE;
    case "QoS":
      return match === row["match"] && flow["priority"] === row["priority"];
    case "Logical_Switch_Port": {
      const text = `${match} ${textOf(flow, "actions")}`;
      const words = textsOf(row, "addresses").flatMap((address) => address.split(/\s+/));
      return text.includes(JSON.stringify(textOf(row, "name"))) || words.some((word) => text.includes(word));
    }
    default:
      return false;
  }
}
