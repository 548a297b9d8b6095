/**
 * The flows that should be installed, kept from rows of the rules.
 *
 * Rows can compete: two logical flows with the same priority and match give the same OpenFlow key. The language
 * leaves the outcome open; here dropping wins, then the smallest cookie, so that the outcome never depends on order.
 * Clauses of conjunctions share a flow; before any other row for the same packets they step back.
 */
import type { Tuple } from "@tenet/datalog";
import { type FlowSpec, formatMatch, type Match, parseActions, parseMatch } from "@tenet/openflow";

/** One flow as the rules state it, in the syntax of ovs-ofctl. */
export interface FlowRow {
  /** 8 hexadecimal digits (or "0"): the first 32 bits of the row that made the flow. */
  readonly cookie: string;
  readonly table: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

/** What to change in a switch. A flow in `added` may replace an installed one with the same key. */
export interface FlowChanges {
  readonly added: readonly FlowSpec[];
  readonly removed: readonly FlowSpec[];
}

/** Identity of a flow in a switch: table, priority and match. */
export function flowKey(flow: { readonly table: number; readonly priority: number; readonly match: Match }): string {
  return `${flow.table} ${flow.priority} ${formatMatch(flow.match)}`;
}

interface Slot {
  /** By their text. */
  readonly rows: Map<string, FlowRow>;
  chosen: FlowRow | undefined;
  flow: FlowSpec | undefined;
}

/** Desired flows by key, with the rows that compete for each. */
export class FlowTable {
  readonly #slots = new Map<string, Slot>();
  readonly #keys = new Map<string, string>();

  /** Number of flows. */
  get size(): number {
    return this.#slots.size;
  }

  /** Every flow that should be installed. */
  flows(): FlowSpec[] {
    return [...this.#slots.values()].flatMap(({ flow }) => flow ?? []);
  }

  /** The flow of a key, see {@link flowKey}. */
  find(key: string): FlowSpec | undefined {
    return this.#slots.get(key)?.flow;
  }

  /** Takes a delta of rows; returns the exact changes of flows. Cost: the rows of the keys that it touches. */
  apply(inserted: readonly Tuple[], deleted: readonly Tuple[]): FlowChanges {
    const before = new Map<string, FlowSpec | undefined>();
    for (const tuple of deleted) this.#remove(rowOf(tuple), before);
    for (const tuple of inserted) this.#add(rowOf(tuple), before);
    const added: FlowSpec[] = [];
    const removed: FlowSpec[] = [];
    for (const [key, old] of before) {
      const now = this.#choose(key);
      if (now !== undefined && now !== old) added.push(now);
      else if (now === undefined && old !== undefined) removed.push(old);
    }
    return { added, removed };
  }

  #add(row: FlowRow, before: Map<string, FlowSpec | undefined>): void {
    const key = flowKey({ table: row.table, priority: row.priority, match: parseMatch(row.match, { file: "flow" }) });
    const text = textOf(row);
    this.#keys.set(text, key);
    const slot = this.#slots.get(key) ?? { rows: new Map(), chosen: undefined, flow: undefined };
    this.#slots.set(key, slot);
    if (!before.has(key)) before.set(key, slot.flow);
    slot.rows.set(text, row);
  }

  #remove(row: FlowRow, before: Map<string, FlowSpec | undefined>): void {
    const text = textOf(row);
    const key = this.#keys.get(text);
    const slot = key === undefined ? undefined : this.#slots.get(key);
    if (key === undefined || slot === undefined) return;
    this.#keys.delete(text);
    if (!before.has(key)) before.set(key, slot.flow);
    slot.rows.delete(text);
  }

  /** Brings the flow of a key up to date. */
  #choose(key: string): FlowSpec | undefined {
    const slot = this.#slots.get(key);
    const chosen = slot === undefined ? undefined : rowFor([...slot.rows.values()]);
    if (slot === undefined || chosen === undefined) {
      this.#slots.delete(key);
      return undefined;
    }
    if (slot.chosen === undefined || textOf(chosen) !== textOf(slot.chosen)) slot.flow = flowOf(chosen);
    slot.chosen = chosen;
    return slot.flow;
  }
}

/** The one row that stands for all rows of a key. */
function rowFor(rows: readonly FlowRow[]): FlowRow | undefined {
  const outright = rows.filter((row) => !isClause(row));
  if (outright.length > 0) return outright.reduce((a, b) => (isPreferred(b, a) ? b : a));
  const sorted = rows.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  const [first] = sorted;
  return first === undefined ? undefined : { ...first, actions: sorted.map(({ actions }) => actions).join(",") };
}

function isClause({ actions }: FlowRow): boolean {
  return actions.startsWith("conjunction(");
}

function isPreferred(a: FlowRow, b: FlowRow): boolean {
  if ((a.actions === "drop") !== (b.actions === "drop")) return a.actions === "drop";
  return textOf(a) < textOf(b);
}

function textOf(row: FlowRow): string {
  return `${row.cookie} ${row.table} ${row.priority} ${row.match} ${row.actions}`;
}

function rowOf([cookie, table, priority, match, actions]: Tuple): FlowRow {
  return {
    cookie: String(cookie),
    table: Number(table),
    priority: Number(priority),
    match: String(match),
    actions: String(actions),
  };
}

function flowOf(row: FlowRow): FlowSpec {
  return {
    table: row.table,
    priority: row.priority,
    cookie: BigInt(`0x${row.cookie}`),
    match: parseMatch(row.match, { file: "flow" }),
    actions: parseActions(row.actions, { file: "flow" }),
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
  };
}
