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
 * The law: at any time a cached answer equals a fresh translation of any packet that hits it.
 */
import type { Datapath, DatapathAction, Megaflow } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { FIELDS } from "@tenet/net";
import { exactMask, hasExtraBits } from "../translate/megaflow-mask.ts";
import type { EventCounts } from "../event-counts.ts";
import type { Translation } from "../translate/translation.ts";
import type { Work } from "../turns.ts";
import type { Dirt } from "./dirt.ts";
import { areEqual } from "./same-actions.ts";
import { CachedFlow, type SideEffects, type Traffic } from "./cached-flow.ts";
import { MacIndex } from "./mac-index.ts";
import { FlowLimit } from "./flow-limit.ts";
import type { References } from "./references.ts";
import { SharedActions } from "./shared-actions.ts";

/** What the cache asks of its owner. */
export interface CacheOwner {
  /** Translates a datapath key again, changing nothing; `undefined` when its port is gone. The mask is good until the next. */
  retranslate(key: Uint32Array): Translation | undefined;
  /** Adds packets that were forwarded by a translation to counters and learned addresses. */
  attribute(translation: SideEffects, traffic: Traffic): void;
}

/** How many flows are looked at between two chances for others. */
const FLOWS_PER_STEP = 64;
/** Idle time after which a megaflow goes, in ms. */
const DEFAULT_IDLE_MS = 10_000;
/** The same when there are more flows than the limit. */
const CROWDED_IDLE_MS = 100;

/** Installed megaflows. */
export class MegaflowCache {
  readonly limit: FlowLimit = new FlowLimit();
  /** Whether a flow is for all packets that would fare alike; else for those alone that are alike. */
  hasWideFlows = true;
  /** Whether flows stay that no packet uses, for those who look at them. */
  isPaused = false;
  /** How long a flow stays that no packet uses; `other_config:max-idle`. */
  maxIdleMs: number = DEFAULT_IDLE_MS;
  readonly #datapath: Datapath;
  readonly #references: References;
  readonly #owner: CacheOwner;
  readonly #clock: Clock;
  readonly #counts: EventCounts;
  readonly #actions = new SharedActions();
  #size = 0;
  readonly #cachedByMac = new MacIndex<CachedFlow>();

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
    const actions = this.#actions.shared(translation.actions);
    const mask = this.hasWideFlows ? translation.mask : exactMask(key);
    const megaflow = this.#datapath.putFlow(key, mask, actions);
    this.#counts.dpif_flow_put++;
    this.#references.retain(actions);
    if (megaflow.owner instanceof CachedFlow) {
      this.#replace(megaflow.owner, actions, translation);
      return megaflow;
    }
    const recircId = key[FIELDS.recirc_id.word] ?? 0;
    const cached = new CachedFlow(megaflow, recircId, actions, this.#clock.monotonicMs());
    megaflow.owner = cached;
    this.#size++;
    this.#references.retainId(recircId);
    this.#keep(cached, translation);
    return megaflow;
  }

