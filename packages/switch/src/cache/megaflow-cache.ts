/**
 * The megaflows of one datapath and the translations they stand for.
 *
 * What: installs the answer of a translation, attributes the datapath's statistics to rules, ports and learned
 * addresses, and keeps every installed answer true. How: a change names what it touched (dirt.ts); flows whose
 * translation looked at it are translated again with their own key. A flow stays when the new mask needs no bit
 * that the installed one lacks; its actions are then replaced in place. Otherwise it is deleted, and the next
 * packet is translated afresh. Limits: revalidation is one synchronous pass.
 *
 * The law: at any time a cached answer equals a fresh translation of any packet that hits it.
 */
import type { Datapath, Megaflow } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { hasExtraBits, maskedKey } from "../translate/megaflow-mask.ts";
import type { Translation } from "../translate/translation.ts";
import type { Dirt } from "./dirt.ts";
import { areEqual } from "./same-actions.ts";
import { MacIndex } from "./mac-index.ts";
import { FlowLimit } from "./flow-limit.ts";
import type { References } from "./references.ts";

/** An installed megaflow. */
interface Cached {
  readonly megaflow: Megaflow;
  translation: Translation;
  /** Monotonic ms. */
  readonly createdMs: number;
  nPushedPackets: number;
  nPushedBytes: number;
}

/** What the cache asks of its owner. */
export interface CacheOwner {
  /** Translates a datapath key again, changing nothing; `undefined` when its port is gone. */
  retranslate(key: Uint32Array): Translation | undefined;
  /** Adds packets that were forwarded by a translation to counters and learned addresses. */
  attribute(translation: Translation, nPackets: number, nBytes: number, usedMs: number): void;
}

/** Idle time after which a megaflow goes, in ms. */
const MAX_IDLE_MS = 10_000;
/** The same when there are more flows than the limit. */
const CROWDED_IDLE_MS = 100;

/** Installed megaflows. */
export class MegaflowCache {
  readonly limit: FlowLimit = new FlowLimit();
  readonly #datapath: Datapath;
  readonly #references: References;
  readonly #owner: CacheOwner;
  readonly #clock: Clock;
  readonly #cached = new Map<Megaflow, Cached>();
  readonly #cachedByMac = new MacIndex<Cached>();

  constructor(datapath: Datapath, references: References, owner: CacheOwner, clock: Clock) {
    this.#datapath = datapath;
    this.#references = references;
    this.#owner = owner;
    this.#clock = clock;
  }

  /** Number of installed megaflows. */
  get size(): number {
    return this.#cached.size;
  }

  /** Installs the answer for `key`, unless the flow limit is reached. */
  install(key: Uint32Array, translation: Translation): void {
    if (this.#cached.size >= this.limit.maxFlows) return;
    const { mask, actions } = translation;
    const megaflow = this.#datapath.putFlow(maskedKey(key, mask), mask, actions);
    const replaced = this.#cached.get(megaflow);
    this.#references.retain(actions);
    if (replaced !== undefined) {
      this.#pushStatistics(replaced);
      this.#references.release(replaced.translation.actions);
      this.#retranslated(replaced, translation);
      return;
    }
    const createdMs = this.#clock.monotonicMs();
    const cached = { megaflow, translation, createdMs, nPushedPackets: 0, nPushedBytes: 0 };
    this.#cached.set(megaflow, cached);
    this.#references.retainKey(megaflow.key);
    this.#cachedByMac.add(translation.macLookups, cached);
  }

  /** Reads statistics, deletes idle flows, and adapts the flow limit; to be called every 500 ms. */
  sweep(): void {
    const startMs = this.#clock.monotonicMs();
    const isOverfull = this.#cached.size > 2 * this.limit.maxFlows;
    const maxIdleMs = this.#cached.size > this.limit.maxFlows ? CROWDED_IDLE_MS : MAX_IDLE_MS;
    for (const cached of this.#cached.values()) {
      this.#pushStatistics(cached);
      const usedMs = Math.max(cached.megaflow.usedMs, cached.createdMs);
      if (isOverfull || startMs - usedMs >= maxIdleMs) this.#delete(cached);
    }
    this.limit.adapt(this.#clock.monotonicMs() - startMs, this.#cached.size);
  }

  /** Reads statistics of every flow into rules, ports and learned addresses. */
  readStatistics(): void {
    for (const cached of this.#cached.values()) this.#pushStatistics(cached);
  }

  /** Makes every flow that depends on a change true again. */
  revalidate(dirt: Dirt): void {
    const suspects = dirt.isAddressesAlone ? this.#cachedByMac.of(dirt.addresses()) : this.#cached.values();
    for (const cached of suspects) if (dirt.touches(cached.translation)) this.#revalidateOne(cached);
  }

  /** Deletes every flow. */
  purge(): void {
    for (const cached of this.#cached.values()) {
      this.#pushStatistics(cached);
      this.#delete(cached);
    }
  }

  #revalidateOne(cached: Cached): void {
    this.#pushStatistics(cached);
    const { megaflow } = cached;
    const fresh = this.#owner.retranslate(megaflow.key);
    if (fresh === undefined || hasExtraBits(fresh.mask, megaflow.mask)) return this.#delete(cached);
    const before = cached.translation.actions;
    this.#references.retain(fresh.actions);
    if (!areEqual(before, fresh.actions)) this.#datapath.putFlow(megaflow.key, megaflow.mask, fresh.actions);
    this.#references.release(before);
    this.#retranslated(cached, fresh);
  }

  #retranslated(cached: Cached, translation: Translation): void {
    this.#cachedByMac.remove(cached.translation.macLookups, cached);
    cached.translation = translation;
    this.#cachedByMac.add(translation.macLookups, cached);
  }

  #delete(cached: Cached): void {
    this.#datapath.deleteFlow(cached.megaflow);
    this.#cached.delete(cached.megaflow);
    this.#cachedByMac.remove(cached.translation.macLookups, cached);
    this.#references.release(cached.translation.actions);
    this.#references.releaseKey(cached.megaflow.key);
  }

  #pushStatistics(cached: Cached): void {
    const { nPackets, nBytes, usedMs } = cached.megaflow;
    const newPackets = nPackets - cached.nPushedPackets;
    const newBytes = nBytes - cached.nPushedBytes;
    if (newPackets <= 0) return;
    cached.nPushedPackets = nPackets;
    cached.nPushedBytes = nBytes;
    this.#owner.attribute(cached.translation, newPackets, newBytes, usedMs);
  }
}
