/** What the program shares with this process. */
import { asm, type Code, type MapReference } from "@tenet/bpf";

/** The flows of one mask. */
export interface MaskTable {
  /** A hash from the masked words to a slot's number. */
  readonly map: MapReference;
  /** The words that the mask has bits in: their place in `KEY_WORDS`, and the bits as the program has them. */
  readonly words: readonly { readonly place: number; readonly bits: number }[];
}

/** Maps, and devices, by their numbers. */
export interface ProgramMaps {
  /** A hash from a device's number to a port's number and whether it is internal, 4 bytes each. */
  readonly ports: MapReference;
  /** An array of `SLOT.sizeBytes`. */
  readonly slots: MapReference;
  /** An array by port, see `PORT_COUNTERS`. */
  readonly counters: MapReference;
  /** An array by number, see `METER_WORD`. */
  readonly meters: MapReference;
  /** An array of one entry per processor: one value, see metadata.ts. */
  readonly metadata: MapReference;
  /** An array of programs: the one that looks packets up again. */
  readonly later: MapReference;
  /** Likewise: the one that tracks connections. */
  readonly tracker: MapReference;
  /** The device that packets go up by. */
  readonly collector: number;
  /** A program array, the program of packets for tunnels in its first entry. */
  readonly tunnels: MapReference;
}

/** With what the program of a pass has for itself. */
export interface PassMaps extends ProgramMaps {
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
