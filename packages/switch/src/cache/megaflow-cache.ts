/**
 * The megaflows of one datapath and the translations they stand for.
 *
 * What: installs the answer of a translation, attributes the datapath's statistics to rules, ports and learned
 * addresses, and keeps every installed answer true. How: a change names what it touched (dirt.ts); flows whose
 * translation looked at it are translated again with their own key. A flow stays when the new mask needs no bit
 * that the installed one lacks; its actions are then replaced in place. Otherwise it is deleted, and the next
 * packet is translated afresh. What looks at every flow can be interrupted (turns.ts): flows that come meanwhile are
 * new translations, flows that go are not missed.
 *
 * The law: when it has followed all that changed, a cached answer equals a fresh translation of any packet that hits it.
 */
import type { Datapath, Megaflow } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { FIELDS, makeFlowKey } from "@tenet/net";
import { exactMask, hasExtraBits } from "../translate/megaflow-mask.ts";
import type { EventCounts } from "../event-counts.ts";
import type { TableVisit } from "../table/flow-table.ts";
import type { Effect, Translation } from "../translate/translation.ts";
import type { Work } from "../turns.ts";
import type { Dirt } from "./dirt.ts";
import { areEqual } from "./same-actions.ts";
import { FlowLimit } from "./flow-limit.ts";
import { FlowNotes, type Traffic } from "./flow-notes.ts";
import { MacIndex } from "./mac-index.ts";
import { Outcome, SharedOutcomes } from "./outcome.ts";
import type { References } from "./references.ts";
import { VisitRuns } from "./visit-runs.ts";

/** What the cache asks of its owner. */
export interface CacheOwner {
  /** Translates a datapath key again, changing nothing; `undefined` when its port is gone. The mask is good until the next. */
  retranslate(key: Uint32Array): Translation | undefined;
  /** Adds packets that were forwarded by a translation to counters and learned addresses. */
  attribute(visits: readonly TableVisit[], effects: readonly Effect[], traffic: Traffic): void;
}

/** How many flows are looked at between two chances for others. */
const FLOWS_PER_STEP = 16;
/** Idle time after which a megaflow goes, in ms. */
const DEFAULT_IDLE_MS = 10_000;
/** The same when there are more flows than the limit. */
const CROWDED_IDLE_MS = 100;
const NO_VISITS: readonly TableVisit[] = [];

/** Installed megaflows. */
export class MegaflowCache {
  readonly limit: FlowLimit = new FlowLimit();
  /** Whether a flow is for all packets that would fare alike; else for those alone that are alike. */
  hasWideFlows = true;
  /** Whether flows stay that no packet uses, for those who look at them. */
  isPaused = false;
  /** Is told of each flow when it is installed; `key` is that of the packet, good for the call. */
  onInstall: ((flow: Megaflow, key: Uint32Array) => void) | undefined;
  /** How long a flow stays that no packet uses; `other_config:max-idle`. */
  maxIdleMs: number = DEFAULT_IDLE_MS;
  readonly #datapath: Datapath;
  readonly #references: References;
  readonly #owner: CacheOwner;
  readonly #clock: Clock;
  readonly #counts: EventCounts;
  readonly #outcomes = new SharedOutcomes();
  readonly #notes = new FlowNotes();
  readonly #runs = new VisitRuns();
  readonly #flowsByMac = new MacIndex<Megaflow>();
  /** Takes the key of the flow that is revalidated. */
  readonly #key = makeFlowKey();
  #size = 0;

  constructor(datapath: Datapath, references: References, owner: CacheOwner, clock: Clock, counts: EventCounts) {
    this.#counts = counts;
    this.#datapath = datapath;
    this.#references = references;
    this.#owner = owner;
    this.#clock = clock;
  }

  /** Number of installed megaflows. */
  get size(): number {
    return this.#size;
  }

  /** Installs the answer for `key`, unless the flow limit is reached or it holds for this packet alone: `undefined` then. */
  install(key: Uint32Array, translation: Translation): Megaflow | undefined {
    if (!translation.isCacheable) return undefined;
    if (this.#size >= this.limit.maxFlows) {
      this.#counts.upcall_flow_limit_hit++;
      return undefined;
    }
    const outcome = this.#outcomes.shared(translation);
    const mask = this.hasWideFlows ? translation.mask : exactMask(key);
    const megaflow = this.#datapath.putFlow(key, mask, outcome.actions);
    this.#counts.dpif_flow_put++;
    if (megaflow.owner instanceof Outcome) {
      this.#replace(megaflow, megaflow.owner, outcome, translation);
      return megaflow;
    }
    const recircId = key[FIELDS.recirc_id.word] ?? 0;
    this.#size++;
    this.#references.retainId(recircId);
    this.#notes.begin(megaflow, recircId, this.#clock.monotonicMs(), this.#runs.keep(translation.visits));
    this.#references.retain(outcome.actions);
    this.#enter(megaflow, outcome);
    this.onInstall?.(megaflow, key);
    return megaflow;
  }

