/** The kernel's program with one flow, run on packets that belong to nobody. */
import { BpfMap, BpfProgram, GrowingArray } from "@tenet/bpf";
import type { DatapathAction } from "@tenet/datapath";
import type { KernelAction, KernelPort } from "../src/ebpf/actions/action-kind.ts";
import { type ActionName, toKernelActions } from "../src/ebpf/actions/actions.ts";
import { CRC_PRODUCTS_BYTES, crcProducts } from "../src/ebpf/actions/crc32c.ts";
import { FlowIndex } from "../src/ebpf/flow-index.ts";
import { KernelMeters } from "../src/ebpf/kernel-meters.ts";
import { placeOf } from "../src/ebpf/key-layout.ts";
import { PORT_COUNTERS, PORTS_PER_PIECE } from "../src/ebpf/program/counters.ts";
import { MASK_HINTS } from "../src/ebpf/program/find-flow.ts";
import { flowProgram } from "../src/ebpf/program/flow-program.ts";
import { KEPT } from "../src/ebpf/program/metadata.ts";
import { SLOT, SLOTS_PER_PIECE } from "../src/ebpf/slot.ts";
import { SlotMemory } from "../src/ebpf/slot-memory.ts";
import { FIELDS } from "@tenet/net";

/** Where packets of a run come in. */
const LOOPBACK = 1;
/** The number of the flow's mask. */
const MASK = 7;
const VERDICT = { pass: 0, redirect: 7 };

/** What became of a packet: sent as it is now, dropped, or not read by the program. */
export type Outcome = Uint8Array | "dropped" | "slow";

/** Maps and a program. */
export class OneFlowProgram {
  /** Whether a device has summed up the packets of runs: one throws `EBADMSG` when the program has made that untrue. */
  isSummed = false;
  readonly meters: KernelMeters = new KernelMeters(0);
  readonly #maps = {
    ports: BpfMap.create({ kind: "hash", name: "ports", keyBytes: 4, valueBytes: 8, maxEntries: 1 }),
    maskHints: BpfMap.create({ kind: "array", name: "hints", keyBytes: 4, valueBytes: MASK_HINTS, maxEntries: 1 }),
    metadata: BpfMap.create({
      kind: "per-cpu-array",
      name: "metadata",
      keyBytes: 4,
      valueBytes: KEPT.sizeBytes,
      maxEntries: 1,
    }),
    later: BpfMap.create({ kind: "program-array", name: "later", keyBytes: 4, valueBytes: 4, maxEntries: 1 }),
    tracker: BpfMap.create({ kind: "program-array", name: "tracker", keyBytes: 4, valueBytes: 4, maxEntries: 1 }),
    clones: BpfMap.create({ kind: "program-array", name: "clones", keyBytes: 4, valueBytes: 4, maxEntries: 1 }),
    crcProducts: BpfMap.create({ kind: "array", name: "crc", keyBytes: 4, valueBytes: CRC_PRODUCTS_BYTES, maxEntries: 1 }),
    tunnels: BpfMap.create({ kind: "program-array", name: "tunnels", keyBytes: 4, valueBytes: 4, maxEntries: 1 }),
  };
  readonly #slots = onePiece(SLOT.sizeBytes, SLOTS_PER_PIECE);
  readonly #counters = onePiece(PORT_COUNTERS.sizeBytes, PORTS_PER_PIECE);
  readonly #index = new FlowIndex(0, 1);
  readonly #program: BpfProgram;

  /** @param actions - what flows can do */
  constructor(actions: ReadonlySet<ActionName>) {
    this.#maps.ports.update(Uint32Array.of(LOOPBACK), Uint32Array.of(1, 1));
    this.#maps.crcProducts.update(Uint32Array.of(0), crcProducts());
    this.#index.insert(MASK, Uint32Array.of(1), 0);
    const table = { number: MASK, words: [{ place: placeOf(FIELDS.in_port.word) ?? 0, bits: 0xffff_ffff }] };
    const code = flowProgram("first", [table], actions, {
      ...this.#maps,
      slots: this.#slots.pieces,
      counters: this.#counters.pieces,
      index: this.#index,
      meters: this.meters.map,
      collector: LOOPBACK,
      copier: LOOPBACK,
    });
    this.#program = BpfProgram.load({ name: "one_flow", kind: "sched_cls", code });
  }

  /** What the program is to do for a flow's actions. */
  static translate(
    key: Uint32Array,
    mask: Uint32Array,
    actions: readonly DatapathAction[],
  ): readonly KernelAction<ActionName>[] | string {
    const portOf = (portNo: number): KernelPort => ({ ifindex: portNo, isInternal: false });
    const made = toKernelActions({ key, mask, actions }, { portOf, pathInto: () => undefined, canMeter: () => true });
    return typeof made === "string" ? made : made.actions;
  }

  /**
   * Runs the program on a packet, with a flow that does this.
   *
   * @param gsoSize - payload of the segments that it stands for, if it does
   * @param keyInSlot - for which port the slot is, when not for the packet's
   */
  run(packet: Uint8Array, actions: readonly KernelAction<ActionName>[], gsoSize = 0, keyInSlot = 1): Outcome {
    new SlotMemory(this.#slots, () => Promise.resolve()).take(actions, MASK, Uint32Array.of(keyInSlot));
    const { value, packet: after } = this.#program.run({ packet, context: contextWith(gsoSize), isSummed: this.isSummed });
    return value === VERDICT.redirect ? after : value === VERDICT.pass ? "slow" : "dropped";
  }

  close(): void {
    for (const object of [this.meters, this.#program, this.#index, this.#slots, this.#counters, ...Object.values(this.#maps)])
      object.close();
  }
}

function onePiece(valueBytes: number, pieceEntries: number): GrowingArray {
  const fail = (refusal: Error): never => {
    throw refusal;
  };
  return GrowingArray.create({ name: "one_piece", valueBytes, pieceEntries, maxEntries: pieceEntries }, fail);
}

/** An `__sk_buff`, as far as a run takes it. */
function contextWith(gsoSize: number): Uint8Array {
  const context = new Uint8Array(192);
  new DataView(context.buffer).setUint32(40, LOOPBACK, true);
  new DataView(context.buffer).setUint32(176, gsoSize, true);
  return context;
}
