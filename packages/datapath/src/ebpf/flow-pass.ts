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
import type { TrackPass } from "./track-pass.ts";
import type { MaskTable, ProgramMaps } from "./program/program-maps.ts";
import { SCRATCH_BYTES } from "./program/stack.ts";
import { MAX_FLOWS } from "./slot.ts";
import type { SlotMemory } from "./slot-memory.ts";

/** The kernel lets a program have 64 maps, one for each mask among them. */
const MAX_MASKS = 48;

/** Flows of one mask. */
export interface MaskMap extends MaskTable {
  readonly map: BpfMap;
  /** For the masked key at hand, of as many words as the mask has. */
  readonly key: Uint32Array;
  nFlows: number;
}

/** A mask as the program has it. */
interface MaskLayout {
  /** Equal for masks that the program cannot tell apart. */
  readonly name: string;
  readonly words: MaskTable["words"];
  /** Words that the program does not fill, and the mask's bits in them. */
  readonly unfilled: readonly { readonly word: number; readonly bits: number }[];
}

/** A flow: the map of its mask leads to its slot, which holds its key. */
export interface FlowEntry {
  readonly table: MaskMap;
  readonly slot: number;
}

/** Flows of a pass by mask. */
export class FlowPass {
  /** Whether there are masks or kinds of actions that the program was not made for, or was and need not. */
  isStale = false;
  readonly #pass: Pass;
  readonly #maps: ProgramMaps;
  readonly #slots: SlotMemory;
  readonly #hints = BpfMap.create({
    kind: "array",
    name: "tenet_hints",
    keyBytes: 4,
    valueBytes: MASK_HINTS,
    maxEntries: 1,
  });
  readonly #masks = new Map<string, MaskMap>();
  readonly #layouts = new WeakMap<Uint32Array, MaskLayout>();
  /** Kinds of actions that the program has, and those that it is yet to have, for flows that wait for it. */
  #actions: ReadonlySet<ActionName> = new Set<ActionName>(["copy", "send"]);
  readonly #newActions = new Set<ActionName>();
  readonly #waiting = new Map<FlowEntry, readonly ActionName[]>();
  readonly #tracker: TrackPass;
  #isClosed = false;
  #program: BpfProgram;

  /**
   * @param tracker - carries out what is behind a `ct`
   * @throws SystemCallError when the kernel refuses a map or the program
   */
  constructor(pass: Pass, maps: ProgramMaps, slots: SlotMemory, tracker: TrackPass) {
    this.#pass = pass;
    this.#slots = slots;
    this.#maps = maps;
    this.#tracker = tracker;
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
    const { name, words, unfilled } = this.#layoutOf(mask);
    // What the program does not fill is zero in the packets that it looks up.
    if (unfilled.some(({ word, bits }) => ((key[word] ?? 0) & bits) !== 0)) return undefined;
    if (4 * words.length > SCRATCH_BYTES) return undefined;
    const known = this.#masks.get(name);
    if (known !== undefined || this.#masks.size === MAX_MASKS) return known;
    const made = { map: makeMap(words.length), words, key: new Uint32Array(words.length), nFlows: 0 };
    this.#masks.set(name, made);
    this.isStale = true;
    return made;
  }

  /**
   * Leads packets with the key of a slot to it, as soon as the program can do its actions.
   *
   * @throws SystemCallError when the kernel has no memory for it; then nothing has changed
   */
  add(entry: FlowEntry, actions: readonly KernelAction<ActionName>[]): void {
    const names = actions.map(({ what }) => what);
    const news = names.filter((what) => !this.#actions.has(what));
    for (const what of news) this.#newActions.add(what);
    this.#tracker.want(names);
    if (this.#canDo(names)) this.#enter(entry);
    else this.#waiting.set(entry, names);
    entry.table.nFlows++;
    this.isStale ||= news.length > 0;
  }

  /** Takes away what `add` was given. */
  remove(entry: FlowEntry): void {
    const { table, slot } = entry;
    if (!this.#waiting.delete(entry)) {
      this.#slots.readKey(slot, table.key);
      table.map.delete(table.key);
    }
    table.nFlows--;
    this.isStale ||= table.nFlows === 0;
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
    this.enterWaiting();
  }

  /** Lets those flows into the kernel that waited for what the programs can do now. */
  enterWaiting(): void {
    for (const [entry, names] of this.#waiting) {
      if (!this.#canDo(names)) continue;
      this.#enter(entry);
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

  /** From now on the program finds it. */
  #enter({ table, slot }: FlowEntry): void {
    this.#slots.readKey(slot, table.key);
    table.map.update(table.key, Uint32Array.of(slot));
  }

  /** Flows of a mask come with the same array, so it is looked through once. */
  #layoutOf(mask: Uint32Array): MaskLayout {
    const known = this.#layouts.get(mask);
    if (known !== undefined) return known;
    const words: { place: number; bits: number }[] = [];
    const unfilled: { word: number; bits: number }[] = [];
    for (const [word, bits] of mask.entries()) {
      if (bits === 0) continue;
      const place = placeOf(word);
      const layout = place === undefined ? undefined : KEY_WORDS[place];
      if (place !== undefined && layout !== undefined && this.#fills(place)) words.push({ place, bits: toKernel(bits, layout) });
      else unfilled.push({ word, bits });
    }
    const made = { name: words.map(({ place, bits }) => `${place}/${bits}`).join(" "), words, unfilled };
    this.#layouts.set(mask, made);
    return made;
  }

  #canDo(names: readonly ActionName[]): boolean {
    return names.every((name) => this.#actions.has(name)) && this.#tracker.canDo(names);
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

/** What the program has of a packet like `key` under a mask. @returns `table.key` */
export function maskedKey({ words, key: masked }: MaskMap, key: Uint32Array): Uint32Array {
  for (let i = 0; i < masked.length; i++) masked[i] = wordOf(key, words[i]?.place ?? 0) & (words[i]?.bits ?? 0);
  return masked;
}

function wordOf(key: Uint32Array, place: number): number {
  const layout = KEY_WORDS[place];
  return layout === undefined ? 0 : toKernel(key[layout.word] ?? 0, layout);
}
