/**
 * What megaflows that fare alike have in common, and how they come to share it: most do what others do, and a list of actions of its own
 * would cost each of them more memory than its key.
 *
 * What was kept last for a hash is compared, so some outcomes are there twice: that costs memory alone.
 */
import { type DatapathAction, nestedActions } from "@tenet/datapath";
import type { Translation } from "../translate/translation.ts";
import { areEqual } from "./same-actions.ts";
import { areSameEffects } from "./same-effects.ts";

const N_PLACES = 4096;
/** What most translations have none of. */
const NONE: readonly never[] = [];

/** The part of a translation that megaflows keep, but for the visits. It is the `owner` of each of them in the datapath. */
export class Outcome {
  /** Those whose numbers are held; the datapath has them too. */
  readonly actions: readonly DatapathAction[];
  readonly effects: Translation["effects"];
  readonly macLookups: Translation["macLookups"];

  /** What is given is kept. */
  constructor(actions: Outcome["actions"], effects: Outcome["effects"], macLookups: Outcome["macLookups"]) {
    this.actions = actions;
    this.effects = effects;
    this.macLookups = macLookups;
  }

  /** Whether a translation comes to the same; `false` where that is hard to tell. */
  isOf({ actions, effects, macLookups }: Translation): boolean {
    if (macLookups.length !== this.macLookups.length || effects.length !== this.effects.length) return false;
    for (let i = 0; i < macLookups.length; i++) {
      const [kept, fresh] = [this.macLookups[i], macLookups[i]];
      if (kept?.bridge !== fresh?.bridge || kept?.name !== fresh?.name) return false;
    }
    return areSameEffects(this.effects, effects) && areEqual(this.actions, actions);
  }
}

/** Outcomes lately kept that are actions alone, each in the place that its hash gives it. */
export class SharedOutcomes {
  readonly #outcomes: (Outcome | undefined)[] = Array.from({ length: N_PLACES });

  /** What of a translation is to be kept, in lists of which nobody changes any. */
  shared({ actions, effects, macLookups }: Pick<Translation, "actions" | "effects" | "macLookups">): Outcome {
    const plain = this.#plain(actions);
    if (effects.length + macLookups.length === 0) return plain;
    return new Outcome(plain.actions, own(effects), own(macLookups));
  }

  #plain(actions: readonly DatapathAction[]): Outcome {
    const place = hashOf(actions) & (N_PLACES - 1);
    const known = this.#outcomes[place];
    if (known !== undefined && areEqual(known.actions, actions)) return known;
    const outcome = new Outcome(actions.slice(), NONE, NONE);
    this.#outcomes[place] = outcome;
    return outcome;
  }
}

/** A copy no longer than it has to be. */
function own<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : list.slice();
}

/** Of the parts that lists differ in most. */
function hashOf(actions: readonly DatapathAction[]): number {
  let hash = actions.length;
  for (const action of actions) {
    if (action.type === "output") hash = mix(hash, action.port);
    else if (action.type === "recirc") hash = mix(hash, ~action.id);
    else if (action.type === "userspace") hash = mix(hash, action.userdata);
    else if (action.type === "setMasked") hash = hashWords(hash, action.key);
    else {
      hash = mix(hash, action.type.length);
      for (const inner of nestedActions(action)) hash = mix(hash, hashOf(inner));
    }
  }
  return hash ^ (hash >>> 16);
}

function hashWords(start: number, words: Uint32Array): number {
  let hash = start;
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) hash = mix(hash, words[i] as number);
  return hash;
}

function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e37_79b1);
  return (product << 13) | (product >>> 19);
}
