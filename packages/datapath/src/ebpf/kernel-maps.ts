/** The maps that the kernel's programs and this process share, whatever flows there are. */
import { BpfMap, GrowingArray, type GrowingArraySpec, type MapSpec } from "@tenet/bpf";
import type { AppError } from "@tenet/kit";
import { CRC_PRODUCTS_BYTES, crcProducts } from "./actions/crc32c.ts";
import { PORT_COUNTERS, PORTS_PER_PIECE } from "./program/counters.ts";
import { KEPT } from "./program/metadata.ts";
import { MAX_FLOWS, SLOT, SLOTS_PER_PIECE } from "./slot.ts";

/** Numbers of ports: as many as the tag of a packet that comes up can tell. */
const MAX_PORTS = 65_536;
/** Ports on devices at a time. */
const MAX_DEVICES = 16_384;

/** What a map is, but for its name; keys are numbers of 4 bytes. */
type Shape = Omit<MapSpec, "name" | "keyBytes">;

type MapName = "ports" | "metadata" | "later" | "tracker" | "clones" | "crcProducts";

const SHAPES: Readonly<Record<MapName, Shape>> = {
  /** From a device's number to a port's. */
  ports: { kind: "hash", valueBytes: 8, maxEntries: MAX_DEVICES, isGrowing: true },
  /** What goes along to the next look-up: no other packet comes between on the same processor. */
  metadata: { kind: "per-cpu-array", valueBytes: KEPT.sizeBytes, maxEntries: 1 },
  /** The later program, the one that tracks connections, and the one for copies. */
  later: { kind: "program-array", valueBytes: 4, maxEntries: 1 },
  tracker: { kind: "program-array", valueBytes: 4, maxEntries: 1 },
  clones: { kind: "program-array", valueBytes: 4, maxEntries: 1 },
  /** A table that nobody changes. */
  crcProducts: { kind: "array", valueBytes: CRC_PRODUCTS_BYTES, maxEntries: 1 },
};

const SLOTS: GrowingArraySpec = {
  name: "tenet_slots",
  valueBytes: SLOT.sizeBytes,
  pieceEntries: SLOTS_PER_PIECE,
  maxEntries: MAX_FLOWS,
};
const COUNTERS: GrowingArraySpec = {
  name: "tenet_counters",
  valueBytes: PORT_COUNTERS.sizeBytes,
  pieceEntries: PORTS_PER_PIECE,
  maxEntries: MAX_PORTS,
};

/** Maps by name. */
export type KernelMapSet = Readonly<Record<MapName, BpfMap>>;

/** All of them; what of it is memory; and how to let go. */
export interface KernelMaps {
  readonly maps: KernelMapSet;
  readonly slots: GrowingArray;
  readonly counters: GrowingArray;
  close(): void;
}

/**
 * Makes the maps; when the kernel refuses one, the others are given back.
 *
 * @param tell - is called when the kernel refuses memory for more flows
 * @throws SystemCallError
 */
export function openKernelMaps(tell: (refusal: AppError) => void): KernelMaps {
  const open: (() => void)[] = [];
  const close = (): void => {
    for (const each of open.toReversed()) each();
  };
  try {
    const made = Object.entries(SHAPES).map(([name, shape]) => {
      const map = BpfMap.create({ ...shape, name: `tenet_${name}`, keyBytes: 4 });
      open.push(() => map.close());
      return [name, map] as const;
    });
    const maps = Object.fromEntries(made) as unknown as KernelMapSet;
    maps.crcProducts.update(Uint32Array.of(0), crcProducts());
    const grow = (spec: GrowingArraySpec): GrowingArray => {
      const array = GrowingArray.create(spec, tell);
      open.push(() => array.close());
      return array;
    };
    return { maps, slots: grow(SLOTS), counters: grow(COUNTERS), close };
  } catch (error) {
    close();
    throw error;
  }
}
