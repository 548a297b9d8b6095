/**
 * The flow tables of one bridge and what flow-mods do to them.
 *
 * Every change is one transaction: a bundle of flow-mods applies whole, or is undone and leaves no trace.
 * Whoever depends on the tables (the megaflow cache, controllers) is told after it, once, what changed.
 */
import type { Clock } from "@tenet/kit";
import { FIELDS, type FieldSpec, makeFlowKey } from "@tenet/net";
import {
  type Action,
  ALL_TABLES,
  FLOW_FLAG,
  type FlowRemovedReason,
  type FlowSpec,
  GROUP,
  type GroupMod,
  type Match,
  type MeterMod,
  type TableMod,
  type TableStatus,
  type TlvTableMod,
} from "@tenet/openflow";
import type { Classifier } from "@tenet/classifier";
import { GroupTable } from "../group/group-table.ts";
import { type MeterHost, MeterTable } from "../meter/meter-table.ts";
import { finish, type Work } from "../turns.ts";
import { FlowTable } from "./flow-table.ts";
import { checkConsistency } from "./check-consistency.ts";
import { checkActions, type FlowChange, N_TABLES, type TableChange } from "./flow-mod.ts";
import { everyRule } from "./every-rule.ts";
import { mapFields } from "./map-fields.ts";
import { PackedMatch } from "./packed-match.ts";
import { learnedId, ReferenceIndex } from "./reference-index.ts";
import { RefusedError } from "./refused-error.ts";
import { conjunctionsOf, Rule } from "./rule.ts";
import { passes, type RuleFilter } from "./rule-filter.ts";
import type { RuleEvent, TableEvents } from "./table-events.ts";
import { DEFAULT_TABLE_SETTINGS, type TableSettings } from "./table-settings.ts";
import { Transaction } from "./transaction.ts";
import { TlvTable } from "./tlv-table.ts";

/** Counters of one table. */
export interface TableStats {
  readonly table: number;
  readonly nRules: number;
  readonly nLookups: number;
  readonly nMatches: number;
}

/** A rule that was added, and the one whose place it took. */
interface Addition {
  readonly rule: Rule;
  readonly displaced: Rule | undefined;
}

/** How many rules are looked at between two chances for others. */
const RULES_PER_STEP = 256;
/** How many rules a bridge holds at most. */
const MAX_RULES = 1_000_000;
const NO_STATUSES: readonly TableStatus[] = [];

/** Flow tables 0..254, and the groups that their rules refer to. */
export class Pipeline {
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly tlvTable: TlvTable = new TlvTable();
  readonly #clock: Clock;
  readonly #tables: (FlowTable | undefined)[] = Array.from({ length: N_TABLES });
  readonly #listeners = new Set<(events: TableEvents) => void>();
  readonly #references = new ReferenceIndex();
  /** Tables that the database says something of. */
  #configured: ReadonlySet<number> = new Set();
  /** Tables that controllers hear of when they fill or empty. */
  readonly #watched = new Set<FlowTable>();
  /** Rules that have a timeout. */
  readonly #mortal = new Set<Rule>();
  /** Learned flows that nothing may refer to any more, by `learnedId`. */
  readonly #orphans = new Set<bigint>();
  #transaction: Transaction | undefined;
  /** While a transaction goes on in turns: what it hides its changes in. */
  #staged: Set<Classifier<Rule>> | undefined;
  #undo: (Addition | (() => void))[] = [];
  #events: RuleEvent[] = [];
  #groupEvents: number[] = [];
  #meterEvents: number[] = [];
  #nRules = 0;
  readonly #unpackedKey = makeFlowKey();

  constructor(clock: Clock, meterHost: MeterHost) {
    this.#clock = clock;
    this.groups = new GroupTable(clock);
    this.meters = new MeterTable(clock, meterHost);
  }

  /** Number of rules in all tables. */
  get nRules(): number {
    return this.#nRules;
  }

