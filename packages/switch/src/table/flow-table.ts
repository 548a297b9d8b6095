/** One flow table: its rules, in a classifier, and what its lookups came to. */
import { Classifier } from "@tenet/classifier";
import { EVICTION_FLAGS, TABLE_CONFIG, type TableDesc, type TableMiss, type TableMod } from "@tenet/openflow";
import { isDeepStrictEqual } from "node:util";
import type { Work } from "../turns.ts";
import { EvictionIndex, type EvictionOrder } from "./eviction.ts";
import { DEFAULT_TABLE_SETTINGS, type TableSettings, type VacancyWatch } from "./table-settings.ts";
import type { Rule } from "./rule.ts";

/** A table that was looked at and the rule found there; one object for all packets that fare so. */
export interface TableVisit {
  readonly table: FlowTable;
  /** What its packets count for: another rule when that has taken the place of the one that they found. */
  rule: Rule | undefined;
  /** How many megaflows stand for it, and while any do, by which number: the cache's own. */
  nKept: number;
  number: number;
}

/** A table of a bridge. */
export class FlowTable {
  /** 0 to 254. */
  readonly number: number;
  readonly classifier: Classifier<Rule> = new Classifier<Rule>();
  /** Flows that controllers neither see nor change, before all others; to be changed by `VirtualSwitch.setHiddenFlows`. */
  hidden: Classifier<Rule> | undefined;
  /** What a controller of OpenFlow 1.1 or 1.2 has done with packets that find no flow; absent = what the bridge does. */
  onMiss: TableMiss | undefined;
  #settings = DEFAULT_TABLE_SETTINGS;
  nLookups = 0;
  nMatches = 0;
  /** How many visits of this table cached megaflows stand for: without any, its rules change and no megaflow is wrong. */
  nDependents = 0;
  readonly #miss: TableVisit = { table: this, rule: undefined, nKept: 0, number: 0 };

  readonly #maxRules: number;
  /** Whether a controller asked for eviction. */
  #isEvictingByImportance = false;
  #vacancy: VacancyWatch | undefined;
  /** Rules that go when others need their room; absent where none does. */
  #eviction: EvictionIndex | undefined;

  /** @param maxRules - how many rules it holds, if the database does not say less */
  constructor(number: number, maxRules: number) {
    this.number = number;
    this.#maxRules = maxRules;
  }

  /** What the database says. */
  get settings(): TableSettings {
    return this.#settings;
  }

  /** How many rules it holds. */
  get limit(): number {
    return Math.min(this.settings.flowLimit ?? Infinity, this.#maxRules);
  }

  /** Whether controllers hear of how full it is. */
  get isWatched(): boolean {
    return this.#vacancy !== undefined;
  }

  /** Whether one more would be too many. */
  get isFull(): boolean {
    return this.classifier.size >= this.limit;
  }

  get isOverfull(): boolean {
    return this.classifier.size > this.limit;
  }

  /** A rule with a timeout came, or another end of it. */
  noteEnd(rule: Rule): void {
    this.#eviction?.note(rule);
  }

  /** A rule is to go. */
  forgetEnd(rule: Rule): void {
    this.#eviction?.forget(rule);
  }

  /** The rule to remove so that `newcomer` has room; `undefined` when none is to go. */
  victimFor(newcomer: Rule | undefined): Rule | undefined {
    if (newcomer !== undefined) this.#eviction?.forget(newcomer);
    const victim = this.#eviction?.choose();
    if (newcomer !== undefined) this.#eviction?.note(newcomer);
    return victim;
  }

  /** Takes what the database says. */
  applySettings(settings: TableSettings): Work {
    this.#settings = settings;
    return this.#applyOrder();
  }

  /** Takes what a controller configures. */
  configure({ config, miss = this.onMiss, vacancy = { downPercent: 0, upPercent: 0 } }: TableMod): Work {
    this.onMiss = miss;
    this.#isEvictingByImportance = (config & TABLE_CONFIG.EVICTION) !== 0;
    const isWatched = (config & TABLE_CONFIG.VACANCY_EVENTS) !== 0;
    const next = this.#vacantPercent < vacancy.upPercent ? "vacancyUp" : "vacancyDown";
    this.#vacancy = isWatched ? { ...vacancy, next } : undefined;
    return this.#applyOrder();
  }

  get #evictionOrder(): EvictionOrder | undefined {
    const { isEvicting, evictionGroups } = this.#settings;
    if (!isEvicting && !this.#isEvictingByImportance) return undefined;
    return { groups: evictionGroups, byImportance: this.#isEvictingByImportance };
  }

  /** Rules that come and go meanwhile are noted as they do. */
  *#applyOrder(): Work {
    const order = this.#evictionOrder;
    if (isDeepStrictEqual(order, this.#eviction?.order)) return;
    const eviction = order === undefined ? undefined : new EvictionIndex(order);
    this.#eviction = eviction;
    if (eviction !== undefined) yield* this.classifier.visiting((rule) => eviction.note(rule));
  }

  /** What controllers are told. */
  describe(): TableDesc {
    const { downPercent = 0, upPercent = 0 } = this.#vacancy ?? {};
    const eviction = this.#isEvictingByImportance ? TABLE_CONFIG.EVICTION : 0;
    return {
      table: this.number,
      config: eviction | (this.#vacancy === undefined ? 0 : TABLE_CONFIG.VACANCY_EVENTS),
      evictionFlags: EVICTION_FLAGS,
      vacancy: { downPercent, upPercent },
      vacantPercent: this.#vacancy === undefined ? 0 : this.#vacantPercent,
    };
  }

  /** What controllers are to hear of how full it is, after its rules have changed; each is told once. */
  takeVacancyEvent(): VacancyWatch["next"] | undefined {
    const watch = this.#vacancy;
    if (watch === undefined) return undefined;
    const { next } = watch;
    const isDue = next === "vacancyDown" ? this.#vacantPercent < watch.downPercent : this.#vacantPercent > watch.upPercent;
    if (!isDue) return undefined;
    watch.next = next === "vacancyDown" ? "vacancyUp" : "vacancyDown";
    return next;
  }

  get #vacantPercent(): number {
    return Math.max(0, Math.floor((100 * (this.limit - this.classifier.size)) / this.limit));
  }

  /** The visit of packets that find `rule`, which is of this table. */
  visitOf(rule: Rule | undefined): TableVisit {
    return rule === undefined ? this.#miss : rule.visitIn(this);
  }
}
