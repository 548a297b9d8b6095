/**
 * Memory that frames live in between two system calls: slots of equal length, for us and the kernel alike.
 *
 * A slot holds one frame with its virtio-net header right in front of it, so that both are one piece for the kernel, and
 * with room in front of that for headers that are pushed. The kernel reads and writes the slots directly, so a frame that
 * is forwarded unchanged is never copied by us.
 *
 *  slot: | headroom 182 | virtio-net header 10 | frame ... |
 *        0              182                    192
 *
 * An arena of ours has slots for the largest frames; their length is an odd number of cache lines, so that the headers of
 * neighbouring frames do not compete for the same cache sets. It is an ordinary ArrayBuffer: its bytes never move, and it
 * lives as long as it is referenced. The other kind is mapped from the kernel (see frame-ring.ts).
 */
import { libc } from "./libc.ts";

/** Where a frame starts in its slot, as received. */
export const FRAME_OFFSET = 192;

/** Bytes in front of a frame that was received which headers may be pushed into, and the virtio-net header moved to. */
export const HEADROOM = 128;

/** Bytes of a virtio-net header without the count of merged buffers. */
export const VNET_HEADER_BYTES = 10;

/** Bytes of a slot of ours. */
const SLOT_BYTES = 1059 * 64;

/** Largest frame that a slot of ours can hold. */
export const MAX_FRAME_BYTES: number = SLOT_BYTES - FRAME_OFFSET;

/** Memory that is mapped already. */
export interface MappedMemory {
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly slotBytes: number;
}

/** Slots of frame memory; positions are offsets into `bytes`. */
export class FrameArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly nSlots: number;
  readonly #slotBytes: number;
  #address: number;

  /** @param nSlots - about 66 KiB each when no memory is given; pages are only used once touched */
  constructor(nSlots: number, memory?: MappedMemory) {
    this.nSlots = nSlots;
    this.#slotBytes = memory?.slotBytes ?? SLOT_BYTES;
    this.bytes = memory?.bytes ?? new Uint8Array(new ArrayBuffer(nSlots * SLOT_BYTES));
    this.view = new DataView(this.bytes.buffer);
    this.#address = memory?.address ?? 0;
  }

  /** Where slot `i` starts. */
  slotAt(i: number): number {
    return i * this.#slotBytes;
  }

  /** Bytes between a position and the end of the slot that it is in. */
  roomBehind(at: number): number {
    return this.#slotBytes - (at % this.#slotBytes);
  }

  /** The address of `bytes`, for system calls. */
  get address(): number {
    if (this.#address === 0) this.#address = libc().addressOf(this.bytes);
    return this.#address;
  }
}
