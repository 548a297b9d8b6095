/** What is kept with an installed megaflow: what its packets do besides being forwarded, and what of that was counted. */
import type { DatapathAction, Megaflow } from "@tenet/datapath";
import type { Translation } from "../translate/translation.ts";

/** The part of a translation that counts for all its packets, and that says when it has to be made again. */
export type SideEffects = Pick<Translation, "visits" | "effects" | "macLookups">;

/** What packets came to. */
export interface Traffic {
  readonly nPackets: number;
  readonly nBytes: number;
  /** Monotonic ms of the last. */
  readonly usedMs: number;
  /** TCP flags seen, OR-ed. */
  readonly tcpFlags: number;
}

/** What most translations have none of. */
const NONE: readonly never[] = [];

/** A megaflow and the translation it stands for. */
export class CachedFlow implements SideEffects {
  readonly megaflow: Megaflow;
  /** What it matches on; 0 for packets that have just come in. */
  readonly recircId: number;
  /** Those whose numbers are held; the datapath has them too. */
  actions: readonly DatapathAction[];
  visits: SideEffects["visits"] = NONE;
  effects: SideEffects["effects"] = NONE;
  macLookups: SideEffects["macLookups"] = NONE;
  /** Monotonic ms. */
  readonly createdMs: number;
  nPushedPackets = 0;
  nPushedBytes = 0;

  constructor(megaflow: Megaflow, recircId: number, actions: readonly DatapathAction[], nowMs: number) {
    this.megaflow = megaflow;
    this.recircId = recircId;
    this.actions = actions;
    this.createdMs = Math.floor(nowMs);
  }

  /** When it was last used, or else made. */
  get usedMs(): number {
    return Math.max(this.megaflow.usedMs, this.createdMs);
  }

  /** Keeps the side effects of another translation, in arrays no longer than they have to be. */
  keep({ visits, effects, macLookups }: SideEffects): void {
    this.#count(-1);
    this.visits = visits.slice();
    this.effects = effects.length === 0 ? NONE : effects;
    this.macLookups = macLookups.length === 0 ? NONE : macLookups;
    this.#count(1);
  }

  /** The megaflow is gone: no table decides it any more. */
  forget(): void {
    this.#count(-1);
    this.visits = NONE;
    this.effects = NONE;
  }

  /** Counts the flow in or out at every table that it depends on. */
  #count(one: 1 | -1): void {
    for (const { table } of this.visits) table.nDependents += one;
    for (const effect of this.effects) {
      if (effect.type === "learnFlow") effect.bridge.pipeline.table(effect.flow.table).nDependents += one;
    }
  }

  /** The packets since the last time; `undefined` when there were none. */
  takeNews(): Traffic | undefined {
    const { nPackets, nBytes, usedMs, tcpFlags } = this.megaflow;
    if (nPackets <= this.nPushedPackets) return undefined;
    const news = { nPackets: nPackets - this.nPushedPackets, nBytes: nBytes - this.nPushedBytes, usedMs, tcpFlags };
    this.nPushedPackets = nPackets;
    this.nPushedBytes = nBytes;
    return news;
  }
}
