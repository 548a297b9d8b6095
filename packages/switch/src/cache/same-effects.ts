/** Whether effects are the same, so that a megaflow may keep those that it has. */
import type { Effect } from "../translate/translation.ts";

/** Whether two lists do the same; `false` where that is hard to tell. */
export function areSameEffects(a: readonly Effect[], b: readonly Effect[]): boolean {
  return a === b || (a.length === b.length && a.every((effect, i) => isSameEffect(effect, b[i])));
}

function isSameEffect(a: Effect, b: Effect | undefined): boolean {
  switch (a.type) {
    case "learn":
      return b?.type === "learn" && a.bridge === b.bridge && isSameSighting(a.sighting, b.sighting);
    case "count":
      return b?.type === "count" && a.counter === b.counter;
    case "group":
      return (
        b?.type === "group" && a.bridge === b.bridge && a.id === b.id && a.group === b.group && areSame(a.buckets, b.buckets)
      );
    case "finTimeout":
      return b?.type === "finTimeout" && a.rule === b.rule && a.idleTimeout === b.idleTimeout && a.hardTimeout === b.hardTimeout;
    case "enclosed":
      return b?.type === "enclosed" && a.nBytes === b.nBytes && areSame(a.visits, b.visits);
    case "tunnel":
      return b?.type === "tunnel" && a.port === b.port && a.isInput === b.isInput;
    case "patch":
      return b?.type === "patch" && a.from === b.from && a.to === b.to;
    case "learnFlow":
    case "neighbor":
      return false;
  }
}

type Sighting = Extract<Effect, { type: "learn" }>["sighting"];

function isSameSighting(a: Sighting, b: Sighting): boolean {
  return a.vlan === b.vlan && a.mac === b.mac && a.bundle === b.bundle && a.locks === b.locks;
}

/** Whether two lists are of the same objects. */
function areSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
