/**
 * Megaflows in the kernel: a cache in front of the flow table of this process.
 *
 * What: flows whose masks and actions the kernel's program can do are put there, too; their packets never come to this
 * process. All others do, as do packets that the program does not want to read, and find their flow here.
 * How: a map per mask leads from masked words to a slot; the program is made for the masks and the kinds of actions there are, and
 * replaced when they change. Until then packets of a new mask come here, where their flow is, too: nothing waits for the program.
 */
import { attach, BpfMap, BpfProgram, type Link } from "@tenet/bpf";
import type { DatapathAction, KernelStats } from "../datapath.ts";
import type { KernelAction, KernelPort } from "./actions/action-kind.ts";
import { type ActionName, toKernelActions } from "./actions/actions.ts";
import { IN_PORT, KEY_WORDS, placeOf, toKernel } from "./key-layout.ts";
import { PORT_COUNTERS } from "./program/counters.ts";
import { MASK_HINTS } from "./program/find-flow.ts";
import { flowProgram } from "./program/flow-program.ts";
import { SCRATCH_BYTES } from "./program/stack.ts";
import { SLOT } from "./slot.ts";
import { SlotMemory } from "./slot-memory.ts";

/** As many as the tag of a packet that comes up can tell. */
const MAX_PORTS = 65_536;
const MAX_FLOWS = 200_000;
/** Between two programs: making one takes tens of ms, and new masks come together. */
const RELOAD_MS = 100;

/** A flow that the kernel has. */
export interface KernelFlow {
  readonly nPackets: number;
  readonly nBytes: number;
  readonly usedMs: number;
  readonly tcpFlags: number;
}

/** What the program has forwarded from and to a port, and the packets that it held back because this process was behind. */
export interface KernelTraffic {
  readonly nHeld: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
}

/** The flows of one mask. */
interface MaskMap {
  readonly map: BpfMap;
  readonly words: readonly { readonly place: number; readonly bits: number }[];
  nFlows: number;
}