  /** Calls `listener` after each transaction that changed something. @returns stops it */
  onChange(listener: (events: TableEvents) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The table of a number, 0 to 254; made when it is first asked for. */
  table(number: number): FlowTable {
    let table = this.#tables[number];
    if (table === undefined) {
      table = new FlowTable(number, MAX_RULES);
      this.#tables[number] = table;
    }
    return table;
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
   * {@link apply} in turns, for flow-mods that only add and delete: packets find the tables as they were until all is done.
   *
   * Other changes wait if they can, and else bring this one to its end first.
   */
  *applying(mods: Iterable<TableChange>, author?: object): Work {
    while (this.isBusy) yield "blocked";
    const transaction = new Transaction(this.#carryOutStaged(mods, author));
    this.#transaction = transaction;
    while (!transaction.isOver) {
      transaction.step();
      yield;
    }
    if (this.#transaction === transaction) this.#transaction = undefined;
    transaction.check();
  }

  /** Whether {@link applying} is under way. */
  get isBusy(): boolean {
    return this.#transaction?.isOver === false;
  }

  /** Brings the transaction under way to its end. */
  #settle(): void {
    this.#transaction?.finish();
  }

  *#carryOutStaged(mods: Iterable<TableChange>, author: object | undefined): Work {
    this.#staged = new Set();
    try {
      yield* this.#carryOut(mods, author);
    } finally {
      const staged = this.#staged;
      this.#staged = undefined;
      for (const classifier of staged) classifier.unstage(); // those that were not published: all was taken back
      for (const classifier of staged) yield* classifier.clean();
    }
  }

  *#carryOut(mods: Iterable<TableChange>, author: object | undefined): Work {
    let position = 0;
    try {
      for (const mod of mods) {
        if ("check" in mod) mod.check();
        else if ("group" in mod) this.#applyToGroups(mod);
        else yield* this.#applyOne(mod);
        position++;
        yield;
      }
    } catch (error) {
      if (error instanceof RefusedError) error.position = position;
      for (const undo of this.#undo.reverse()) {
        this.#takeBack(undo);
        yield;
      }
      this.#undo = [];
      this.#events = [];
      this.#groupEvents = [];
      this.#orphans.clear();
      throw error;
    }
    this.#publish(author);
  }

  /** Takes what the database says of a table; rules go when it then holds too many and may evict. */
  configureTable(number: number, settings: TableSettings): void {
    this.#settle();
    const table = this.table(number);
    table.settings = settings;
    while (table.isOverfull && this.#evictFrom(table, undefined));
    this.#publish();
  }

  /** Takes what the database says of tables, by their numbers; a table that it says nothing of any more is as any other. */
  configureTables(settings: ReadonlyMap<number, TableSettings>): void {
    for (const number of this.#configured) if (!settings.has(number)) this.configureTable(number, DEFAULT_TABLE_SETTINGS);
    this.#configured = new Set([...settings.keys()].filter((number) => number >= 0 && number < N_TABLES - 1));
    for (const number of this.#configured) this.configureTable(number, settings.get(number) ?? DEFAULT_TABLE_SETTINGS);
  }

  /** Takes what a controller configures of a table, or of all. @throws RefusedError when there is no such table */
  applyTableMod(mod: TableMod): void {
    if (mod.table !== ALL_TABLES && mod.table >= N_TABLES) {
      throw new RefusedError("OFPTMFC_BAD_TABLE", `there is no table ${mod.table}`);
    }
    const numbers = mod.table === ALL_TABLES ? Array.from({ length: N_TABLES - 1 }, (_, number) => number) : [mod.table];
    for (const number of numbers) {
      const table = this.table(number);
      table.configure(mod);
      if (table.isWatched) this.#watched.add(table);
      else this.#watched.delete(table);
    }
  }

  /** The rules of a table, to be changed: hidden from packets while a transaction goes on in turns. */
  #changeable(table: number): Classifier<Rule> {
    const { classifier } = this.table(table);
    if (this.#staged !== undefined && !this.#staged.has(classifier)) {
      this.#staged.add(classifier);
      classifier.stage();
    }
    return classifier;
  }

  /**
   * Adds a learned flow, or refreshes the one that is there.
   *
   * @param limit - flows with its cookie in its table beyond which none is added; 0 = no limit
   * @returns whether the flow is there afterwards
   */
  learn(asTaught: FlowSpec, limit: number): boolean {
    this.#settle();
    const flow = this.#placed(asTaught);
    const { classifier } = this.table(flow.table);
    const found = classifier.find(flow.match.key, flow.match.mask, flow.priority);
    if (found?.isLike(flow) === true) {
      found.modifiedMs = this.#clock.monotonicMs();
      return true;
    }
    if (limit > 0 && this.#isLearnedFull(flow, limit)) return false;
    const change: FlowChange = { command: "modifyStrict", flow, isUpsert: true };
    try {
      this.apply([change]);
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw error;
    }
    return true;
  }

  /** Whether a learned flow is in its table as it is. */
  hasLearned(asTaught: FlowSpec): boolean {
    const flow = this.#placed(asTaught);
    const { classifier } = this.table(flow.table);
    return classifier.find(flow.match.key, flow.match.mask, flow.priority)?.isLike(flow) === true;
  }

  /** Lowers the timeouts of a rule that are longer than these, or none; 0 leaves one as it is. */
  lowerTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number): void {
    rule.idleTimeout = lower(rule.idleTimeout, idleTimeout);
    rule.hardTimeout = lower(rule.hardTimeout, hardTimeout);
    const { key, mask } = rule.match;
    const isHere = this.table(rule.table).classifier.find(key, mask, rule.priority) === rule;
    if (isHere && rule.isMortal) this.#mortal.add(rule);
  }

  #isLearnedFull({ table, cookie }: FlowSpec, limit: number): boolean {
    let n = 0;
    for (const rule of this.table(table).classifier.rules()) if (rule.cookie === cookie && ++n >= limit) return true;
    return false;
  }

  /** The rules that a statistics request or a loose delete is about, by table, then best priority first. */
  select(filter: RuleFilter): Rule[] {
    this.#settle();
    return finish(this.#selectWithin(filter));
  }

  /** {@link select} in turns: what changes meanwhile may be in it or not, what does not change is. */
  *selecting(filter: RuleFilter): Work<Rule[]> {
    while (this.isBusy) yield "blocked";
    return yield* this.#selectWithin(filter);
  }

  *#selectWithin(filter: RuleFilter): Work<Rule[]> {
    const rules: Rule[] = [];
    const match = this.tlvTable.placeMatch(filter.match);
    for (const [number, table] of this.#tables.entries()) {
      if (table === undefined || (filter.table !== ALL_TABLES && filter.table !== number)) continue;
      yield* table.classifier.collectWithin(match, (rule) => passes(rule, filter), rules);
    }
    return rules;
  }

  /** Removes the rules whose time is over. */
  *expiring(): Work {
    if (this.isBusy) return; // the next time will do
    const nowMs = this.#clock.monotonicMs();
    let n = 0;
    for (const rule of this.#mortal) {
      const reason = rule.reasonToExpire(nowMs);
      if (reason !== undefined) this.#remove(rule, reason);
      if (++n % RULES_PER_STEP !== 0) continue;
      this.#publish(); // others may change the tables now
      yield;
    }
    this.#publish();
  }

  /** Counters of every table that was ever used. */
  tableStats(): TableStats[] {
    return Array.from({ length: N_TABLES - 1 }, (_, table) => {
      const held = this.#tables[table];
      return { table, nRules: held?.classifier.size ?? 0, nLookups: held?.nLookups ?? 0, nMatches: held?.nMatches ?? 0 };
    });
  }

  /** Refuses actions that this switch does not have, or that refer to what is not there. @throws RefusedError */
  checkActions(actions: readonly Action[], table: number): void {
    checkActions(actions, table, {
      hasGroup: (id) => this.groups.get(id) !== undefined,
      hasMeter: (id) => this.meters.get(id) !== undefined,
    });
  }

  /** How many rules refer to a group. */
  referencesToGroup(id: number): number {
    return this.#references.countOf("group", id);
  }

  /** How many rules refer to a meter. */
  referencesToMeter(id: number): number {
    return this.#references.countOf("meter", id);
  }

  /** Carries out a meter-mod; the rules that refer to a meter go with it. @throws RefusedError */
  applyMeter(mod: MeterMod): void {
    this.#settle();
    const { added, deleted } = this.meters.apply(mod);
    this.#meterEvents.push(...added, ...deleted);
    for (const id of deleted) for (const rule of this.#references.rulesOf("meter", id)) this.#remove(rule, "meter");
    this.#publish();
  }

  /** Carries out a change of the options that tables can see. @throws RefusedError */
  applyTlvTable(mod: TlvTableMod): void {
    this.#settle();
    this.tlvTable.apply(mod, (index) => {
      let isUsed = false;
      const note = (field: FieldSpec): FieldSpec => {
        isUsed ||= field.presentBit === index;
        return field;
      };
      for (const { match, actions } of this.select(everyRule())) {
        isUsed ||= match.options?.some((option) => option.index === index) === true;
        mapFields(actions, note);
      }
      for (const { spec } of this.groups.select(GROUP.ALL)) mapFields(spec, note);
      return isUsed;
    });
  }

  #applyToGroups(mod: GroupMod): void {
    const { touched, deleted, undo } = this.groups.apply(this.tlvTable.placeFields(mod));
    this.#undo.push(undo);
    this.#groupEvents.push(...touched);
    for (const id of deleted) for (const rule of this.#references.rulesOf("group", id)) this.#remove(rule, "group");
  }

  *#applyOne({ command, flow: asGiven, isUpsert = false }: FlowChange): Work {
    const flow = this.#placed(this.#unpacked(asGiven));
    if (!command.startsWith("delete")) {
      if (flow.table === N_TABLES - 1) throw new RefusedError("OFPBRC_EPERM", `table ${flow.table} is the switch's own`);
      if (isOfTheDatapath(flow.match)) throw new RefusedError("OFPBRC_EPERM", "recirc_id and dp_hash are the switch's own");
      this.checkActions(flow.actions, flow.table === ALL_TABLES ? 0 : flow.table);
      checkConsistency(flow.actions, flow.match, isUpsert);
    }
    const isStrict = command === "modifyStrict" || command === "deleteStrict";
    switch (command) {
      case "add":
        return this.#add(flow);
      case "modify":
      case "modifyStrict": {
        const { outPort: _port, outGroup: _group, ...filter } = flow;
        const rules = isStrict ? this.#selectStrict(filter) : yield* this.#selectWithin(filter);
        for (const rule of rules) this.#modify(rule, flow, isUpsert);
        if (rules.length === 0 && isUpsert && (flow.cookieMask ?? 0n) === 0n) this.#add(flow);
        return;
      }
      case "delete":
      case "deleteStrict":
        for (const rule of isStrict ? this.#selectStrict(flow) : yield* this.#selectWithin(flow)) {
          this.#remove(rule, "delete");
          yield;
        }
    }
  }

  /** The flow with options of tunnel headers where they lie in a FlowKey. @throws RefusedError when one is not mapped */
  #placed(flow: FlowSpec): FlowSpec {
    const match = this.tlvTable.placeMatch(flow.match);
    const actions = this.tlvTable.placeFields(flow.actions);
    return match === flow.match && actions === flow.actions ? flow : { ...flow, match, actions };
  }

  /** A flow whose match can be read again and again; it is good until the next. */
  #unpacked(flow: FlowSpec): FlowSpec {
    const { match } = flow;
    if (!(match instanceof PackedMatch)) return flow;
    const key = this.#unpackedKey.fill(0);
    match.unpack(key);
    return { ...flow, match: { key, mask: match.mask, options: match.options } };
  }

