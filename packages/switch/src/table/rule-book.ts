/**
 * The rules of all tables of a bridge, and which of them have a timeout, refer to a group or a meter, or learn.
 *
 * Single changes alone; what belongs together, and is undone together, is in table-edit.ts. While changes go on in turns they
 * are hidden from packets: {@link RuleBook.stage}, then {@link RuleBook.publish}, then {@link RuleBook.clean}.
 */
import { type Classifier, LongList } from "@tenet/classifier";
import { ALL_TABLES, type FlowModCommand, type FlowSpec } from "@tenet/openflow";
import type { Work } from "../turns.ts";
import { CookieCounts } from "./cookie-counts.ts";
import { N_TABLES } from "./flow-mod.ts";
import { FlowTable } from "./flow-table.ts";
import { KeptFlowMod } from "./kept-flow-mod.ts";
import { ReferenceIndex } from "./reference-index.ts";
import type { FlowTerms } from "./packed-flow.ts";
import { Shapes } from "./packed-match.ts";
import { RecordStore } from "./record-store.ts";
import { type Publication, Revision, Rule } from "./rule.ts";
import { passes, type RuleFilter } from "./rule-filter.ts";
import { makeRuleSet, type RuleSet } from "./rule-set.ts";

/** How many rules a bridge holds at most. */
export const MAX_RULES = 1_000_000;

/** How many records are given back between two chances for others. */
const RECORDS_PER_STEP = 256;
/** Of so many flows that went records are kept for those who read them. */
const MAX_KEPT_RECORDS = 131_072;

/** Rules by table. */
export class RuleBook {
  readonly references: ReferenceIndex = new ReferenceIndex();
  readonly cookies: CookieCounts = new CookieCounts();
  /** Rules that have a timeout. */
  readonly mortal: RuleSet = makeRuleSet();
  readonly #tables: (FlowTable | undefined)[] = Array.from({ length: N_TABLES });
  /** While changes are hidden: what they are hidden in. */
  #staged: Set<Classifier<Rule>> | undefined;
  /** What there is to be taken out of. */
  readonly #published: Classifier<Rule>[] = [];
  /** Where the records of rules lie. */
  readonly #store = new RecordStore();
  readonly #shapes = new Shapes();
  /** Rules that went, and revisions that others took the place of, since the last {@link release}. */
  #left = new LongList<Rule | Revision>();
  /** Who reads rules that may have gone since he found them. */
  #nReaders = 0;
  #isStaged = false;
  #nRules = 0;

  /** Number of rules in all tables. */
  get nRules(): number {
    return this.#nRules;
  }

