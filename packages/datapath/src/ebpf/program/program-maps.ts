/** What the program shares with this process. */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import type { IndexReference } from "../flow-index.ts";

/** A mask. */
export interface MaskTable {
  /** Tells it from the others of its pass; below 65,536. */
  readonly number: number;
  /** The words that the mask has bits in: their place in `KEY_WORDS`, and the bits as the program has them. */
  readonly words: readonly { readonly place: number; readonly bits: number }[];
}

/** Maps, and devices, by their numbers. */
export interface ProgramMaps {
  /** A hash from a device's number to a port's number and whether it is internal, 4 bytes each. */
  readonly ports: MapReference;
  /** Pieces of a growing array of `SLOT.sizeBytes`. */
  readonly slots: MapReference;
  /** Pieces of a growing array by port, see `PORT_COUNTERS`. */
  readonly counters: MapReference;
  /** An array by number, see `METER_WORD`. */
  readonly meters: MapReference;
  /** An array of one entry per processor: one value, see metadata.ts. */
  readonly metadata: MapReference;
  /** An array of one entry of `CRC_PRODUCTS_BYTES`, see crc32c.ts. */
  readonly crcProducts: MapReference;
  /** An array of programs: the one that looks packets up again. */
  readonly later: MapReference;
  /** Likewise: the one that tracks connections. */
  readonly tracker: MapReference;
  /** The device that packets go up by. */
  readonly collector: number;
  /** The other one of its pair: what is sent by it comes to the program of copies. */
  readonly copier: number;
  /** A program array, the program of packets for tunnels in its first entry. */
  readonly tunnels: MapReference;
}

/** With what the program of a pass has for itself. */
export interface PassMaps extends ProgramMaps {
  /** Leads to the slots of flows. */
  readonly index: IndexReference;
  /** An array of one entry of `MASK_HINTS` bytes, which all processors share. */
  readonly maskHints: MapReference;
}

/** What of connections is shared, see conntrack/connection-maps.ts. */
export interface ConnectionReferences {
  readonly index: MapReference;
  readonly entries: MapReference;
  readonly control: MapReference;
}

/** Sets `r0` to the address of the entry whose key is on the stack, or 0. */
export function findEntry(map: MapReference, keyAt: number): Code {
  return [asm.mapAddress("r1", map), asm.mov("r2", "r10"), asm.add("r2", keyAt), asm.call("map_lookup_elem")];
}

/**
 * Sets `r0` to the address of the entry of a growing array whose number is in `r1`, or goes to `absent`.
 *
 * @param length - of its pieces
 * @param at - 8 bytes of the stack for its use
 */
export function findInPieces(pieces: MapReference, length: number, at: number, absent: string): Code {
  const lookup = (keyAt: number): Code => [
    [asm.mov("r2", "r10"), asm.add("r2", keyAt), asm.call("map_lookup_elem"), asm.branch("r0", "==", 0, absent)],
  ];
  return [
    // | piece 4 | place in it 4 |
    [asm.mov("r2", "r1"), asm.rsh("r1", Math.log2(length)), asm.and("r2", length - 1), asm.lsh("r2", 32), asm.or("r1", "r2")],
    [asm.store(8, "r10", at, "r1"), asm.mapAddress("r1", pieces), lookup(at)],
    [asm.mov("r1", "r0"), lookup(at + 4)],
  ];
}
