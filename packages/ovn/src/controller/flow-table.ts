/**
 * The flows that should be installed, kept from rows of the rules.
 *
 * Rows can compete: two logical flows with the same priority and match give the same OpenFlow key. The language
 * leaves the outcome open; here dropping wins, then the smallest cookie, so that the outcome never depends on order.
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

/** Desired flows by key, with the rows that compete for each. */
export class FlowTable {
  readonly #slots = new Map<string, { rows: FlowRow[]; chosen: FlowRow; flow: FlowSpec }>();
  readonly #keys = new Map<string, string>();

  /** Number of flows. */
  get size(): number {
    return this.#slots.size;
  }

  /** Every flow that should be installed. */
  flows(): FlowSpec[] {
    return [...this.#slots.values()].map(({ flow }) => flow);
  }

  /** The flow of a key, see {@link flowKey}. */
  find(key: string): FlowSpec | undefined {
    return this.#slots.get(key)?.flow;
  }

  /** Takes a delta of rows; returns the exact changes of flows. */
  apply(inserted: readonly Tuple[], deleted: readonly Tuple[]): FlowChanges {
    const before = new Map<string, FlowSpec | undefined>();
    for (const tuple of deleted) this.#remove(rowOf(tuple), before);
    for (const tuple of inserted) this.#add(rowOf(tuple), before);
    const added: FlowSpec[] = [];
    const removed: FlowSpec[] = [];
    for (const [key, old] of before) {
      const now = this.#slots.get(key)?.flow;
      if (now !== undefined && now !== old) added.push(now);
      else if (now === undefined && old !== undefined) removed.push(old);
    }
    return { added, removed };
  }

  #add(row: FlowRow, before: Map<string, FlowSpec | undefined>): void {
    const flow = flowOf(row);
    const key = flowKey(flow);
    this.#keys.set(textOf(row), key);
    const slot = this.#slots.get(key);
    if (!before.has(key)) before.set(key, slot?.flow);
    if (slot === undefined) this.#slots.set(key, { rows: [row], chosen: row, flow });
    else {
      slot.rows.push(row);
      this.#choose(key);
    }
  }

  #remove(row: FlowRow, before: Map<string, FlowSpec | undefined>): void {
    const text = textOf(row);
    const key = this.#keys.get(text);
    const slot = key === undefined ? undefined : this.#slots.get(key);
    if (key === undefined || slot === undefined) return;
    this.#keys.delete(text);
    if (!before.has(key)) before.set(key, slot.flow);
    slot.rows = slot.rows.filter((candidate) => textOf(candidate) !== text);
    if (slot.rows.length === 0) this.#slots.delete(key);
    else this.#choose(key);
  }

  #choose(key: string): void {
    const slot = this.#slots.get(key);
    const best = slot?.rows.reduce((a, b) => (isPreferred(b, a) ? b : a));
    if (slot === undefined || best === undefined || best === slot.chosen) return;
    slot.chosen = best;
    slot.flow = flowOf(best);
  }
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