/** Puts flows into the kernel. */
export class KernelFlows {
  readonly #nowMs: () => number;
  /** From this process's monotonic clock to the kernel's. */
  readonly #clockOffsetMs: number;
  readonly #collector: number;
  readonly #portMap = BpfMap.create({ kind: "hash", name: "tenet_ports", keyBytes: 4, valueBytes: 8, maxEntries: MAX_PORTS });
  readonly #slotMap = BpfMap.create({
    kind: "array",
    name: "tenet_slots",
    keyBytes: 4,
    valueBytes: SLOT.sizeBytes,
    maxEntries: MAX_FLOWS,
    isMapped: true,
  });
  readonly #counterMap = BpfMap.create({
    kind: "array",
    name: "tenet_counters",
    keyBytes: 4,
    valueBytes: PORT_COUNTERS.sizeBytes,
    maxEntries: MAX_PORTS,
    isMapped: true,
  });
  readonly #hintMap = BpfMap.create({
    kind: "per-cpu-array",
    name: "tenet_hints",
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: MASK_HINTS,
  });
  readonly #slotMemory = this.#slotMap.mapValues();
  readonly #counterMemory = this.#counterMap.mapValues();
  readonly #slots = new SlotMemory(this.#slotMemory, MAX_FLOWS);
  readonly #counters = new DataView(this.#counterMemory.bytes.buffer, this.#counterMemory.bytes.byteOffset);
  readonly #masks = new Map<string, MaskMap>();
  /** Kinds of actions that the program has, and those that it is yet to have, for flows that wait for it. */
  readonly #actions = new Set<ActionName>(["copy", "send"]);
  readonly #newActions = new Set<ActionName>();
  readonly #waiting = new Set<FlowInKernel>();
  readonly #ports = new Map<number, KernelPort & { readonly link: Link }>();
  readonly #nLeftByReason = new Map<string, number>();
  #program: BpfProgram;
  #reload: NodeJS.Timeout | undefined;

  /**
   * @param collector - number of the device that packets come up by
   * @throws SystemCallError when the kernel refuses a map or the program
   */
  constructor(collector: number, nowMs: () => number) {
    this.#collector = collector;
    this.#nowMs = nowMs;
    this.#clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - nowMs();
    this.#program = this.#load();
  }

  /** How many flows are here, and why others are not. */
  stats(): KernelStats {
    let nFlows = 0;
    for (const table of this.#masks.values()) nFlows += table.nFlows;
    return { nFlows, nLeftByReason: this.#nLeftByReason };
  }

  /** What the program has counted of a port. */
  traffic(portNo: number): KernelTraffic {
    const read = (field: number): number => {
      const at = portNo * PORT_COUNTERS.sizeBytes + field;
      return this.#counters.getUint32(at + 4, true) * 2 ** 32 + this.#counters.getUint32(at, true);
    };
    const { held, rxPackets, rxBytes, txPackets, txBytes } = PORT_COUNTERS;
    return {
      nHeld: read(held),
      rxPackets: read(rxPackets),
      rxBytes: read(rxBytes),
      txPackets: read(txPackets),
      txBytes: read(txBytes),
    };
  }

  /** A packet of this port has come up. */
  taken(portNo: number): void {
    const at = portNo * PORT_COUNTERS.sizeBytes + PORT_COUNTERS.taken;
    const low = (this.#counters.getUint32(at, true) + 1) >>> 0;
    this.#counters.setUint32(at, low, true);
    if (low === 0) this.#counters.setUint32(at + 4, this.#counters.getUint32(at + 4, true) + 1, true);
  }

  /** Lets the program have a device's packets. @throws SystemCallError */
  addPort(portNo: number, port: KernelPort): void {
    this.#portMap.update(words(port.ifindex), words(portNo, port.isInternal ? 1 : 0));
    const direction = port.isInternal ? "egress" : "ingress";
    this.#ports.set(portNo, { ...port, link: attach(this.#program, { ifindex: port.ifindex, direction }) });
  }

  /** Takes the program off a device. */
  removePort(portNo: number): void {
    const port = this.#ports.get(portNo);
    if (port === undefined) return;
    port.link.detach();
    this.#portMap.delete(words(port.ifindex));
    this.#ports.delete(portNo);
  }

  /** Puts a flow into the kernel. @returns `undefined` when the program cannot do it, or there is no room: that is counted */
  put(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): KernelFlow | undefined {
    const kernelActions = toKernelActions({ key, mask, actions }, (portNo) => this.#ports.get(portNo));
    if (typeof kernelActions === "string") return this.#leave(kernelActions);
    const table = this.#tableOf(key, mask);
    if (table === undefined) return this.#leave("a mask that the program cannot look up");
    const slot = this.#slots.take(kernelActions, this.#nowMs());
    if (slot < 0) return this.#leave("lack of room for flows");
    const bytes = words(...table.words.map(({ place, bits }) => (wordOf(key, place) & bits) >>> 0));
    const flow = new FlowInKernel(this.#slots, this.#clockOffsetMs, slot, table, bytes);
    table.nFlows++;
    if (kernelActions.every(({ what }) => this.#actions.has(what))) flow.enter();
    else this.#wait(flow, kernelActions);
    return flow;
  }

  /** Takes a flow away; what it has counted can still be read, until the next flow is put. */
  remove(flow: KernelFlow): void {
    if (!(flow instanceof FlowInKernel)) return;
    if (!this.#waiting.delete(flow)) flow.leave();
    flow.table.nFlows--;
    this.#slots.release(flow.slot, this.#nowMs());
    if (flow.table.nFlows === 0) this.#reloadSoon();
  }

  /** Ends the program, and gives all memory back. */
  close(): void {
    clearTimeout(this.#reload);
    for (const portNo of this.#ports.keys()) this.removePort(portNo);
    this.#slotMemory.unmap();
    this.#counterMemory.unmap();
    const maps = [
      this.#portMap,
      this.#hintMap,
      this.#slotMap,
      this.#counterMap,
      ...[...this.#masks.values()].map(({ map }) => map),
    ];
    for (const object of [this.#program, ...maps]) object.close();
  }

  #leave(reason: string): undefined {
    this.#nLeftByReason.set(reason, (this.#nLeftByReason.get(reason) ?? 0) + 1);
    return undefined;
  }

  /** The flows of a mask; `undefined` when the program does not fill a word that the mask has bits in, or it is too wide. */
  #tableOf(key: Uint32Array, mask: Uint32Array): MaskMap | undefined {
    const wanted: { place: number; bits: number }[] = [];
    for (let word = 0; word < mask.length; word++) {
      const bits = mask[word] ?? 0;
      if (bits === 0) continue;
      const place = placeOf(word);
      const layout = place === undefined ? undefined : KEY_WORDS[place];
      if (place !== undefined && layout !== undefined && (place === IN_PORT || layout.group !== "metadata")) {
        wanted.push({ place, bits: toKernel(bits, layout) });
      } // What the program does not fill is zero in the packets that it looks up.
      else if (((key[word] ?? 0) & bits) !== 0) return undefined;
    }
    if (4 * wanted.length > SCRATCH_BYTES) return undefined;
    const name = wanted.map(({ place, bits }) => `${place}/${bits}`).join(" ");
    const known = this.#masks.get(name);
    if (known !== undefined) return known;
    const map = BpfMap.create({
      kind: "hash",
      name: "tenet_flows",
      keyBytes: 4 * wanted.length,
      valueBytes: 4,
      maxEntries: MAX_FLOWS,
      isGrowing: true,
    });
    const made = { map, words: wanted, nFlows: 0 };
    this.#masks.set(name, made);
    this.#reloadSoon();
    return made;
  }

  /** Keeps a flow out of the kernel until there is a program that can do it. */
  #wait(flow: FlowInKernel, actions: readonly KernelAction<ActionName>[]): void {
    for (const { what } of actions) if (!this.#actions.has(what)) this.#newActions.add(what);
    this.#waiting.add(flow);
    this.#reloadSoon();
  }

  #reloadSoon(): void {
    this.#reload ??= setTimeout(() => {
      this.#reload = undefined;
      this.#replaceProgram();
    }, RELOAD_MS).unref();
  }

  #replaceProgram(): void {
    for (const [name, { nFlows, map }] of this.#masks) {
      if (nFlows > 0) continue;
      this.#masks.delete(name);
      map.close();
    }
    const before = this.#program;
    for (const name of this.#newActions) this.#actions.add(name);
    this.#newActions.clear();
    this.#program = this.#load();
    for (const { link } of this.#ports.values()) link.replace(this.#program);
    before.close();
    for (const flow of this.#waiting) flow.enter();
    this.#waiting.clear();
  }

  #load(): BpfProgram {
    const maps = {
      ports: this.#portMap,
      maskHints: this.#hintMap,
      slots: this.#slotMap,
      counters: this.#counterMap,
      collector: this.#collector,
    };
    return BpfProgram.load({
      name: "tenet",
      kind: "sched_cls",
      code: flowProgram([...this.#masks.values()], this.#actions, maps),
    });
  }
}

class FlowInKernel implements KernelFlow {
  readonly slot: number;
  readonly table: MaskMap;
  readonly key: Uint8Array;
  readonly #slots: SlotMemory;
  readonly #clockOffsetMs: number;

  constructor(slots: SlotMemory, clockOffsetMs: number, slot: number, table: MaskMap, key: Uint8Array) {
    this.#slots = slots;
    this.#clockOffsetMs = clockOffsetMs;
    this.slot = slot;
    this.table = table;
    this.key = key;
  }

  /** From now on the program finds it. */
  enter(): void {
    this.table.map.update(this.key, words(this.slot));
  }

  /** From now on it does not. */
  leave(): void {
    this.table.map.delete(this.key);
  }

  get nPackets(): number {
    return this.#slots.packets(this.slot);
  }

  get nBytes(): number {
    return this.#slots.bytes(this.slot);
  }

  get usedMs(): number {
    const usedMs = this.#slots.usedMs(this.slot);
    return usedMs === 0 ? 0 : usedMs - this.#clockOffsetMs;
  }

  get tcpFlags(): number {
    return this.#slots.tcpFlags(this.slot);
  }
}

function wordOf(key: Uint32Array, place: number): number {
  const layout = KEY_WORDS[place];
  return layout === undefined ? 0 : toKernel(key[layout.word] ?? 0, layout);
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
