/**
 * One northd between two databases: follows both, writes both.
 *
 * Work goes in rounds, one at a time: take all changes that came, let the rules derive, commit the southbound
 * difference, then tell the northbound side how far things are. Changes that come meanwhile wait for the next round
 * and share it. When a transaction fails, or a row is found changed by somebody else, databases and rules are compared
 * afresh: nothing is assumed about what was written.
 */
import type { Delta, Tuple } from "@tenet/datalog";
import { type Clock, type Json, type Logger, messageOf, systemClock } from "@tenet/kit";
import { Operations, OVN_NORTHBOUND, OVN_SOUTHBOUND, type Replica, type RowChange, ServerLock, toSchema } from "@tenet/ovsdb";
import { forgetPlaces, orphanOperations } from "./cleanup-operations.ts";
import { FEEDBACK_TABLES, Northd, type NorthdOutput } from "./northd.ts";
import { type OutputTable, outputTables, tuplesOfRow } from "./output-table.ts";
import { type RowWriter, rowOperations } from "./row-operations.ts";
import { TunnelKeys } from "./tunnel-keys.ts";
import { tupleDifference } from "./tuple-difference.ts";

/** How long to wait before a failed round is tried again, in ms: doubled each time up to the greatest. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 8000;

/** Southbound tables whose rows northd derives. */
const DERIVED_TABLES: readonly string[] = [
  "SB_Global",
  "Datapath_Binding",
  "Port_Binding",
  "Multicast_Group",
  "Logical_DP_Group",
  "Logical_Flow",
  "Address_Set",
  "Port_Group",
];

/** Southbound tables that northd must see: those it derives and those it reads. */
export const SOUTHBOUND_TABLES: readonly string[] = [...new Set([...DERIVED_TABLES, ...FEEDBACK_TABLES])];

/** A northbound row that asks for what this version leaves out. */
export interface UnsupportedRow {
  readonly table: string;
  /** Its UUID. */
  readonly row: string;
  /** Its name, or the match of an ACL without one. */
  readonly name: string;
  /** What is left out, and what happens instead. */
  readonly reason: string;
}

/** What a session may be given. */
export interface SessionOptions {
  readonly clock?: Clock;
  /** Gets all rows that are left out, whenever they change. */
  readonly onUnsupported?: (rows: readonly UnsupportedRow[]) => void;
}

/** Rows of a table by name, and the name of that table. */
type Rows = Iterable<readonly [table: OutputTable, uuid: string]>;

/** Follows a northbound and a southbound replica. */
export class NorthdSession {
  readonly #nb: Replica;
  readonly #sb: Replica;
  readonly #lock: ServerLock;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #onUnsupported: (rows: readonly UnsupportedRow[]) => void;
  readonly #northd: Northd;
  readonly #sbWriter: RowWriter;
  readonly #nbWriter: RowWriter;
  #nbChanges: RowChange[] = [];
  #sbChanges: RowChange[] = [];
  /** Compare everything in the next round. */
  #isUnsure = true;
  /** Somebody else is the active northd. */
  #isOver = false;
  #retryMs = FIRST_RETRY_MS;
  /** What has to be cleaned up with the next southbound transaction; no comparison would find it again. */
  #cleanup: Json[] = [];
  #wake: () => void = () => undefined;