  /** Reads statistics, deletes idle flows and those that were put by hand, and adapts the flow limit; due every 500 ms. */
  *sweeping(): Work {
    const startMs = this.#clock.monotonicMs();
    const isOverfull = this.#size > 2 * this.limit.maxFlows;
    if (isOverfull) this.#counts.upcall_flow_limit_kill++;
    const maxIdleMs = this.#size > this.limit.maxFlows ? CROWDED_IDLE_MS : this.maxIdleMs;
    let waitedMs = 0;
    let n = 0;
    for (const megaflow of this.#datapath.flows()) {
      const outcome = megaflow.owner;
      if (outcome instanceof Outcome) {
        this.#pushStatistics(megaflow, outcome);
        const isIdle = startMs - this.#notes.usedMsOf(megaflow) >= maxIdleMs;
        if (!this.isPaused && (isOverfull || isIdle)) this.#delete(megaflow, outcome);
      } else if (!this.isPaused) this.#deleteFlow(megaflow); // it was put by hand
      if (++n % FLOWS_PER_STEP !== 0) continue;
      const pausedMs = this.#clock.monotonicMs();
      yield;
      waitedMs += this.#clock.monotonicMs() - pausedMs;
    }
    this.limit.adapt(this.#clock.monotonicMs() - startMs - waitedMs, this.#size);
  }

  /** Reads statistics of every flow into rules, ports and learned addresses. */
  *readingStatistics(): Work {
    let n = 0;
    for (const megaflow of this.#datapath.flows()) {
      if (megaflow.owner instanceof Outcome) this.#pushStatistics(megaflow, megaflow.owner);
      if (++n % FLOWS_PER_STEP === 0) yield;
    }
  }

  /** Makes every flow that depends on a change true again. */
  *revalidating(dirt: Dirt): Work {
    const suspects = dirt.isAddressesAlone ? this.#flowsByMac.of(dirt.addresses()) : this.#datapath.flows();
    let n = 0;
    for (const megaflow of suspects) {
      const outcome = megaflow?.owner;
      const isOurs = megaflow !== undefined && outcome instanceof Outcome; // else it went meanwhile, or was put by hand
      const isTouched = isOurs && dirt.touches(outcome, dirt.hasTables ? this.#visitsOf(megaflow) : NO_VISITS);
      if (isTouched) this.#revalidateOne(megaflow, outcome);
      if (isTouched || ++n % FLOWS_PER_STEP === 0) yield;
    }
  }

  /** Deletes every flow, but for those that were put by hand. */
  *purging(): Work {
    this.#counts.dpif_flow_flush++;
    for (const megaflow of this.#datapath.flows()) {
      if (megaflow.owner instanceof Outcome) this.evict(megaflow);
      yield;
    }
  }

  /** Deletes a flow, whoever installed it. */
  evict(megaflow: Megaflow): void {
    const { owner } = megaflow;
    if (!(owner instanceof Outcome)) return this.#deleteFlow(megaflow);
    this.#pushStatistics(megaflow, owner);
    this.#delete(megaflow, owner);
  }

  /** Good until the next call. */
  #visitsOf(megaflow: Megaflow): readonly TableVisit[] {
    return this.#runs.read(this.#notes.runOf(megaflow));
  }

  #revalidateOne(megaflow: Megaflow, outcome: Outcome): void {
    this.#pushStatistics(megaflow, outcome);
    const key = this.#key;
    megaflow.readKey(key);
    const { mask } = megaflow;
    const fresh = this.#owner.retranslate(key);
    if (fresh === undefined || !fresh.isCacheable || hasExtraBits(fresh.mask, mask)) return this.#delete(megaflow, outcome);
    const next = outcome.isOf(fresh) ? outcome : this.#outcomes.shared(fresh);
    if (!areEqual(outcome.actions, next.actions)) {
      this.#datapath.putFlow(key, mask, next.actions);
      this.#counts.dpif_flow_put++;
    }
    this.#replace(megaflow, outcome, next, fresh);
  }

  /** Lets a flow stand for another translation, whose actions are installed already. What is as before stays. */
  #replace(megaflow: Megaflow, outcome: Outcome, next: Outcome, { visits }: Translation): void {
    this.#pushStatistics(megaflow, outcome);
    const run = this.#notes.runOf(megaflow);
    if (!this.#runs.isOf(run, visits)) {
      this.#notes.setRun(megaflow, this.#runs.keep(visits));
      this.#runs.release(run);
    }
    if (next === outcome) return;
    this.#references.retain(next.actions); // before those that it has are released, which may be the same
    this.#leave(megaflow, outcome);
    this.#enter(megaflow, next);
  }

  #delete(megaflow: Megaflow, outcome: Outcome): void {
    this.#references.releaseId(this.#notes.recircIdOf(megaflow));
    this.#deleteFlow(megaflow);
    this.#size--;
    this.#runs.release(this.#notes.runOf(megaflow));
    this.#leave(megaflow, outcome);
    if (this.#size === 0) this.#notes.clear();
  }

  /** Lets a flow have an outcome, whose actions are held already. */
  #enter(megaflow: Megaflow, outcome: Outcome): void {
    megaflow.owner = outcome;
    this.#flowsByMac.add(outcome.macLookups, megaflow);
    countLearners(outcome, 1);
  }

  /** Takes it away, and releases its actions. */
  #leave(megaflow: Megaflow, outcome: Outcome): void {
    megaflow.owner = undefined;
    this.#flowsByMac.remove(outcome.macLookups, megaflow);
    countLearners(outcome, -1);
    this.#references.release(outcome.actions);
  }

  #deleteFlow(megaflow: Megaflow): void {
    this.#datapath.deleteFlow(megaflow);
    this.#counts.dpif_flow_del++;
  }

  #pushStatistics(megaflow: Megaflow, outcome: Outcome): void {
    const news = this.#notes.takeNews(megaflow);
    if (news !== undefined) this.#owner.attribute(this.#visitsOf(megaflow), outcome.effects, news);
  }
}

/** Counts a flow in or out at the tables that its packets teach flows. */
function countLearners({ effects }: Outcome, one: 1 | -1): void {
  for (const effect of effects) {
    if (effect.type === "learnFlow") effect.bridge.pipeline.table(effect.flow.table).nDependents += one;
  }
}
