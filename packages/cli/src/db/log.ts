/** `tenet db log`: who changed what, when and why, from a server or a file. */
import { stripVTControlCharacters } from "node:util";
import type { Json } from "@tenet/kit";
import {
  type DatabaseSchema,
  Database,
  historyEntries,
  type HistoryEntry,
  type HistoryFilter,
  isHistoryEntry,
  RpcError,
  stringifyExact,
  versionOfSnapshot,
} from "@tenet/ovsdb";
import type { Style } from "../up/style.ts";
import { formatWire, formatWireChange } from "./format-wire.ts";
import type { Meter } from "./meter.ts";
import { formatMoment, parseMoment } from "./parse-moment.ts";
import { connectTo, DbArgumentError, isRemote, tablesOf, type Link } from "./source.ts";

/** What is asked for. */
export interface LogFlags {
  readonly output: "text" | "json";
  readonly database?: string;
  readonly table?: string;
  readonly row?: string;
  readonly since?: string;
  readonly until?: string;
  readonly by?: string;
  readonly number?: number;
  readonly full?: boolean;
}

/** One transaction, with what of it was asked for. */
interface Transaction {
  readonly first: HistoryEntry;
  readonly entries: readonly HistoryEntry[];
}

/** So many rows of a transaction are shown, unless all are wanted. */
const MAX_ROWS = 20;
/** Columns stand in one line up to this width. */
const LINE_WIDTH = 100;

/**
 * The transactions that match, oldest first.
 *
 * @param now - ms since 1970-01-01 UTC, for times of today and times ago
 * @throws DbArgumentError, NotALogError, IoError
 */
export async function log(source: string, flags: LogFlags, style: Style, now: number, meter: Meter, link: Link): Promise<string> {
  const filter: HistoryFilter = {
    ...(flags.table === undefined ? {} : { table: flags.table }),
    ...(flags.row === undefined ? {} : { row: flags.row }),
    ...(flags.since === undefined ? {} : { since: parseMoment(flags.since, now) }),
    ...(flags.until === undefined ? {} : { until: parseMoment(flags.until, now) }),
    ...(flags.by === undefined ? {} : { by: flags.by }),
    ...(flags.number === undefined ? {} : { last: flags.number }),
  };
  const transactions = grouped(await entriesOf(source, flags.database, filter, meter, link));
  if (flags.output === "json") return transactions.map((transaction) => `${stringifyExact(jsonOf(transaction))}\n`).join("");
  if (transactions.length === 0) return "no transaction matches\n";
  const showsAll = flags.full === true || flags.row !== undefined;
  return transactions.map((transaction) => `${formatTransaction(transaction, style, showsAll)}\n`).join("\n");
}

async function entriesOf(
  source: string,
  name: string | undefined,
  filter: HistoryFilter,
  meter: Meter,
  link: Link,
): Promise<HistoryEntry[]> {
  if (!isRemote(source)) {
    const database = Database.read(source, meter.rows);
    checkTable(database.schema, filter);
    return typed(historyEntries(database, filter));
  }
  await using replica = await connectTo(source, name, link, []);
  checkTable(replica.schema, filter);
  try {
    const reply = await replica.request("tenet_history", [replica.schema.name, filter as Json]);
    return typed(reply as Json[]);
  } catch (error) {
    if (!(error instanceof RpcError) || error.error !== "unknown method") throw error;
    throw new DbArgumentError(`The server at "${source}" keeps no history`, {
      hint: "Only Tenet's servers do; what the original wrote, tenet db log shows from the database file",
    });
  }
}

function typed(entries: readonly Json[]): HistoryEntry[] {
  return entries.flatMap((entry) => (isHistoryEntry(entry) ? [entry] : []));
}

function checkTable(schema: DatabaseSchema, { table }: HistoryFilter): void {
  if (table !== undefined) tablesOf(schema, [table]);
}

function grouped(entries: readonly HistoryEntry[]): Transaction[] {
  const transactions: { first: HistoryEntry; entries: HistoryEntry[] }[] = [];
  for (const entry of entries) {
    const last = transactions.at(-1);
    if (last?.first.txn === entry.txn) last.entries.push(entry);
    else transactions.push({ first: entry, entries: [entry] });
  }
  return transactions;
}

function jsonOf({ first, entries }: Transaction): Json {
  const { txn: version, date, client: by, comment } = first;
  const changes = entries.map(({ table, uuid, name, op, row }) => ({
    table,
    uuid,
    ...(name === undefined ? {} : { name }),
    op,
    row,
  }));
  return { version, date, by, comment, changes };
}

function formatTransaction({ first, entries }: Transaction, style: Style, showsAll: boolean): string {
  const { txn, date, client, comment } = first;
  const isSnapshot = versionOfSnapshot(comment ?? undefined) !== undefined;
  const head = `${style.bold(formatMoment(Date.parse(date)))}  ${style.dim(txn.slice(0, 8))}  `;
  const nRows = `${entries.length.toLocaleString("en")} row${entries.length === 1 ? "" : "s"}`;
  if (isSnapshot && !showsAll) return `${head}${style.dim(`compacted: what made these ${nRows} is not kept`)}`;
  const said = isSnapshot || comment === null ? [] : comment.split("\n").map((line) => `    ${style.title(line)}`);
  const shown = showsAll || entries.length <= MAX_ROWS ? entries : entries.slice(0, MAX_ROWS);
  const nMore = entries.length - shown.length;
  const more = nMore === 0 ? [] : [style.dim(`  … and ${nMore.toLocaleString("en")} more rows; --full shows them`)];
  const who = isSnapshot ? style.dim("compacted: what made these rows is not kept") : formatClient(client, style);
  return [`${head}${who}`, ...said, ...shown.map((entry) => formatEntry(entry, style)), ...more].join("\n");
}

/** `ovn-nbctl (pid 77, alice) unix:/run/nb.sock#3`, as far as it is known. */
function formatClient({ process, pid, subject, remote }: HistoryEntry["client"], style: Style): string {
  const known = [pid === undefined ? "" : `pid ${pid}`, subject ?? ""].filter((text) => text !== "").join(", ");
  const program = process === undefined ? "" : `${process} `;
  return `${style.bold(program)}${known === "" ? "" : `(${known}) `}${style.dim(remote)}`;
}

function formatEntry({ op, table, name, uuid, row }: HistoryEntry, style: Style): string {
  const [sign, paint] = { insert: ["+", style.good], modify: ["~", style.changed], delete: ["-", style.bad] }[op] as [
    string,
    (text: string) => string,
  ];
  const what = `  ${paint(`${sign} ${table}${name === undefined ? "" : ` ${formatWire(name)}`}`)} ${style.dim(`(${uuid.slice(0, 8)})`)}`;
  const columns = Object.entries(row).map(([column, value]) => formatColumn(op, column, value));
  if (columns.length === 0) return what;
  const line = columns.join(op === "modify" ? ", " : " ");
  return stripVTControlCharacters(what).length + line.length <= LINE_WIDTH
    ? `${what}  ${line}`
    : [what, ...columns.map((text) => `      ${text}`)].join("\n");
}

function formatColumn(op: HistoryEntry["op"], column: string, value: Json): string {
  if (op !== "modify") return `${column}=${formatWire(value)}`;
  const { old = null, new: now = null } = value as { old?: Json; new?: Json };
  return `${column}: ${formatWireChange(old, now)}`;
}
