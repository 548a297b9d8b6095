/**
 * The flows of one pass (packets that have just come in, or packets that are looked up again), and the program made for them.
 *
 * An index leads from masked words to a slot. The program is made for it, for the masks and for the kinds of actions there are, and
 * replaced when they change; until then packets of a new mask go to this process, where their flow is, too.
 */
import { BpfMap, BpfProgram, type ProgramSpec } from "@tenet/bpf";
import type { AppError } from "@tenet/kit";
import type { KernelAction } from "./actions/action-kind.ts";
import type { ActionName } from "./actions/actions.ts";
import { GrowingIndex } from "./growing-index.ts";
import type { ListPass } from "./list-pass.ts";
import { fillsPlace, KEY_WORDS, placeOf, toKernel } from "./key-layout.ts";
import { MASK_HINTS, MAX_MASK_WORDS } from "./program/find-flow.ts";
import { flowProgram, type Pass } from "./program/flow-program.ts";
import type { MaskTable, ProgramMaps } from "./program/program-maps.ts";
import type { FlowRecord } from "./restart/flow-record.ts";
import { NO_MASK, type SlotMemory } from "./slot-memory.ts";

/** What looking up under a mask costs in the length of the program, in that of a word. */
const LOOKUP_WORDS = 20;
/** Branches go over as much; it takes the kernel half a second of CPU to verify that. */
const MAX_PROGRAM_WORDS = 3200;
const N_NUMBERS = 65_536;
/** A mask without flows stays for so many rounds: as long as a flow stays without packets, since what went often comes again. */
const MAX_EMPTY_ROUNDS = 10;

/** Flows of one mask. */
export interface MaskFlows extends MaskTable {
  /** For the masked key at hand, of as many words as the mask has. */
  readonly key: Uint32Array;
  nFlows: number;
  /** For how many rounds it has had none. */
  nEmptyRounds: number;
}

/** A mask as the program has it. */
interface MaskLayout {
  /** Equal for masks that the program cannot tell apart. */
  readonly name: string;
  readonly words: MaskTable["words"];
  /** Words that the program does not fill, and the mask's bits in them. */
  readonly unfilled: readonly { readonly word: number; readonly bits: number }[];
}

/** Whether the mask of this number is one of the first pass: those are odd, masks of the later pass even. */
export function isFirst(number: number): boolean {
  return number % 2 === 1;
}

