/**
 * Lets equal lists of actions be one list: most megaflows do what others do, and a list of their own would cost each
 * of them more memory than its key.
 *
 * A list is compared with the one that was last given for its hash, so some lists are there twice: that costs memory alone.
 */
import { type DatapathAction, nestedActions } from "@tenet/datapath";
import { areEqual } from "./same-actions.ts";

const N_PLACES = 4096;

/** Lists of actions lately seen, each in the place that its hash gives it. */
export class SharedActions {
  readonly #lists: (readonly DatapathAction[] | undefined)[] = Array.from({ length: N_PLACES });

  /** An equal list, which nobody changes. */
  shared(actions: readonly DatapathAction[]): readonly DatapathAction[] {
    const place = hashOf(actions) & (N_PLACES - 1);
    const known = this.#lists[place];
    if (known !== undefined && areEqual(known, actions)) return known;
    const own = actions.slice();
    this.#lists[place] = own;
    return own;
  }
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
