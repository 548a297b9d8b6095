/** Tells listeners of transactions, of long ones in parts, and controllers of how full the tables are that they watch. */
import type { TableMod, TableStatus } from "@tenet/openflow";
import type { Work } from "../turns.ts";
import type { FlowTable } from "./flow-table.ts";
import type { RuleEdits } from "./rule-edits.ts";
import type { TableEdit } from "./table-edit.ts";
import type { TableEvents } from "./table-events.ts";

/** How many rules are told of at most between two chances for others. */
const RULES_PER_PART = 16;
const NOTHING: readonly never[] = [];
const NO_EVENTS = { tables: NOTHING, groups: NOTHING, haveMetersChanged: false, statuses: NOTHING };

/** The listeners of one bridge's tables. */
export class TableNews {
  readonly #listeners = new Set<(events: TableEvents) => void>();
  /** Tables that controllers hear of when they fill or empty. */
  readonly #watched = new Set<FlowTable>();

  /** Calls `listener` after each transaction that changed something. @returns stops it */
  onChange(listener: (events: TableEvents) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes what a controller configures of a table. */
  configure(table: FlowTable, mod: TableMod): Work {
    const configuring = table.configure(mod);
    if (table.isWatched) this.#watched.add(table);
    else this.#watched.delete(table);
    return configuring;
  }

  /** Tells of a transaction that packets see: of the first rules at once, with all that the megaflow cache needs. */
  tell(edit: TableEdit, haveMetersChanged: boolean, author: object | undefined): Work | undefined {
    const { rules, groups, touched: tables } = edit;
    const statuses = this.#watched.size === 0 ? NOTHING : this.#statuses();
    if (!haveMetersChanged && rules.length + groups.length + statuses.length === 0) return undefined;
    const first = endOfPart(rules, 0);
    this.#tellAll({ tables, rules: rules.events(0, first), groups, haveMetersChanged, statuses, author });
    return first === rules.length ? undefined : this.#tellRest(rules, first, author);
  }

  *#tellRest(rules: RuleEdits, first: number, author: object | undefined): Work {
    for (let at = first; at < rules.length; ) {
      yield;
      const end = endOfPart(rules, at);
      this.#tellAll({ rules: rules.events(at, end), author, ...NO_EVENTS }); // copied last: else each has a shape of its own
      at = end;
    }
  }

  #tellAll(events: TableEvents): void {
    for (const listener of this.#listeners) listener(events);
  }

  #statuses(): TableStatus[] {
    return [...this.#watched].flatMap((table) => {
      const reason = table.takeVacancyEvent();
      return reason === undefined ? [] : [{ type: "tableStatus" as const, reason, desc: table.describe() }];
    });
  }
}

/** Where a part ends: a rule and the one whose place it took are told of together. */
function endOfPart(rules: RuleEdits, start: number): number {
  const end = Math.min(start + RULES_PER_PART, rules.length);
  return end < rules.length && rules.isDisplaced(end - 1) ? end - 1 : end;
}
