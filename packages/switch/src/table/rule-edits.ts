/**
 * What a transaction did to rules, in order: two words for each, since there may be a million and all of them live until it is over.
 * What there is to tell of one is made when it is told.
 */
import { LongList } from "@tenet/classifier";
import type { FlowRemovedReason } from "@tenet/openflow";
import type { Revision, Rule } from "./rule.ts";
import type { RuleEvent } from "./table-events.ts";

type Kind = Pick<RuleEvent, "type" | "reason">;

const ADDED: Kind = { type: "added" };
const MODIFIED: Kind = { type: "modified" };
const DISPLACED: Kind = { type: "removed" };
const REMOVED: Readonly<Record<FlowRemovedReason, Kind>> = {
  idle: { type: "removed", reason: "idle" },
  hard: { type: "removed", reason: "hard" },
  delete: { type: "removed", reason: "delete" },
  group: { type: "removed", reason: "group" },
  meter: { type: "removed", reason: "meter" },
  eviction: { type: "removed", reason: "eviction" },
};

/** What there was of a rule that was modified and its new terms do not know; of counters what they lost. */
export interface Before extends Pick<Rule, "nPackets" | "nBytes"> {
  readonly revision: Revision | undefined;
}

/** A list of what was done to rules. */
export class RuleEdits {
  /** Of each the rule, and behind it what was done. */
  readonly #words = new LongList<Rule | Kind>();
  /** By place in the list. */
  #befores: Map<number, Before> | undefined;

  get length(): number {
    return this.#words.length / 2;
  }

  noteAdded(rule: Rule): void {
    this.#note(rule, ADDED);
  }

  /** @param before - for {@link beforeOf} */
  noteModified(rule: Rule, before: Before | undefined): void {
    if (before !== undefined) (this.#befores ??= new Map<number, Before>()).set(this.length, before);
    this.#note(rule, MODIFIED);
  }

  /** Another rule took its place; that it came is noted next. */
  noteDisplaced(rule: Rule): void {
    this.#note(rule, DISPLACED);
  }

  noteRemoved(rule: Rule, reason: FlowRemovedReason): void {
    this.#note(rule, REMOVED[reason]);
  }

  #note(rule: Rule, kind: Kind): void {
    this.#words.push(rule);
    this.#words.push(kind);
  }

  rule(place: number): Rule {
    return this.#words.get(2 * place) as Rule;
  }

  type(place: number): RuleEvent["type"] {
    return this.#kind(place).type;
  }

  isDisplaced(place: number): boolean {
    return this.#kind(place) === DISPLACED;
  }

  beforeOf(place: number): Before | undefined {
    return this.#befores?.get(place);
  }

  /** What there is to tell of those from one place up to another. */
  events(from: number, to: number): RuleEvent[] {
    const events: RuleEvent[] = [];
    for (let i = from; i < to; i++) {
      const { type, reason } = this.#kind(i);
      const rule = this.rule(i);
      events.push(reason === undefined ? { type, rule } : { type, rule, reason });
    }
    return events;
  }

  #kind(place: number): Kind {
    return this.#words.get(2 * place + 1) as Kind;
  }
}
