/**
 * The flows that a process left in the kernel when it was killed, read while its program goes on with them.
 *
 * What is read is taken for hints alone: this process translates each key anew and has flows of its own; so whatever was half written then,
 * or is not right any more now, costs a flow that no packet has. What is kept is what a flow has counted, when the new one does the same.
 */
import { join } from "node:path";
import { BpfMap } from "@tenet/bpf";
import type { Mapping } from "@tenet/linux";
import { FIELDS, makeFlowKey } from "@tenet/net";
import type { Megaflow } from "../../datapath.ts";
import { doSame, recircIdsIn } from "../actions/recorded-actions.ts";
import { fillsPlace, fromKernel, KEY_WORDS, placeOf } from "../key-layout.ts";
import { SLOT } from "../slot.ts";
import { SlotMemory } from "../slot-memory.ts";
import { RECORD, type RecordedMask, readMasks, readPorts } from "./flow-record.ts";

const RECIRC_ID = placeOf(FIELDS.recirc_id.word);

/** A flow that was left. */
export interface LeftFlow {
  /** As of a megaflow, with the number that its port has now, and the `recirc_id` of then. */
  readonly key: Uint32Array;
  /** Bits of packets that are known to be as in the key. Flows share it. */
  readonly mask: Uint32Array;
  /**
   * Says which flow is to go on in its place.
   *
   * @returns `recirc_id`s that its packets go on with: of then, and of now
   */
  becomes(flow: Megaflow): readonly (readonly [number, number])[];
}

/** What the flows of this process are. */
export interface FlowsNow {
  readonly slots: SlotMemory;
  /** Where the kernel has a flow, if it does. */
  slotOf(flow: Megaflow): number | undefined;
  portNoOf(name: string): number | undefined;
}

interface LeftSlot {
  readonly memory: SlotMemory;
  readonly slot: number;
  readonly mask: KnownMask;
}

interface KnownMask extends RecordedMask {
  readonly known: Uint32Array;
}

/** The flows of one process. */
export class LeftFlows {
  /** Number of flows. */
  readonly size: number;
  readonly #pieces: Mapping[] = [];
  readonly #slotsByRecircId = new Map<number, LeftSlot[]>();
  readonly #now: FlowsNow;
  readonly #portNoNow: ReadonlyMap<number, number | undefined>;
  readonly #successors: { readonly left: LeftSlot; readonly flow: Megaflow }[] = [];

  /**
   * @param folder - of the record of the process
   * @throws SystemCallError
   */
  constructor(folder: string, now: FlowsNow) {
    this.#now = now;
    this.#portNoNow = new Map([...readPorts(folder)].map(([portNo, name]) => [portNo, now.portNoOf(name)]));
    const masks = new Map([...readMasks(folder)].map(([number, mask]) => [number, { ...mask, known: knownBits(mask) }]));
    let size = 0;
    for (const piece of openPieces(join(folder, RECORD.slots))) {
      this.#pieces.push(piece);
      const nSlots = piece.bytes.length / SLOT.sizeBytes;
      const memory = new SlotMemory({ bytes: piece.bytes, nEntries: nSlots, keepSpare: () => undefined }, () =>
        Promise.resolve(),
      );
      for (let slot = 0; slot < nSlots; slot++) {
        const mask = masks.get(memory.maskOf(slot));
        if (mask === undefined) continue;
        this.#add({ memory, slot, mask });
        size++;
      }
    }
    this.size = size;
  }

  /** Flows of packets with this `recirc_id`, but those of ports that are gone. */
  *from(recircId: number): Generator<LeftFlow> {
    for (const left of this.#slotsByRecircId.get(recircId) ?? []) {
      const key = keyOf(left);
      const portNo = this.#portNoNow.get(key[FIELDS.in_port.word] ?? 0);
      if (portNo === undefined) continue;
      key[FIELDS.in_port.word] = portNo;
      yield { key, mask: left.mask.known, becomes: (flow) => this.#succeed(left, flow) };
    }
  }

  /**
   * Lets what flows have counted count for those that go on in their place and do the same. To be called once, when no packet is counted
   * here any more.
   *
   * @returns how many do
   */
  handOver(): number {
    const { slots, slotOf } = this.#now;
    let n = 0;
    for (const { left, flow } of this.#successors) {
      const slot = slotOf(flow);
      if (slot === undefined || !doSame(left.memory.actionWords(left.slot), slots.actionWords(slot))) continue;
      slots.addCounts(slot, left.memory, left.slot);
      n++;
    }
    return n;
  }

  /** Lets go of the memory. */
  close(): void {
    for (const piece of this.#pieces) piece.unmap();
  }

  #succeed(left: LeftSlot, flow: Megaflow): [number, number][] {
    this.#successors.push({ left, flow });
    const slot = this.#now.slotOf(flow);
    const ids = slot === undefined ? [] : recircIdsIn(this.#now.slots.actionWords(slot));
    const idsThen = recircIdsIn(left.memory.actionWords(left.slot)).slice(0, ids.length);
    return idsThen.map((id, i) => [id, ids[i] ?? 0]);
  }

  #add(left: LeftSlot): void {
    const key = new Uint32Array(left.mask.words.length);
    left.memory.readKey(left.slot, key);
    const recircId = key[left.mask.words.findIndex(({ place }) => place === RECIRC_ID)] ?? 0;
    const slots = this.#slotsByRecircId.get(recircId);
    if (slots === undefined) this.#slotsByRecircId.set(recircId, [left]);
    else slots.push(left);
  }
}

/** The memory of a growing array that is pinned. */
function* openPieces(path: string): Generator<Mapping> {
  const pieces = BpfMap.openPinned(path);
  for (let i = 0; i < pieces.spec.maxEntries; i++) {
    const piece = pieces.openInner(i);
    if (piece === undefined) break;
    const mapping = piece.mapValues();
    piece.close();
    yield mapping;
  }
  pieces.close();
}

/** The bits of a FlowKey that packets under a mask have as its keys: those of the mask, and all that the program does not fill, which are zero. */
function knownBits({ pass, words }: RecordedMask): Uint32Array {
  const bits = makeFlowKey().fill(0xffff_ffff);
  for (const [place, { word }] of KEY_WORDS.entries()) if (fillsPlace(pass, place)) bits[word] = 0;
  for (const { place, bits: masked } of words) {
    const layout = KEY_WORDS[place];
    if (layout !== undefined) bits[layout.word] = fromKernel(masked, layout);
  }
  return bits;
}

function keyOf({ memory, slot, mask: { words } }: LeftSlot): Uint32Array {
  const masked = new Uint32Array(words.length);
  memory.readKey(slot, masked);
  const key = makeFlowKey();
  for (const [i, { place }] of words.entries()) {
    const layout = KEY_WORDS[place];
    if (layout !== undefined) key[layout.word] = fromKernel(masked[i] ?? 0, layout);
  }
  return key;
}
