/**
 * What the next process has to know to read the flows that this one leaves in the kernel when it is killed: the slots, and what numbers in
 * them stand for. It is kept up to date all the time, since nobody knows when that will be.
 *
 *     FOLDER/slots     the pieces of the array of slots
 *     FOLDER/ports     from a port's number to its name
 *     FOLDER/masks     from a mask's number to | pass | number of words | place, bits, of each |
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BpfMap } from "@tenet/bpf";
import { ACTION_NAMES } from "../actions/actions.ts";
import { KEY_WORDS } from "../key-layout.ts";
import type { Pass } from "../program/flow-program.ts";
import type { MaskTable } from "../program/program-maps.ts";
import { SLOT } from "../slot.ts";

/** How slots and what belongs to them look, as a word: processes with the same one can read each other's. */
export const FLOW_FORMAT: string = createHash("sha256")
  .update(JSON.stringify([KEY_WORDS, SLOT, ACTION_NAMES]))
  .digest("hex")
  .slice(0, 16);

/** Names in the folder. */
export const RECORD = { slots: "slots", ports: "ports", masks: "masks" } as const;

const PASSES: readonly Pass[] = ["first", "later"];
/** Longer names are not noted: flows of such ports are made anew. */
const NAME_BYTES = 64;
const MASK_WORDS = 2 + 2 * KEY_WORDS.length;
/** As many as there may be ports at a time. */
const MAX_ENTRIES = 16_384;
const MAX_BATCH = 1024;

/** A mask, and the packets it is for. */
export interface RecordedMask {
  readonly pass: Pass;
  readonly words: MaskTable["words"];
}

/** The record of one process. */
export class FlowRecord {
  readonly #ports: BpfMap;
  readonly #masks: BpfMap;

  /**
   * @param folder - is made
   * @param slots - an array of maps: pieces of the array of slots
   * @throws SystemCallError
   */
  constructor(folder: string, slots: BpfMap) {
    mkdirSync(folder, { recursive: true });
    slots.pin(join(folder, RECORD.slots));
    const shape = { kind: "hash", keyBytes: 4, maxEntries: MAX_ENTRIES, isGrowing: true } as const;
    this.#ports = BpfMap.create({ ...shape, name: "tenet_ports_rec", valueBytes: NAME_BYTES });
    this.#masks = BpfMap.create({ ...shape, name: "tenet_masks_rec", valueBytes: 4 * MASK_WORDS });
    this.#ports.pin(join(folder, RECORD.ports));
    this.#masks.pin(join(folder, RECORD.masks));
  }

  notePort(portNo: number, name: string): void {
    const value = new Uint8Array(NAME_BYTES);
    const bytes = new TextEncoder().encode(name);
    if (bytes.length > NAME_BYTES) return;
    value.set(bytes);
    this.#ports.update(Uint32Array.of(portNo), value);
  }

  forgetPort(portNo: number): void {
    this.#ports.delete(Uint32Array.of(portNo));
  }

  /** @param number - not in use for another mask of either pass */
  noteMask(number: number, { pass, words }: RecordedMask): void {
    const value = new Uint32Array(MASK_WORDS);
    value.set([PASSES.indexOf(pass), words.length, ...words.flatMap(({ place, bits }) => [place, bits])]);
    this.#masks.update(Uint32Array.of(number), value);
  }

  forgetMask(number: number): void {
    this.#masks.delete(Uint32Array.of(number));
  }

  close(): void {
    this.#ports.close();
    this.#masks.close();
  }
}

/** Names of ports by number, as a process has noted them. @param folder - of its record */
export function readPorts(folder: string): Map<number, string> {
  const names = new Map<number, string>();
  forEachEntry(join(folder, RECORD.ports), (number, value) => {
    names.set(number, new TextDecoder().decode(value).replace(/\0.*$/s, ""));
  });
  return names;
}

/** Masks by number, as a process has noted them. @param folder - of its record */
export function readMasks(folder: string): Map<number, RecordedMask> {
  const masks = new Map<number, RecordedMask>();
  forEachEntry(join(folder, RECORD.masks), (number, value) => {
    const view = new DataView(value.buffer, value.byteOffset);
    const wordAt = (i: number): number => view.getUint32(4 * i, true);
    const words = Array.from({ length: wordAt(1) }, (_, i) => ({ place: wordAt(2 + 2 * i), bits: wordAt(3 + 2 * i) }));
    masks.set(number, { pass: PASSES[wordAt(0)] ?? "first", words });
  });
  return masks;
}

function forEachEntry(path: string, visit: (key: number, value: Uint8Array) => void): void {
  const map = BpfMap.openPinned(path);
  const { valueBytes } = map.spec;
  map.forEachBatch(MAX_BATCH, (keys, values, n) => {
    const numbers = new Uint32Array(keys.buffer, keys.byteOffset, n);
    for (const [i, number] of numbers.entries()) visit(number, values.slice(i * valueBytes, (i + 1) * valueBytes));
  });
  map.close();
}