  #add(flow: FlowSpec): void {
    const table = flow.table === ALL_TABLES ? 0 : flow.table;
    if (table >= N_TABLES) throw new RefusedError("OFPFMFC_BAD_TABLE_ID", `there is no table ${table}`, "Use 0 to 253");
    const classifier = this.#changeable(table);
    const { key, mask } = flow.match;
    const checksOverlap = (flow.flags & FLOW_FLAG.CHECK_OVERLAP) !== 0 && classifier.find(key, mask, flow.priority) === undefined;
    if (checksOverlap && classifier.overlaps(flow.match, flow.priority)) {
      const hint = "Give it another priority, or leave out check_overlap";
      throw new RefusedError("OFPFMFC_OVERLAP", "a flow of this priority overlaps", hint);
    }
    const rule = new Rule(flow, table, classifier.sharedMask(flow.match.mask), this.#clock.monotonicMs());
    const displaced = classifier.insert(rule, flow.match);
    this.#live(rule);
    if (displaced !== undefined) this.#bury(displaced);
    this.#undo.push({ rule, displaced });
    const held = this.table(table);
    if ((held.isOverfull && !this.#evictFrom(held, rule)) || this.#nRules > MAX_RULES) {
      throw new RefusedError("OFPFMFC_TABLE_FULL", `table ${table} holds ${held.limit} flows`, "Delete some");
    }
    if (displaced !== undefined) this.#events.push({ type: "removed", rule: displaced });
    this.#events.push({ type: "added", rule });
  }

  #takeBack(undo: Addition | (() => void)): void {
    if (typeof undo === "function") return undo();
    const { rule, displaced } = undo;
    const classifier = this.#changeable(rule.table);
    classifier.remove(rule);
    this.#bury(rule);
    if (displaced === undefined) return;
    classifier.insert(displaced);
    this.#live(displaced);
  }

