/**
 * The flow tables, groups and meters of one bridge, and the transactions on them.
 *
 * Every change is one transaction: a bundle of flow-mods applies whole, or is undone and leaves no trace.
 * Whoever depends on the tables (the megaflow cache, controllers) is told after it, once, what changed.
 */
import { isDeepStrictEqual } from "node:util";
import type { LongList } from "@tenet/classifier";
import type { Clock } from "@tenet/kit";
import {
  type Action,
  ALL_TABLES,
  type FlowModCommand,
  type FlowSpec,
  GROUP,
  type MeterMod,
  type TableMod,
  type TlvTableMod,
} from "@tenet/openflow";
import { GroupTable } from "../group/group-table.ts";
import { type MeterHost, MeterTable } from "../meter/meter-table.ts";
import { finish, type Work } from "../turns.ts";
import { everyRule } from "./every-rule.ts";
import { checkActions, type FlowChange, N_TABLES, type TableChange } from "./flow-mod.ts";
import type { FlowTable } from "./flow-table.ts";
import type { KeptFlowMod } from "./kept-flow-mod.ts";
import { LearnedFlows } from "./learned-flows.ts";
import { noteOptions } from "./option-use.ts";
import { PackedFlow } from "./packed-flow.ts";
import { MatchUnpacker } from "./packed-match.ts";
import type { RecordStore } from "./record-store.ts";
import { RefusedError } from "./refused-error.ts";
import type { Rule } from "./rule.ts";
import { RuleBook } from "./rule-book.ts";
import type { RuleFilter } from "./rule-filter.ts";
import { checkFlow, TableEdit, type Tables } from "./table-edit.ts";
import type { TableEvents } from "./table-events.ts";
import { TableNews } from "./table-news.ts";
import { DEFAULT_TABLE_SETTINGS, type TableSettings } from "./table-settings.ts";
import { TlvTable } from "./tlv-table.ts";
import { Transaction } from "./transaction.ts";

/** Counters of one table. */
export interface TableStats {
  readonly table: number;
  readonly nRules: number;
  readonly nLookups: number;
  readonly nMatches: number;
}

/** How many rules are looked at between two chances for others. */
const RULES_PER_STEP = 32;
/** How many changes that are short are carried out between two chances for others. */
const MODS_PER_STEP = 8;

/** Flow tables 0..254, and the groups that their rules refer to. */
export class Pipeline {
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly tlvTable: TlvTable = new TlvTable();
  /** What packets teach. */
  readonly learned: LearnedFlows;
  readonly #clock: Clock;
  readonly #book = new RuleBook();
  readonly #tables: Tables;
  readonly #news = new TableNews();
  /** Tables that the database says something of. */
  #configured: ReadonlySet<number> = new Set();
  #transaction: Transaction | undefined;
  /** Whether somebody looks at rules, which no transaction changes meanwhile. */
  #isVisited = false;
  /** Whether rules should have expired while a transaction went on. */
  #isExpiryDue = false;
  readonly #unpacker = new MatchUnpacker();

