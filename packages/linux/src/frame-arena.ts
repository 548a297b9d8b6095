/**
 * The one piece of memory that frames live in between two system calls.
 *
 * It is divided into slots. Each holds a virtio-net header and one frame of up to 64 KiB, with room in front of the
 * frame for tags that are pushed. The kernel reads and writes the slots directly, so a frame that is forwarded
 * unchanged is never copied by us. A slot's length is an odd number of cache lines, so that the headers of
 * neighbouring frames do not compete for the same cache sets.
 *
 *  slot: | virtio-net header 10 | pad | headroom 32 | frame ... |
 *        0                      10    32            64          67648
 *
 * The memory is an ordinary ArrayBuffer: its bytes never move, and it lives as long as it is referenced.
 */
import { libc } from "./libc.ts";

/** Bytes of a slot. */
export const SLOT_BYTES: number = 1057 * 64;

/** Where a frame starts in its slot, as received. */
export const FRAME_OFFSET = 64;

/** Largest frame a slot can hold. */
export const MAX_FRAME_BYTES: number = SLOT_BYTES - FRAME_OFFSET;

/** Bytes of a virtio-net header without the count of merged buffers. */
export const VNET_HEADER_BYTES = 10;

/** Slots of frame memory; positions are offsets into `bytes`. */
export class FrameArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly nSlots: number;
  #address = 0;

  /** @param nSlots - about 66 KiB each; pages are only used once touched */
  constructor(nSlots: number) {
    this.nSlots = nSlots;
    this.bytes = new Uint8Array(new ArrayBuffer(nSlots * SLOT_BYTES));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Where slot `i` starts; the virtio-net header is here. */
  slotAt(i: number): number {
    return i * SLOT_BYTES;
  }

  /** The address of `bytes`, for system calls. */
  get address(): number {
    if (this.#address === 0) this.#address = libc().addressOf(this.bytes);
    return this.#address;
  }
}
