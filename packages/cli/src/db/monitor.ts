/** `tenet db monitor`: the rows of a served database, and each change as it is committed. */
import { untilAborted } from "@tenet/kit";
import { type Replica, stringifyExact } from "@tenet/ovsdb";
import { dump, jsonChange } from "./dump.ts";
import { formatChange } from "./format-row.ts";
import { connectTo, tablesOf, type Link } from "./source.ts";

const CLEAR = "\x1b[H\x1b[J";

/** How changes are shown. */
export interface MonitorOptions {
  readonly tables: readonly string[];
  readonly database: string | undefined;
  readonly format: "text" | "json";
  /** Show the rows as they are now, again after each change, instead of the changes. */
  readonly watch: boolean;
}

/** Shows rows and changes until the signal aborts. @throws DbArgumentError, IoError */
export async function monitor(
  remote: string,
  { tables, database, format, watch }: MonitorOptions,
  write: (text: string) => void,
  link: Link,
): Promise<void> {
  await using replica = await connectTo(remote, database, link, tables.length === 0 ? undefined : tables);
  const { schema } = replica;
  const shown = tablesOf(schema, tables);
  const show = () =>
    write(
      `${CLEAR}${dump(
        replica,
        shown.filter((name) => replica.table(name).size > 0),
        "text",
      )}`,
    );
  if (watch) {
    show();
    replica.onChange(show);
  } else {
    write(initialText(replica, tables, format));
    replica.onChange((changes) => {
      const lines = changes.map((change) =>
        format === "json" ? stringifyExact(jsonChange(schema, change)) : formatChange(schema, change),
      );
      write(`${lines.join("\n")}\n`);
    });
  }
  await untilAborted(link.signal);
}

function initialText(replica: Replica, tables: readonly string[], format: "text" | "json"): string {
  if (format === "text") return `${dump(replica, tables, "text")}\n`;
  const { schema } = replica;
  const rows = tablesOf(schema, tables).flatMap((table) =>
    Array.from(replica.table(table), ([uuid, row]) => jsonChange(schema, { table, uuid, old: undefined, new: row })),
  );
  return rows.map((row) => `${stringifyExact(row)}\n`).join("");
}