/** Flows of a pass by mask; a flow is known by its slot, which says its mask and its key. */
export class FlowPass {
  /** Whether there are masks or kinds of actions that the program was not made for, or was and need not. */
  isStale = false;
  /** The length of looking up under all masks. */
  nWords = 0;
  readonly #pass: Pass;
  readonly #maps: ProgramMaps;
  readonly #slots: SlotMemory;
  readonly #index: GrowingIndex;
  readonly #hints = BpfMap.create({
    kind: "array",
    name: "tenet_hints",
    keyBytes: 4,
    valueBytes: MASK_HINTS,
    maxEntries: 1,
  });
  readonly #masks = new Map<string, MaskFlows>();
  readonly #maskByNumber = new Map<number, MaskFlows>();
  #lastNumber: number;
  readonly #record: FlowRecord | undefined;
  readonly #layouts = new WeakMap<Uint32Array, MaskLayout>();
  /** Kinds of actions that the program has, and those that it is yet to have, for flows that wait for it. */
  #actions: ReadonlySet<ActionName> = new Set<ActionName>(["copy", "send"]);
  readonly #newActions = new Set<ActionName>();
  readonly #waiting = new Map<number, readonly KernelAction<ActionName>[]>();
  readonly #others: readonly ListPass[];
  #isClosed = false;
  #program: BpfProgram;

  /**
   * @param others - go on with lists of its flows
   * @param record - where masks are noted
   * @param tell - is called when the kernel refuses memory for more flows
   * @throws SystemCallError when the kernel refuses a map or the program
   */
  constructor(
    pass: Pass,
    maps: ProgramMaps,
    slots: SlotMemory,
    others: readonly ListPass[],
    record: FlowRecord | undefined,
    tell: (refusal: AppError) => void,
  ) {
    this.#pass = pass;
    this.#lastNumber = pass === "first" ? -1 : 0;
    this.#record = record;
    this.#slots = slots;
    this.#maps = maps;
    this.#others = others;
    const open: { close(): void }[] = [this.#hints];
    try {
      this.#index = new GrowingIndex((slot) => this.#keyOf(slot), tell);
      open.push(this.#index);
      this.#program = BpfProgram.load(this.#spec(this.#actions));
    } catch (error) {
      for (const object of open) object.close();
      throw error;
    }
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

  /** The flows of a mask; `undefined` when the program does not fill a word that the mask has bits in, it is too wide or the program would be too long. */
  tableOf(key: Uint32Array, mask: Uint32Array): MaskFlows | undefined {
    const { name, words, unfilled } = this.#layoutOf(mask);
    // What the program does not fill is zero in the packets that it looks up.
    if (unfilled.some(({ word, bits }) => ((key[word] ?? 0) & bits) !== 0)) return undefined;
    if (words.length > MAX_MASK_WORDS) return undefined;
    const known = this.#masks.get(name);
    if (known !== undefined) return known;
    const nWords = words.length + LOOKUP_WORDS;
    if (this.nWords + nWords > MAX_PROGRAM_WORDS) this.#forgetMasks(0);
    if (this.nWords + nWords > MAX_PROGRAM_WORDS) return undefined;
    this.nWords += nWords;
    const made = { number: this.#freeNumber(), words, key: new Uint32Array(words.length), nFlows: 0, nEmptyRounds: 0 };
    this.#record?.noteMask(made.number, { pass: this.#pass, words });
    this.#masks.set(name, made);
    this.#maskByNumber.set(made.number, made);
    this.isStale = true;
    return made;
  }

  /**
   * Leads packets with the key of a slot, which is of this mask, to it, as soon as the program can do its actions.
   *
   * @returns whether there is room; else nothing has changed
   */
  add(table: MaskFlows, slot: number, actions: readonly KernelAction<ActionName>[]): boolean {
    const canDo = this.#canDo(actions);
    if (!canDo) this.#want(actions);
    if (!canDo || !this.#enter(table, slot)) {
      if (canDo && !this.#index.canGrow) return false;
      this.#waiting.set(slot, actions);
    }
    table.nFlows++;
    table.nEmptyRounds = 0;
    return true;
  }

  /** Takes away what `add` was given. */
  remove(slot: number): void {
    const isWaiting = this.#waiting.delete(slot);
    const table = this.#keyOf(slot);
    if (table === undefined) return;
    if (!isWaiting) this.#index.remove(table, slot);
    table.nFlows--;
  }

  /** A round is over: the next program is without masks that have had no flows for long. */
  ageMasks(): void {
    for (const table of this.#masks.values()) {
      if (table.nFlows === 0 && ++table.nEmptyRounds >= MAX_EMPTY_ROUNDS) this.isStale = true;
    }
  }

  /**
   * Makes the program anew on another thread, lets `install` put it in the place of the one before, and ends that. What changes meanwhile
   * makes the pass stale again.
   *
   * @throws AppError when the kernel refuses it: the one before stays
   */
  async replaceProgram(install: () => void): Promise<void> {
    this.isStale = false;
    this.#forgetMasks(MAX_EMPTY_ROUNDS);
    const actions = new Set([...this.#actions, ...this.#newActions]);
    if (this.#index.isCrowded) await this.#index.prepareLarger();
    if (this.#isClosed) return;
    const program = await this.#loadAside(actions);
    if (this.#isClosed) return program.close();
    this.#actions = actions;
    for (const name of actions) this.#newActions.delete(name);
    const before = this.#program;
    this.#program = program;
    install();
    before.close();
    this.#index.useLarger();
    this.enterWaiting();
  }

  /** Lets those flows into the kernel that waited for what the programs can do now. */
  enterWaiting(): void {
    for (const [slot, actions] of this.#waiting) {
      const table = this.#canDo(actions) ? this.#keyOf(slot) : undefined;
      if (table !== undefined && this.#enter(table, slot)) this.#waiting.delete(slot);
    }
  }

  /** Makes no program any more. */
  leave(): void {
    this.#isClosed = true;
  }

  /** Gives all memory back. */
  close(): void {
    this.leave();
    this.#index.close();
    this.#hints.close();
    this.#program.close();
  }

  /** From now on the program finds the slot by the key at hand. @returns whether there is room */
  #enter(table: MaskFlows, slot: number): boolean {
    const isIn = this.#index.insert(table, slot);
    this.isStale ||= this.#index.isCrowded;
    return isIn;
  }

  /** The mask of a slot, with the slot's key at hand. */
  #keyOf(slot: number): MaskFlows | undefined {
    const table = this.#maskByNumber.get(this.#slots.maskOf(slot));
    if (table !== undefined) this.#slots.readKey(slot, table.key);
    return table;
  }

  /** Forgets masks that have had no flows for so many rounds. */
  #forgetMasks(nRounds: number): void {
    for (const [name, { nFlows, nEmptyRounds, number, words }] of this.#masks) {
      if (nFlows > 0 || nEmptyRounds < nRounds) continue;
      this.#masks.delete(name);
      this.#maskByNumber.delete(number);
      this.nWords -= words.length + LOOKUP_WORDS;
      this.#record?.forgetMask(number);
    }
  }

  /** One that was not in use for as long as possible, since a program may yet have it. */
  #freeNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 2) % N_NUMBERS;
    while (this.#lastNumber === NO_MASK || this.#maskByNumber.has(this.#lastNumber));
    return this.#lastNumber;
  }

  async #loadAside(actions: ReadonlySet<ActionName>): Promise<BpfProgram> {
    try {
      return await BpfProgram.loadAside(this.#spec(actions));
    } catch (error) {
      this.#index.dropLarger();
      throw error;
    }
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
      if (place !== undefined && layout !== undefined && fillsPlace(this.#pass, place))
        words.push({ place, bits: toKernel(bits, layout) });
      else unfilled.push({ word, bits });
    }
    const made = { name: words.map(({ place, bits }) => `${place}/${bits}`).join(" "), words, unfilled };
    this.#layouts.set(mask, made);
    return made;
  }

  #canDo(actions: readonly KernelAction<ActionName>[]): boolean {
    return actions.every(({ what }) => this.#actions.has(what)) && this.#others.every((other) => other.canDo(actions));
  }

  /** The next programs are to be able to do a list. */
  #want(actions: readonly KernelAction<ActionName>[]): void {
    const names = actions.map(({ what }) => what);
    for (const other of this.#others) other.want(names);
    for (const name of names) {
      if (this.#actions.has(name)) continue;
      this.#newActions.add(name);
      this.isStale = true;
    }
  }

  #spec(actions: ReadonlySet<ActionName>): ProgramSpec {
    const maps = { ...this.#maps, maskHints: this.#hints, index: this.#index.reference };
    const code = flowProgram(this.#pass, [...this.#masks.values()], actions, maps);
    return { name: `tenet_${this.#pass}`, kind: "sched_cls", code };
  }
}

/** What the program has of a packet like `key` under a mask. @returns `table.key` */
export function maskedKey({ words, key: masked }: MaskFlows, key: Uint32Array): Uint32Array {
  for (let i = 0; i < masked.length; i++) masked[i] = wordOf(key, words[i]?.place ?? 0) & (words[i]?.bits ?? 0);
  return masked;
}

function wordOf(key: Uint32Array, place: number): number {
  const layout = KEY_WORDS[place];
  return layout === undefined ? 0 : toKernel(key[layout.word] ?? 0, layout);
}
