/** The kernel's tracking of connections by itself: a program that is given a packet, its metadata and one action. */
import { asm, BpfMap, BpfProgram } from "@tenet/bpf";
import { makeFlowKey } from "@tenet/net";
import type { CtDatapathAction } from "@tenet/datapath";
import type { KernelAction } from "../src/ebpf/actions/action-kind.ts";
import { type ActionName, actionNumber } from "../src/ebpf/actions/actions.ts";
import { translateTrack } from "../src/ebpf/actions/track.ts";
import type { ConnectionMaps } from "../src/ebpf/conntrack/connection-maps.ts";
import { track } from "../src/ebpf/conntrack/track.ts";
import { fromKernel, KEY_BYTES, KEY_WORDS, toKernel } from "../src/ebpf/key-layout.ts";
import { STACK } from "../src/ebpf/program/stack.ts";
import { SLOT } from "../src/ebpf/slot.ts";

const UP = 1;

/** Tracks packets with the maps of one tracker. */
export class TrackingProgram {
  /** Whether a device has summed packets up, see `RunSpec`. */
  isSummed = false;
  readonly #shared = BpfMap.create({
    kind: "array",
    name: "tracking",
    keyBytes: 4,
    valueBytes: KEY_BYTES + SLOT.sizeBytes,
    maxEntries: 1,
    isMapped: true,
  });
  readonly #mapping = this.#shared.mapValues();
  readonly #view = new DataView(this.#mapping.bytes.buffer, this.#mapping.bytes.byteOffset);
  readonly #program: BpfProgram;

  constructor(maps: ConnectionMaps) {
    const words = Array.from({ length: KEY_BYTES / 4 }, (_, i) => 4 * i);
    const copy = (at: number, isIn: boolean) =>
      isIn
        ? [asm.load(4, "r2", "r1", at), asm.store(4, "r10", STACK.key + at, "r2")]
        : [asm.load(4, "r2", "r10", STACK.key + at), asm.store(4, "r1", at, "r2")];
    this.#program = BpfProgram.load({
      name: "track",
      kind: "sched_cls",
      code: [
        [asm.mov("r6", "r1"), asm.mapValue("r1", this.#shared), words.map((at) => copy(at, true))],
        [asm.store(8, "r10", STACK.slot, 0), asm.mapValue("r9", this.#shared, KEY_BYTES), asm.mov("r8", 0), asm.mov("r7", "r9")],
        track(maps, { translates: true, choosesAnswers: true }),
        [asm.label("tracked"), asm.mapValue("r1", this.#shared), words.map((at) => copy(at, false))],
        [asm.mov("r0", 0), asm.exit()],
        [asm.label("slow-again"), asm.mov("r0", UP), asm.exit()],
      ],
    });
  }

  /**
   * Tracks a packet.
   *
   * @param key - what is known of the packet: a FlowKey whose metadata counts
   * @returns what is known of it then, and its bytes; `undefined` when the program leaves it to user space
   */
  track(packet: Uint8Array, key: Uint32Array, action: CtDatapathAction): { key: Uint32Array; frame: Uint8Array } | undefined {
    for (const [i, layout] of KEY_WORDS.entries()) this.#view.setUint32(4 * i, toKernel(key[layout.word] ?? 0, layout), true);
    for (const [i, { what, argument, low, high }] of actionsOf(action).entries()) {
      const at = KEY_BYTES + SLOT.actions + SLOT.actionBytes * i;
      for (const [k, word] of [actionNumber(what), argument, low, high].entries()) this.#view.setUint32(at + 4 * k, word, true);
    }
    const result = this.#program.run({ packet, isSummed: this.isSummed });
    if (result.value === UP) return undefined;
    const found = makeFlowKey();
    for (const [i, layout] of KEY_WORDS.entries()) found[layout.word] = fromKernel(this.#view.getUint32(4 * i, true), layout);
    return { key: found, frame: result.packet };
  }

  close(): void {
    this.#program.close();
    this.#mapping.unmap();
    this.#shared.close();
  }
}

/** What the program is to do for a `ct` alone. */
function actionsOf(action: CtDatapathAction): readonly KernelAction<ActionName>[] {
  const besides = { lists: [], resumptions: [] };
  return translateTrack(action, { list: [action], place: 0, outer: undefined, cut: undefined, besides }) ?? [];
}
