/** `tenet db show-log`: the transactions in a database file. */
import { type Commit, Database, type DatabaseSchema } from "@tenet/ovsdb";
import { jsonChange } from "./dump.ts";
import { formatChange } from "./format-row.ts";

/**
 * The transactions of a file, which may be in use, oldest first.
 *
 * @param last - only so many, the newest
 * @throws NotALogError, IoError
 */
export function showLog(file: string, format: "text" | "json", last: number = Infinity): string {
  const database = Database.read(file);
  const { schema } = database;
  const all = database.history().map((commit, i) => ({ n: i + 1, commit }));
  const commits = all.slice(Math.max(0, all.length - last));
  if (format === "json") {
    return commits.map(({ n, commit }) => `${JSON.stringify({ n, ...jsonCommit(schema, commit) })}\n`).join("");
  }
  const head = `${schema.name} ${schema.version}: ${all.length} transaction${all.length === 1 ? "" : "s"}\n`;
  return head + commits.map(({ n, commit }) => `\n${formatCommit(schema, n, commit)}`).join("");
}

function formatCommit(schema: DatabaseSchema, n: number, { at, by, comment, changes }: Commit): string {
  const who = by.process === undefined ? by.remote : `${by.process} (pid ${by.pid}) on ${by.remote}`;
  const date = new Date(at).toISOString().replace("T", " ").replace("Z", "");
  const said = comment === undefined ? [] : comment.split("\n").map((line) => `  "${line}"`);
  return [`${n}  ${date}  ${who}`, ...said, ...changes.map((change) => `  ${formatChange(schema, change)}`), ""].join("\n");
}

function jsonCommit(schema: DatabaseSchema, { version, at, by, comment, changes }: Commit): object {
  return { version, date: new Date(at).toISOString(), by, comment, changes: changes.map((change) => jsonChange(schema, change)) };
}