  /** Reads statistics, deletes idle flows, and adapts the flow limit; due every 500 ms. */
  *sweeping(): Work {
    const startMs = this.#clock.monotonicMs();
    const isOverfull = this.#size > 2 * this.limit.maxFlows;
    if (isOverfull) this.#counts.upcall_flow_limit_kill++;
    const maxIdleMs = this.#size > this.limit.maxFlows ? CROWDED_IDLE_MS : this.maxIdleMs;
    let waitedMs = 0;
    let n = 0;
    for (const cached of this.#flows()) {
      this.#pushStatistics(cached);
      if (!this.isPaused && (isOverfull || startMs - cached.usedMs >= maxIdleMs)) this.#delete(cached);
      if (++n % FLOWS_PER_STEP !== 0) continue;
      const pausedMs = this.#clock.monotonicMs();
      yield;
      waitedMs += this.#clock.monotonicMs() - pausedMs;
    }
    if (!this.isPaused && this.#datapath.stats().nFlows > this.#size) this.#deleteUnknown();
    this.limit.adapt(this.#clock.monotonicMs() - startMs - waitedMs, this.#size);
  }

  /** Reads statistics of every flow into rules, ports and learned addresses. */
  *readingStatistics(): Work {
    let n = 0;
    for (const cached of this.#flows()) {
      this.#pushStatistics(cached);
      if (++n % FLOWS_PER_STEP === 0) yield;
    }
  }

  /** Makes every flow that depends on a change true again. */
  *revalidating(dirt: Dirt): Work {
    const suspects = dirt.isAddressesAlone ? this.#cachedByMac.of(dirt.addresses()) : this.#flows();
    let n = 0;
    for (const cached of suspects) {
      if (cached.megaflow.owner !== cached) continue; // it went meanwhile
      const isTouched = dirt.touches(cached);
      if (isTouched) this.#revalidateOne(cached);
      if (isTouched || ++n % FLOWS_PER_STEP === 0) yield;
    }
  }

  /** Deletes every flow. */
  *purging(): Work {
    this.#counts.dpif_flow_flush++;
    for (const cached of this.#flows()) {
      this.#pushStatistics(cached);
      this.#delete(cached);
      yield;
    }
  }

  /** Deletes a flow, whoever installed it. */
  evict(megaflow: Megaflow): void {
    const { owner } = megaflow;
    if (!(owner instanceof CachedFlow)) return this.#deleteFlow(megaflow);
    this.#pushStatistics(owner);
    this.#delete(owner);
  }

  /** The flows that were installed here; deleting while iterating is allowed. */
  *#flows(): Generator<CachedFlow> {
    for (const { owner } of this.#datapath.flows()) if (owner instanceof CachedFlow) yield owner;
  }

  /** Deletes flows that were put by hand. */
  #deleteUnknown(): void {
    for (const megaflow of this.#datapath.flows()) {
      if (!(megaflow.owner instanceof CachedFlow)) this.#deleteFlow(megaflow);
    }
  }

  #revalidateOne(cached: CachedFlow): void {
    this.#pushStatistics(cached);
    const { key, mask } = cached.megaflow;
    const fresh = this.#owner.retranslate(key);
    if (fresh === undefined || !fresh.isCacheable || hasExtraBits(fresh.mask, mask)) return this.#delete(cached);
    const isSame = areEqual(cached.actions, fresh.actions);
    const actions = isSame ? cached.actions : this.#actions.shared(fresh.actions);
    this.#references.retain(actions);
    if (!isSame) {
      this.#datapath.putFlow(key, mask, actions);
      this.#counts.dpif_flow_put++;
    }
    this.#replace(cached, actions, fresh);
  }

  /** Lets a flow stand for another translation, whose actions are installed and held already. */
  #replace(cached: CachedFlow, actions: readonly DatapathAction[], translation: Translation): void {
    this.#pushStatistics(cached);
    this.#references.release(cached.actions);
    cached.actions = actions;
    this.#cachedByMac.remove(cached.macLookups, cached);
    this.#keep(cached, translation);
  }

  #keep(cached: CachedFlow, translation: Translation): void {
    cached.keep(translation);
    this.#cachedByMac.add(cached.macLookups, cached);
  }

  #delete(cached: CachedFlow): void {
    const { megaflow } = cached;
    this.#references.releaseId(cached.recircId);
    this.#deleteFlow(megaflow);
    megaflow.owner = undefined;
    this.#size--;
    this.#cachedByMac.remove(cached.macLookups, cached);
    this.#references.release(cached.actions);
    cached.forget();
  }

  #deleteFlow(megaflow: Megaflow): void {
    this.#datapath.deleteFlow(megaflow);
    this.#counts.dpif_flow_del++;
  }

  #pushStatistics(cached: CachedFlow): void {
    const news = cached.takeNews();
    if (news !== undefined) this.#owner.attribute(cached, news);
  }
}
