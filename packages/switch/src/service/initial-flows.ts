/**
 * The flows that are there when monitors begin, of which their controller is told in turns.
 *
 * They change meanwhile: what becomes of one that is still to be told of is no news to these monitors, as it is told of as what it has
 * become. It is news to a monitor that was there before and was about the flow already: whoever watches knows that flow.
 */
import { LongList } from "@tenet/classifier";
import type { FlowMonitorRequest } from "@tenet/openflow";
import type { Pipeline } from "../table/pipeline.ts";
import type { Rule } from "../table/rule.ts";
import { makeRuleSet } from "../table/rule-set.ts";
import type { Work } from "../turns.ts";
import { filterOf, isAbout } from "./monitor-filter.ts";

/** The flows of monitors that begin together. */
export class InitialFlows {
  readonly #monitors: readonly FlowMonitorRequest[];
  /** By their number those that were there before. */
  readonly #before: ReadonlyMap<number, FlowMonitorRequest>;
  /** In the order in which they are told of, some more than once. */
  readonly #rules = new LongList<Rule>();
  readonly #untold = makeRuleSet();
  #isCollected = false;

  constructor(monitors: readonly FlowMonitorRequest[], before: ReadonlyMap<number, FlowMonitorRequest>) {
    this.#monitors = monitors;
    this.#before = before;
  }

  /** Looks for them, while no transaction changes any. */
  *collecting(pipeline: Pipeline): Work {
    yield* pipeline.visiting(this.#monitors.map(filterOf), (rule) => this.#add(rule));
    this.#isCollected = true;
  }

  /** Those that are there, each once; who gets one is to tell of it, and `undefined` comes in the place of one that is not to be told. */
  *told(): Generator<Rule | undefined> {
    for (const rule of this.#rules) yield this.#untold.delete(rule) ? rule : undefined;
  }

  /** Whether a monitor is still to tell of a rule, and what becomes of that is no news before. */
  awaits(monitor: FlowMonitorRequest, rule: Rule): boolean {
    if (!this.#monitors.includes(monitor) || (this.#isCollected && this.#untold.get(rule) === undefined)) return false;
    const before = this.#before.get(monitor.id);
    return before === undefined || !isAbout(before, rule);
  }

  /** What the monitors that are about a rule want, altogether. */
  flagsFor(rule: Rule): number {
    return this.#monitors.reduce((flags, monitor) => (isAbout(monitor, rule) ? flags | monitor.flags : flags), 0);
  }

  /** A packet taught a rule: it may be where nobody looks for others any more. */
  came(rule: Rule): void {
    if (!this.#isCollected && this.flagsFor(rule) !== 0) this.#add(rule);
  }

  went(rule: Rule): void {
    this.#untold.delete(rule);
  }

  #add(rule: Rule): void {
    if (!rule.isHeld) return; // it went before it was visited
    this.#rules.push(rule);
    this.#untold.set(rule, rule);
  }
}