  /** Whether changes are hidden from packets, or what they removed is still to be taken out. */
  get isStaged(): boolean {
    return this.#isStaged;
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

  /** The table of a number if it was ever asked for. */
  usedTable(number: number): FlowTable | undefined {
    return this.#tables[number];
  }

  /** A flow-mod in little memory, in a store that goes with what it is kept for. */
  pack(flow: FlowSpec, command: FlowModCommand, store: RecordStore): KeptFlowMod {
    return new KeptFlowMod(command, flow, this.#shapes.of(flow.match.mask), store);
  }

  /** A rule for a flow, to be inserted now; a match that was lent is the rule's own then. */
  ruleOf(flow: FlowSpec, store: RecordStore = this.#store): Rule {
    const inTable = flow.table === ALL_TABLES ? { ...flow, table: 0 } : flow;
    return new Rule(inTable, this.#shapes.of(flow.match.mask), store);
  }

  /**
   * Adds a rule.
   *
   * @param orphans - gets what learned flows no rule refers to any more, a number for each, as of `learnedFrom`
   * @returns the rule whose place it took
   */
  insert(rule: Rule, orphans: LongList<bigint>): Rule | undefined {
    const displaced = this.#changeable(rule.table).insert(rule);
    this.#nRules++;
    rule.isHeld = true;
    this.references.add(rule);
    this.cookies.add(rule);
    this.#noteEnd(rule);
    if (displaced !== undefined) this.#bury(displaced, orphans);
    return displaced;
  }

  /** Removes a rule. */
  remove(rule: Rule, orphans: LongList<bigint>): void {
    this.#changeable(rule.table).remove(rule);
    this.#bury(rule, orphans);
  }

  /** New terms for a rule, which {@link revise} gives it. */
  revisionOf(rule: Rule, terms: FlowTerms, publication: Publication): Revision {
    return new Revision(rule, this.#shapes.of(rule.match.mask), this.#store, terms, publication);
  }

  /** Gives a rule other terms, which packets see when they are published, or takes them back. @returns those it had */
  revise(rule: Rule, revision: Revision | undefined, orphans: LongList<bigint>): Revision | undefined {
    const before = rule.revision;
    this.#changeable(rule.table);
    this.references.remove(rule, orphans);
    this.cookies.remove(rule);
    rule.revision = revision;
    this.references.add(rule);
    this.cookies.add(rule);
    this.#noteConjunctions(rule);
    return before;
  }

  /** A revision that is a rule's no more: another took its place, or it was taken back. */
  drop(revision: Revision): void {
    this.#left.push(revision);
  }

  /** Goes through work that reads rules which it found, also such as go meanwhile: their records are kept, unless those are very many. */
  *reading<Y, T>(work: Generator<Y, T, undefined>): Generator<Y, T, undefined> {
    this.#nReaders++;
    try {
      return yield* work;
    } finally {
      this.#nReaders--;
    }
  }

  /**
   * Gives the records of what went back, some at a time; while changes are hidden, none: they are kept for the next time.
   *
   * Never from within a change: the packet that teaches a flow may have met the one that goes for it.
   */
  *release(): Work {
    const left = this.#left;
    const isRead = this.#isStaged || (this.#nReaders > 0 && left.length < MAX_KEPT_RECORDS);
    if (left.length === 0 || isRead) return;
    this.#left = new LongList();
    let n = 0;
    for (const flow of left) {
      if (this.#isStaged)
        this.#left.push(flow); // what came back may be about to go again, while packets see it
      else if (!flow.isHeld || flow instanceof Revision) flow.release(); // or it came back
      if (++n % RECORDS_PER_STEP === 0) yield;
    }
  }

  /** Makes terms that were published a rule's own. */
  settle(rule: Rule): void {
    rule.settle();
    this.#noteConjunctions(rule);
  }

  /** Lowers the timeouts of a rule that are longer than these, or none; 0 leaves one as it is. */
  lowerTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number): void {
    if (rule.isReleased) return;
    rule.idleTimeout = lower(rule.idleTimeout, idleTimeout);
    rule.hardTimeout = lower(rule.hardTimeout, hardTimeout);
    if (this.holds(rule)) this.#noteEnd(rule);
  }

  /** Whether a rule is in its table. */
  holds(rule: Rule): boolean {
    return this.table(rule.table).classifier.has(rule);
  }

  /** The rules that pass a filter and whose match is within its own; by table. Changes that are hidden count, unless it is for `packets`. */
  *selectWithin(filter: RuleFilter, isForPackets = false): Work<LongList<Rule>> {
    const rules = new LongList<Rule>();
    for (const table of this.#tablesAsked(filter)) {
      yield* table.classifier.collectWithin(filter.match, (rule) => passes(rule, filter), rules, isForPackets);
    }
    return rules;
  }

  /** The rules that pass a filter and have just its match and priority. */
  selectStrict(filter: RuleFilter & { readonly priority: number }): Rule[] {
    const { key, mask } = filter.match;
    return this.#tablesAsked(filter).flatMap(({ classifier }) => {
      const rule = classifier.find(key, mask, filter.priority);
      return rule !== undefined && passes(rule, filter) ? [rule] : [];
    });
  }

  /** Whether something changed in a table that is hidden from packets. */
  hidesChangesOf({ classifier }: FlowTable): boolean {
    return this.#staged?.has(classifier) === true;
  }

  /** Hides from packets what changes from now on. */
  stage(): void {
    this.#isStaged = true;
    this.#staged = new Set();
  }

  /** Shows packets what changed since {@link stage}, at once, and hides nothing any more. */
  publish(): void {
    for (const classifier of this.#staged ?? []) {
      classifier.publish();
      this.#published.push(classifier);
    }
    this.#staged = undefined;
  }

  /** Takes out what went; of what was not published all has been taken back. */
  *clean(): Work {
    const rest = [...this.#published.splice(0), ...(this.#staged ?? [])];
    this.#staged = undefined;
    for (const classifier of rest) classifier.unstage();
    for (const classifier of rest) yield* classifier.clean();
    this.#isStaged = false;
  }

  /** The rules of a table, to be changed. */
  #changeable(table: number): Classifier<Rule> {
    const { classifier } = this.table(table);
    if (this.#staged !== undefined && !this.#staged.has(classifier)) {
      this.#staged.add(classifier);
      classifier.stage();
    }
    return classifier;
  }

  /** Lookups take care of conjunctions while any rule has some, or may have any moment. */
  #noteConjunctions(rule: Rule): void {
    const { conjunctions, latest } = rule;
    this.table(rule.table).classifier.setSoft(rule, conjunctions !== undefined || latest.conjunctions !== undefined);
  }

  #bury(rule: Rule, orphans: LongList<bigint>): void {
    this.#nRules--;
    rule.isHeld = false;
    this.#left.push(rule);
    this.references.remove(rule, orphans);
    this.cookies.remove(rule);
    this.mortal.delete(rule);
    this.table(rule.table).forgetEnd(rule);
  }

  #noteEnd(rule: Rule): void {
    if (!rule.isMortal) return;
    this.mortal.set(rule, rule);
    this.table(rule.table).noteEnd(rule);
  }

  #tablesAsked({ table }: RuleFilter): readonly FlowTable[] {
    const asked = table === ALL_TABLES ? this.#tables : [this.#tables[table]];
    return asked.filter((each) => each !== undefined);
  }
}

function lower(timeout: number, to: number): number {
  return to !== 0 && (timeout === 0 || timeout > to) ? to : timeout;
}