  /** Removes a rule of a full table. @returns whether one may go */
  #evictFrom(table: FlowTable, newcomer: Rule | undefined): boolean {
    const victim = table.victimFor(newcomer);
    if (victim === undefined) return false;
    this.#remove(victim, "eviction");
    return true;
  }

  #modify(rule: Rule, flow: FlowSpec, setsCookie: boolean): void {
    const { classifier } = this.table(rule.table);
    const { actions, cookie, modifiedMs, nPackets, nBytes } = rule;
    const change = (next: Pick<Rule, "actions" | "cookie" | "modifiedMs" | "nPackets" | "nBytes">): void => {
      const conjunctions = conjunctionsOf(next.actions);
      const isSameKind = conjunctions === undefined && rule.conjunctions === undefined;
      if (!isSameKind) classifier.remove(rule);
      this.#forgetReferences(rule);
      Object.assign(rule, next, { conjunctions });
      this.#references.add(rule);
      if (!isSameKind) classifier.insert(rule);
    };
    const counts = (flow.flags & FLOW_FLAG.RESET_COUNTS) === 0 ? { nPackets, nBytes } : { nPackets: 0, nBytes: 0 };
    const nextCookie = setsCookie ? flow.cookie : cookie;
    change({ actions: flow.actions, cookie: nextCookie, modifiedMs: this.#clock.monotonicMs(), ...counts });
    this.#undo.push(() => change({ actions, cookie, modifiedMs, nPackets, nBytes }));
    this.#events.push({ type: "modified", rule });
  }

  #remove(rule: Rule, reason: FlowRemovedReason): void {
    const classifier = this.#changeable(rule.table);
    classifier.remove(rule);
    this.#bury(rule);
    this.#undo.push(() => {
      classifier.insert(rule);
      this.#live(rule);
    });
    this.#events.push({ type: "removed", rule, reason });
  }

  #selectStrict(filter: RuleFilter & { readonly priority: number }): Rule[] {
    const { key, mask } = filter.match;
    return this.#tables.flatMap((table, number) => {
      if (table === undefined || (filter.table !== ALL_TABLES && filter.table !== number)) return [];
      const rule = table.classifier.find(key, mask, filter.priority);
      return rule !== undefined && passes(rule, filter) ? [rule] : [];
    });
  }

  #live(rule: Rule): void {
    this.#nRules++;
    this.#references.add(rule);
    if (rule.isMortal) this.#mortal.add(rule);
  }

  #bury(rule: Rule): void {
    this.#nRules--;
    this.#forgetReferences(rule);
    this.#mortal.delete(rule);
  }

  #forgetReferences(rule: Rule): void {
    for (const id of this.#references.remove(rule)) this.#orphans.add(id);
  }

  /** Removes what was learned by rules that are gone; it may have learned in turn. */
  #removeOrphans(): void {
    for (const id of this.#orphans) {
      this.#orphans.delete(id);
      if (this.#references.countOf("learned", id) > 0) continue;
      const rules = [...this.table(Number(id & 0xffn)).classifier.rules()];
      for (const rule of rules) if (learnedId(rule.table, rule.cookie) === id) this.#remove(rule, "delete");
    }
  }

  #publish(author?: object): void {
    if (this.#orphans.size > 0) this.#removeOrphans();
    for (const classifier of this.#staged ?? []) classifier.publish();
    const events = {
      rules: this.#events,
      groups: this.#groupEvents,
      meters: this.#meterEvents,
      statuses: this.#watched.size === 0 ? NO_STATUSES : this.#statuses(),
      author,
    };
    this.#events = [];
    this.#groupEvents = [];
    this.#meterEvents = [];
    this.#undo = [];
    if (events.rules.length + events.groups.length + events.meters.length + events.statuses.length === 0) return;
    for (const listener of this.#listeners) listener(events);
  }

  #statuses(): TableStatus[] {
    return [...this.#watched].flatMap((table) => {
      const reason = table.takeVacancyEvent();
      return reason === undefined ? [] : [{ type: "tableStatus" as const, reason, desc: table.describe() }];
    });
  }
}

/** Whether a match is on what the datapath and this switch tell each other of a packet. */
function isOfTheDatapath({ mask }: Match): boolean {
  return (mask[FIELDS.recirc_id.word] ?? 0) !== 0 || (mask[FIELDS.dp_hash.word] ?? 0) !== 0;
}

function lower(timeout: number, to: number): number {
  return to !== 0 && (timeout === 0 || timeout > to) ? to : timeout;
}
