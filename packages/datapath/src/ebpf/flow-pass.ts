/**
 * The flows of one pass (packets that have just come in, or packets that are looked up again), and the program made for them.
 *
 * A map per mask leads from masked words to a slot. The program is made for the masks and the kinds of actions there are, and
 * replaced when they change; until then packets of a new mask go to this process, where their flow is, too.
 */
import { BpfMap, BpfProgram, type ProgramSpec } from "@tenet/bpf";
import type { KernelAction } from "./actions/action-kind.ts";
import type { ActionName } from "./actions/actions.ts";
import { IN_PORT, KEY_WORDS, placeOf, toKernel } from "./key-layout.ts";
import { MASK_HINTS } from "./program/find-flow.ts";
import { flowProgram, type Pass } from "./program/flow-program.ts";
import type { MaskTable, ProgramMaps } from "./program/program-maps.ts";
import { SCRATCH_BYTES } from "./program/stack.ts";
import { MAX_FLOWS } from "./slot.ts";

/** The kernel lets a program have 64 maps, one for each mask among them. */
const MAX_MASKS = 48;

/** Flows of one mask. */
export interface MaskMap extends MaskTable {
  readonly map: BpfMap;
  nFlows: number;
}

/** A flow's place in the map of its mask. */
export interface FlowEntry {
  readonly table: MaskMap;
  readonly key: Uint32Array;
  readonly slot: number;
}

/** Flows of a pass by mask. */
export class FlowPass {
  /** Whether there are masks or kinds of actions that the program was not made for, or was and need not. */
  isStale = false;
  readonly #pass: Pass;
  readonly #maps: ProgramMaps;
  readonly #hints = BpfMap.create({
    kind: "array",
    name: "tenet_hints",
    keyBytes: 4,
    valueBytes: MASK_HINTS,
    maxEntries: 1,
  });
  readonly #masks = new Map<string, MaskMap>();
  /** Kinds of actions that the program has, and those that it is yet to have, for flows that wait for it. */
  #actions: ReadonlySet<ActionName> = new Set<ActionName>(["copy", "send"]);
  readonly #newActions = new Set<ActionName>();
  readonly #waiting = new Map<FlowEntry, readonly ActionName[]>();
  #isClosed = false;
  #program: BpfProgram;

  /** @throws SystemCallError when the kernel refuses a map or the program */
  constructor(pass: Pass, maps: ProgramMaps) {
    this.#pass = pass;
    this.#maps = maps;
    this.#program = BpfProgram.load(this.#spec(this.#actions));
  }

  /** The program made last. */
  get program(): BpfProgram {
    return this.#program;
  }

  /** Flows that are here. */
  get nFlows(): number {
    let n = 0;
    for (const table of this.#masks.values()) n += table.nFlows;
    return n;
  }

  /** The flows of a mask; `undefined` when the program does not fill a word that the mask has bits in, it is too wide or one too many. */
  tableOf(key: Uint32Array, mask: Uint32Array): MaskMap | undefined {
    const words: { place: number; bits: number }[] = [];
    for (let word = 0; word < mask.length; word++) {
      const bits = mask[word] ?? 0;
      if (bits === 0) continue;
      const place = placeOf(word);
      const layout = place === undefined ? undefined : KEY_WORDS[place];
      if (place !== undefined && layout !== undefined && this.#fills(place)) words.push({ place, bits: toKernel(bits, layout) });
      // What the program does not fill is zero in the packets that it looks up.
      else if (((key[word] ?? 0) & bits) !== 0) return undefined;
    }
    if (4 * words.length > SCRATCH_BYTES) return undefined;
    const name = words.map(({ place, bits }) => `${place}/${bits}`).join(" ");
    const known = this.#masks.get(name);
    if (known !== undefined || this.#masks.size === MAX_MASKS) return known;
    const made = { map: makeMap(words.length), words, nFlows: 0 };
    this.#masks.set(name, made);
    this.isStale = true;
    return made;
  }

  /**
   * Leads packets with a masked key to a slot with these actions, as soon as the program can do them.
   *
   * @throws SystemCallError when the kernel has no memory for it; then nothing has changed
   */
  add(table: MaskMap, key: Uint32Array, slot: number, actions: readonly KernelAction<ActionName>[]): FlowEntry {
    const entry = { table, slot, key };
    const news = actions.map(({ what }) => what).filter((what) => !this.#actions.has(what));
    for (const what of news) this.#newActions.add(what);
    if (news.length === 0) enter(entry);
    else this.#waiting.set(entry, news);
    table.nFlows++;
    this.isStale ||= news.length > 0;
    return entry;
  }

  /** Takes away what `add` gave. */
  remove(entry: FlowEntry): void {
    if (!this.#waiting.delete(entry)) entry.table.map.delete(entry.key);
    entry.table.nFlows--;
    this.isStale ||= entry.table.nFlows === 0;
  }

  /**
   * Makes the program anew on another thread, lets `install` put it in the place of the one before, and ends that. What changes meanwhile
   * makes the pass stale again.
   *
   * @throws AppError when the kernel refuses it: the one before stays
   */
  async replaceProgram(install: () => void): Promise<void> {
    this.isStale = false;
    for (const [name, { nFlows, map }] of this.#masks) {
      if (nFlows > 0) continue;
      this.#masks.delete(name);
      map.close();
    }
    const actions = new Set([...this.#actions, ...this.#newActions]);
    const program = await BpfProgram.loadAside(this.#spec(actions));
    if (this.#isClosed) return program.close();
    this.#actions = actions;
    for (const name of actions) this.#newActions.delete(name);
    const before = this.#program;
    this.#program = program;
    install();
    before.close();
    for (const [entry, news] of this.#waiting) {
      if (!news.every((name) => actions.has(name))) continue;
      enter(entry);
      this.#waiting.delete(entry);
    }
  }

  /** Gives all memory back. */
  close(): void {
    this.#isClosed = true;
    for (const { map } of this.#masks.values()) map.close();
    this.#hints.close();
    this.#program.close();
  }

  /** A packet that has just come in has no metadata but its port. */
  #fills(place: number): boolean {
    return this.#pass === "later" || place === IN_PORT || KEY_WORDS[place]?.group !== "metadata";
  }

  #spec(actions: ReadonlySet<ActionName>): ProgramSpec {
    const maps = { ...this.#maps, maskHints: this.#hints };
    const code = flowProgram(this.#pass, [...this.#masks.values()], actions, maps);
    return { name: `tenet_${this.#pass}`, kind: "sched_cls", code };
  }
}

function makeMap(nWords: number): BpfMap {
  return BpfMap.create({
    kind: "hash",
    name: "tenet_flows",
    keyBytes: 4 * nWords,
    valueBytes: 4,
    maxEntries: MAX_FLOWS,
    isGrowing: true,
  });
}

/** From now on the program finds it. */
function enter({ table, key, slot }: FlowEntry): void {
  table.map.update(key, Uint32Array.of(slot));
}

/** What the program has of a packet like `key` under a mask. */
export function maskedKey({ words }: MaskTable, key: Uint32Array): Uint32Array {
  const masked = new Uint32Array(words.length);
  for (const [i, { place, bits }] of words.entries()) masked[i] = wordOf(key, place) & bits;
  return masked;
}

function wordOf(key: Uint32Array, place: number): number {
  const layout = KEY_WORDS[place];
  return layout === undefined ? 0 : toKernel(key[layout.word] ?? 0, layout);
}