  constructor(clock: Clock, meterHost: MeterHost) {
    this.#clock = clock;
    this.groups = new GroupTable(clock);
    this.meters = new MeterTable(clock, meterHost);
    const check = (actions: readonly Action[], table: number): void => this.checkActions(actions, table);
    this.#tables = { book: this.#book, groups: this.groups, clock, unpacker: this.#unpacker, checkActions: check };
    this.learned = new LearnedFlows(this.#book, this.tlvTable, clock, (change) => this.#teach(change));
  }

  /** Number of rules in all tables. */
  get nRules(): number {
    return this.#book.nRules;
  }

  /** Calls `listener` after each transaction that changed something. @returns stops it */
  onChange(listener: (events: TableEvents) => void): () => void {
    return this.#news.onChange(listener);
  }

  /** The table of a number, 0 to 254; made when it is first asked for. */
  table(number: number): FlowTable {
    return this.#book.table(number);
  }

  /**
   * Carries out all of `mods` or none.
   *
   * @param author - whom listeners are told that this comes from
   * @throws RefusedError of the first that fails, after undoing the others
   */
  apply(mods: Iterable<TableChange>, author?: object): void {
    this.#settle();
    finish(this.#carryOut(mods, author));
  }

  /**
   * {@link apply} in turns: packets find the tables and groups as they were until all is done.
   *
   * Other changes wait if they can, and else bring this one to its end first.
   */
  applying(mods: Iterable<TableChange>, author?: object): Work {
    return this.#transacting(this.#hidden(this.#carryOut(mods, author)));
  }

  /** Goes through a transaction in turns, when the one under way is over. */
  *#transacting(work: Work): Work {
    while (this.isBusy) yield "blocked";
    const transaction = new Transaction(work);
    this.#transaction = transaction;
    while (!transaction.isOver) {
      transaction.step();
      yield;
    }
    if (this.#transaction === transaction) this.#transaction = undefined;
    yield* this.#book.release();
    if (this.#isExpiryDue && !this.isBusy) yield* this.#expireAll(); // or the next that has begun does so
    transaction.check();
  }

  /** Whether a transaction is under way. */
  get isBusy(): boolean {
    return this.#transaction?.isOver === false;
  }

  /** Brings the transaction under way to its end. */
  #settle(): void {
    this.#transaction?.finish();
  }

  /** Hides from packets what a transaction changes until it is published. */
  *#hidden(work: Work): Work {
    this.#book.stage();
    this.groups.stage();
    this.meters.stage();
    try {
      yield* work;
    } finally {
      yield* this.groups.clean();
      yield* this.meters.clean();
      yield* this.#book.clean();
    }
  }

  *#carryOut(mods: Iterable<TableChange>, author?: object): Work {
    const edit = new TableEdit(this.#tables);
    let position = 0;
    try {
      for (const mod of mods) {
        const work = this.#changing(edit, mod);
        if (work !== undefined) yield* work;
        position++;
        if (work !== undefined || position % MODS_PER_STEP === 1) yield;
      }
    } catch (error) {
      if (error instanceof RefusedError) error.position = position;
      yield* edit.takeBack();
      throw error;
    }
    yield* this.#publish(edit, false, author);
  }

  #changing(edit: TableEdit, mod: TableChange): Work | undefined {
    if ("group" in mod) return edit.changeGroups(this.tlvTable.placeFields(mod));
    if ("flow" in mod) return edit.changeFlows(this.#readable(mod));
    mod.check();
    return undefined;
  }

  /** Takes what the database says of a table; rules go when it then holds too many and may evict. */
  configureTable(number: number, settings: TableSettings): void {
    if (isDeepStrictEqual(this.table(number).settings, settings)) return; // nothing to bring a transaction to its end for
    this.#settle();
    finish(this.#configure(number, settings));
  }

  /**
   * Takes in turns what the database says of tables, by their numbers; a table that it says nothing of any more is as any other.
   *
   * Packets meet rules that have to go until all of a table have gone.
   */
  *configuringTables(settings: ReadonlyMap<number, TableSettings>): Work {
    const before = this.#configured;
    this.#configured = new Set([...settings.keys()].filter((number) => number >= 0 && number < N_TABLES - 1));
    for (const number of new Set([...before, ...this.#configured])) {
      const wanted = settings.get(number) ?? DEFAULT_TABLE_SETTINGS;
      if (isDeepStrictEqual(this.table(number).settings, wanted)) continue;
      yield* this.#transacting(this.#hidden(this.#configure(number, wanted)));
    }
  }

  *#configure(number: number, settings: TableSettings): Work {
    const table = this.table(number);
    const edit = new TableEdit(this.#tables);
    yield* table.applySettings(settings);
    while (table.isOverfull && edit.evictFrom(table)) yield;
    yield* this.#publish(edit);
  }

  /** Takes in turns what a controller configures of a table, or of all. @throws RefusedError when there is no such table */
  *applyingTableMod(mod: TableMod): Work {
    if (mod.table !== ALL_TABLES && mod.table >= N_TABLES) {
      throw new RefusedError("OFPTMFC_BAD_TABLE", `there is no table ${mod.table}`);
    }
    const numbers = mod.table === ALL_TABLES ? Array.from({ length: N_TABLES - 1 }, (_, number) => number) : [mod.table];
    for (const number of numbers) yield* this.#transacting(this.#configureByMod(this.table(number), mod));
  }

  *#configureByMod(table: FlowTable, mod: TableMod): Work {
    this.#isVisited = true;
    try {
      yield* this.#news.configure(table, mod);
    } finally {
      this.#isVisited = false;
    }
  }

  /** Lowers the timeouts of a rule that are longer than these, or none; 0 leaves one as it is. */
  lowerTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number): void {
    this.#book.lowerTimeouts(rule, idleTimeout, hardTimeout);
  }

  /** The rules that a statistics request or a loose delete is about, by table, then best priority first. */
  select(filter: RuleFilter): Rule[] {
    this.#settle();
    return [...finish(this.#selectWithin(filter))];
  }

  /** {@link select} in turns: what comes or goes meanwhile may be in it or not; what packets met all the time is, once, as it was or has become. */
  *selecting(filter: RuleFilter): Work<LongList<Rule>> {
    while (this.isBusy) yield "blocked";
    return yield* this.#selectWithin(filter);
  }

  /** Goes through work that selects rules and reads them in turns: those that go meanwhile, too, unless they are very many. */
  reading<Y, T>(work: Generator<Y, T, undefined>): Generator<Y, T, undefined> {
    return this.#book.reading(work);
  }

  /** Shows `visit` the rules that filters are about, while no transaction changes any; what packets teach may be among them or not. */
  visiting(filters: readonly RuleFilter[], visit: (rule: Rule) => void): Work {
    return this.#transacting(this.#visitAll(filters, visit));
  }

  *#visitAll(filters: readonly RuleFilter[], visit: (rule: Rule) => void): Work {
    this.#isVisited = true;
    try {
      for (const filter of filters) {
        let n = 0;
        for (const rule of yield* this.#selectWithin(filter)) {
          visit(rule);
          if (++n % RULES_PER_STEP === 0) yield;
        }
      }
    } finally {
      this.#isVisited = false;
    }
  }

  #selectWithin(filter: RuleFilter): Work<LongList<Rule>> {
    return this.#book.selectWithin({ ...filter, match: this.tlvTable.placeMatch(filter.match) }, true);
  }

  /** Removes the rules whose time is over; a transaction under way does so when it is done. */
  *expiring(): Work {
    yield* this.#book.release();
    if (this.isBusy) this.#isExpiryDue = true;
    else yield* this.#expireAll();
  }

  *#expireAll(): Work {
    this.#isExpiryDue = false;
    const nowMs = this.#clock.monotonicMs();
    let edit = new TableEdit(this.#tables);
    const referring: Rule[] = [];
    let n = 0;
    for (const rule of this.#book.mortal.values()) {
      const reason = rule.reasonToExpire(nowMs);
      if (reason !== undefined && rule.latest.refers) referring.push(rule);
      else if (reason !== undefined) edit.remove(rule, reason);
      if (++n % RULES_PER_STEP !== 0 && edit.rules.length < MODS_PER_STEP) continue;
      finish(this.#publish(edit)); // others may change the tables now
      edit = new TableEdit(this.#tables);
      yield;
      if (!this.isBusy) continue;
      this.#isExpiryDue = true; // a transaction has begun, and lets the others expire when it is done
      return;
    }
    finish(this.#publish(edit));
    if (referring.length > 0) yield* this.#transacting(this.#hidden(this.#expireWithLearned(referring, nowMs)));
  }

  /** Removes rules whose time was over, and what they have taught. */
  *#expireWithLearned(rules: readonly Rule[], nowMs: number): Work {
    const edit = new TableEdit(this.#tables);
    for (const rule of rules) {
      const reason = rule.isHeld ? rule.reasonToExpire(nowMs) : undefined;
      if (reason !== undefined) edit.remove(rule, reason);
      yield;
    }
    yield* this.#publish(edit);
  }

  /** Counters of every table that was ever used. */
  tableStats(): TableStats[] {
    return Array.from({ length: N_TABLES - 1 }, (_, table) => {
      const held = this.#book.usedTable(table);
      return { table, nRules: held?.classifier.size ?? 0, nLookups: held?.nLookups ?? 0, nMatches: held?.nMatches ?? 0 };
    });
  }

  /** Refuses actions that this switch does not have, or that refer to what is not there. @throws RefusedError */
  checkActions(actions: readonly Action[], table: number): void {
    checkActions(actions, table, {
      hasGroup: (id) => this.groups.has(id),
      hasMeter: (id) => this.meters.has(id),
    });
  }

  /** Whether flows go with the one that taught them, however many they are. */
  get hasTeachers(): boolean {
    return this.#book.references.hasLearned;
  }

  /** How many rules refer to a group. */
  referencesToGroup(id: number): number {
    return this.#book.references.countOf("group", id);
  }

  /** How many rules refer to a meter. */
  referencesToMeter(id: number): number {
    return this.#book.references.countOf("meter", id);
  }

  /** Carries out a meter-mod in turns; the rules that refer to a meter go with it. @throws RefusedError */
  applyingMeter(mod: MeterMod): Work {
    return this.#transacting(this.#hidden(this.#carryOutMeter(mod)));
  }

  /** A meter goes with its rules, at once: packets that meet one of them find it. */
  *#carryOutMeter(mod: MeterMod): Work {
    const edit = new TableEdit(this.#tables);
    const { command, meter } = mod;
    const ids = command === "delete" ? this.meters.numbersOf(meter.id) : [meter.id];
    for (const id of ids) {
      if (command === "delete") yield* edit.removeReferring("meter", id);
      this.meters.apply({ ...mod, meter: { ...meter, id } });
      yield;
    }
    yield* this.#publish(edit, command !== "modify");
  }

  /** Carries out in turns a change of the options that tables can see. @throws RefusedError */
  applyingTlvTable(mod: TlvTableMod): Work {
    return this.#transacting(this.#carryOutTlvTable(mod));
  }

  *#carryOutTlvTable(mod: TlvTableMod): Work {
    const used = new Set<number>();
    if (mod.command !== "add") {
      yield* noteOptions(yield* this.#selectWithin(everyRule()), used);
      yield* noteOptions(this.groups.select(GROUP.ALL), used);
    }
    this.tlvTable.apply(mod, (index) => used.has(index));
  }

  /**
   * A flow-mod that is carried out later, in little memory: in a store that goes with those that are kept together. What is
   * wrong with it is told now, unless that depends on what comes before it: then when its turn comes.
   *
   * @throws RefusedError
   */
  keep(flow: FlowSpec, command: FlowModCommand, store: RecordStore): KeptFlowMod {
    const kept = this.#book.pack(flow, command, store);
    if (command.startsWith("delete") || kept.refers || this.tlvTable.concerns(flow)) return kept;
    checkFlow(this.#tables, flow, false);
    kept.isReady = command === "add" && flow.table !== ALL_TABLES;
    return kept;
  }

  /** A rule for a flow, which is in no table, in a store that goes with it. */
  ruleOf(flow: FlowSpec, store: RecordStore): Rule {
    return this.#book.ruleOf(flow, store);
  }

  /** A flow-mod with its match and options as tables have them; its match is good until the next. @throws RefusedError */
  #readable(change: FlowChange): FlowChange {
    const { flow: given } = change;
    const isPacked = given instanceof PackedFlow;
    if (isPacked && given.isReady) return change;
    const flow = this.tlvTable.placeFlow(isPacked ? given.withMatch(this.#unpacker.unpack(given.match)) : given);
    return flow === given ? change : { ...change, flow };
  }

  /**
   * Carries out what a packet teaches, which packets see at once. A transaction under way is brought to its end only if it has to
   * do with the same flow, or with a table that has no room for another.
   */
  #teach(change: FlowChange): void {
    const { match, priority } = change.flow;
    const table = this.table(change.flow.table);
    if (this.#isVisited) return finish(this.#carryOut([change]));
    if (!this.#book.isStaged || table.classifier.holds(match.key, match.mask, priority)) return this.apply([change]);
    // It might evict what nobody has heard of, or what has taught others, which go with it.
    if (table.isFull && (this.#book.hidesChangesOf(table) || this.hasTeachers)) return this.apply([change]);
    const edit = new TableEdit(this.#tables);
    try {
      const work = edit.changeFlows(change);
      if (work !== undefined) finish(work);
    } catch (error) {
      finish(edit.takeBack());
      throw error;
    }
    for (let i = 0; i < edit.rules.length; i++) if (edit.rules.type(i) === "added") table.classifier.show(edit.rules.rule(i));
    finish(this.#show(edit));
  }

  /** Ends a transaction. */
  *#publish(edit: TableEdit, haveMetersChanged = false, author?: object): Work {
    const removing = edit.removeOrphans();
    if (removing !== undefined) yield* removing;
    this.#book.publish();
    this.groups.publish();
    this.meters.publish();
    yield* this.#show(edit, haveMetersChanged, author);
  }

  /** Shows packets what an edit came to, and tells listeners; its rules have the new terms for their own then. */
  *#show(edit: TableEdit, haveMetersChanged = false, author?: object): Work {
    edit.publish();
    const telling = this.#news.tell(edit, haveMetersChanged, author);
    if (telling !== undefined) yield* telling;
    const settling = edit.settle();
    if (settling !== undefined) yield* settling;
  }
}