  /** @param lock - the southbound lock, held */
  constructor(nb: Replica, sb: Replica, lock: ServerLock, log: Logger, options: SessionOptions = {}) {
    this.#nb = nb;
    this.#sb = sb;
    this.#lock = lock;
    this.#log = log;
    this.#clock = options.clock ?? systemClock;
    this.#onUnsupported = options.onUnsupported ?? (() => undefined);
    this.#northd = new Northd(keysInUse(sb));
    const relations = this.#northd.relations();
    this.#sbWriter = {
      operations: new Operations(toSchema(OVN_SOUTHBOUND)),
      tables: outputTables(relations, "to_sb"),
      ownsRows: true,
      initial: { Port_Binding: { up: false } },
    };
    this.#nbWriter = {
      operations: new Operations(toSchema(OVN_NORTHBOUND)),
      tables: outputTables(relations, "to_nb"),
      ownsRows: false,
      initial: {},
    };
    this.#nbChanges = contentOf(nb, Object.keys(OVN_NORTHBOUND.tables));
    this.#sbChanges = contentOf(sb, FEEDBACK_TABLES);
  }

  /** Works until `signal` aborts or the southbound lock is lost. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = [
      this.#nb.onChange((changes) => this.#note(this.#nbChanges, changes)),
      this.#sb.onChange((changes) => this.#note(this.#sbChanges, changes)),
    ];
    const onAbort = (): void => this.#wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted && !this.#isOver) {
        await this.#round(signal);
        await this.#changesOrAbort(signal);
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      for (const unsubscribe of stop) unsubscribe();
    }
  }

  #note(list: RowChange[], changes: readonly RowChange[]): void {
    for (const change of changes) list.push(change);
    this.#wake();
  }

  async #changesOrAbort(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isOver || this.#nbChanges.length > 0 || this.#sbChanges.length > 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#isUnsure) timer = setTimeout(resolve, this.#retryMs);
    });
    clearTimeout(timer);
    this.#wake = () => undefined;
  }

  async #round(signal: AbortSignal): Promise<void> {
    const nb = this.#nbChanges.splice(0);
    const sb = this.#sbChanges.splice(0);
    const output = this.#northd.apply({ nb, sb }, this.#clock.now());
    this.#tellUnsupported(output);
    const isComplete = this.#isUnsure;
    this.#isUnsure = false;
    try {
      await this.#writeSouthbound(output.delta, sb, isComplete);
      const done = this.#northd.committed(this.#clock.now());
      await this.#writeNorthbound(output.delta, done.delta, isComplete);
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      if (signal.aborted) return;
      this.#isOver = ServerLock.isLost(error);
      this.#isUnsure = true;
      if (this.#isOver) return this.#log.warn({}, "southbound lock lost");
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      this.#log.error({ err: messageOf(error), retryMs: this.#retryMs }, "cannot write what was derived");
    }
  }

  async #writeSouthbound(delta: Delta, changes: readonly RowChange[], isComplete: boolean): Promise<void> {
    const { tables } = this.#sbWriter;
    const changed = isComplete ? this.#difference(this.#sb, tables, this.#allRows(this.#sb, tables)) : delta;
    this.#cleanup.push(...forgetPlaces(delta));
    const operations = [
      ...rowOperations(this.#sbWriter, changed),
      ...orphanOperations(OVN_SOUTHBOUND, tables, changed),
      ...this.#cleanup,
    ];
    await commit(this.#sb, operations, this.#log, "southbound rows written", [this.#lock.assertion]);
    this.#cleanup = [];
    if (!isComplete) await this.#repair(changes);
  }

  /** Rows that somebody else changed become again what the rules say. Our own changes come by here too, and fit. */
  async #repair(changes: readonly RowChange[]): Promise<void> {
    const { tables } = this.#sbWriter;
    const rows = changes.flatMap(({ table, uuid }): [OutputTable, string][] => {
      const output = tables.get(table);
      return output === undefined ? [] : [[output, uuid]];
    });
    const operations = rowOperations(this.#sbWriter, this.#difference(this.#sb, tables, rows));
    if (operations.length > 0) this.#log.warn({ nOperations: operations.length }, "southbound rows changed by others, repairing");
    await commit(this.#sb, operations, this.#log, "southbound rows repaired", [this.#lock.assertion]);
  }

  async #writeNorthbound(derived: Delta, done: Delta, isComplete: boolean): Promise<void> {
    const { tables } = this.#nbWriter;
    const operations = isComplete
      ? rowOperations(this.#nbWriter, this.#difference(this.#nb, tables, this.#allRows(this.#nb, tables)))
      : [...rowOperations(this.#nbWriter, derived), ...rowOperations(this.#nbWriter, done)];
    await commit(this.#nb, operations, this.#log, "northbound rows written");
  }

  /** All rows that are derived or there. */
  *#allRows(replica: Replica, tables: ReadonlyMap<string, OutputTable>): Rows {
    for (const table of tables.values()) {
      const uuids = new Set(replica.table(table.table).keys());
      for (const relation of relationsOfTable(table)) {
        for (const tuple of this.#northd.rows(relation)) uuids.add(String(tuple[0]));
      }
      for (const uuid of uuids) yield [table, uuid];
    }
  }

  /** What is derived of rows, less what a database holds of them. */
  #difference(replica: Replica, tables: ReadonlyMap<string, OutputTable>, rows: Rows): Delta {
    const desired: [string, Tuple][] = [];
    const actual: [string, Tuple][] = [];
    for (const [table, uuid] of rows) {
      for (const relation of relationsOfTable(table)) {
        for (const tuple of this.#northd.rowsOf(relation, uuid)) desired.push([relation, tuple]);
      }
      const row = replica.table(table.table).get(uuid);
      if (row !== undefined && tables.has(table.table)) actual.push(...tuplesOfRow(table, row));
    }
    return tupleDifference(desired, actual);
  }

  /** Tells what is left out: each row once in the log, all of them to whoever listens. */
  #tellUnsupported({ delta, unsupported }: NorthdOutput): void {
    if (!delta.has("northd:unsupported")) return;
    const described = unsupported.map((tuple) => this.#describe(tuple));
    for (const { table, row, name, reason } of described) {
      this.#log.warn({ table, row, name, reason }, "northbound row is not supported");
    }
    this.#onUnsupported(this.#northd.rows("northd:unsupported").map((tuple) => this.#describe(tuple)));
  }

  #describe([row, table, reason]: Tuple): UnsupportedRow {
    const columns = this.#nb.table(String(table)).get(String(row));
    const name = [columns?.["name"], columns?.["match"]].flat().find((text) => typeof text === "string" && text !== "");
    return { table: String(table), row: String(row), name: String(name ?? ""), reason: String(reason) };
  }
}

function relationsOfTable(table: OutputTable): string[] {
  return [...(table.main === undefined ? [] : [table.main]), ...table.elements.values()];
}

async function commit(
  replica: Replica,
  operations: readonly Json[],
  log: Logger,
  message: string,
  first: readonly Json[] = [],
): Promise<void> {
  if (operations.length === 0) return;
  await replica.transact([...first, ...operations, replica.operations.comment("northd")]);
  log.debug({ nOperations: operations.length }, message);
}

function contentOf(replica: Replica, tables: readonly string[]): RowChange[] {
  return tables.flatMap((table) =>
    Array.from(replica.table(table).values(), (row): RowChange => ({ table, uuid: row._uuid, old: undefined, new: row })),
  );
}

function keysInUse(sb: Replica): TunnelKeys {
  const keys = new TunnelKeys();
  const switchByDatapath = new Map<string, string>();
  for (const row of sb.table("Datapath_Binding").values()) {
    const ids = row["external_ids"];
    const owner = ids instanceof Map ? ids.get("logical-switch") : undefined;
    if (owner === undefined) continue;
    switchByDatapath.set(row._uuid, String(owner));
    keys.adoptSwitch(String(owner), Number(row["tunnel_key"]));
  }
  for (const row of sb.table("Port_Binding").values()) {
    const owner = switchByDatapath.get(String(row["datapath"]));
    if (owner !== undefined) keys.adoptPort(owner, String(row["logical_port"]), Number(row["tunnel_key"]));
  }
  return keys;
}
