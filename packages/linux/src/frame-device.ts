/** What frames are received from and sent to: a packet socket on a device, or a TAP device. */

import { FRAME_OFFSET, type FrameArena, MAX_FRAME_BYTES, VNET_HEADER_BYTES } from "./frame-arena.ts";
import { MessageVector } from "./message-vector.ts";

/** An open device. All calls are non-blocking and never throw; failures are counted or reported by the result. */
export interface FrameDevice {
  readonly name: string;
  /** Readable when a frame waits. */
  readonly fd: number;
  /** Whether it is worth receiving again at once. */
  readonly hasMore: boolean;
  /**
   * Receives frames; they are valid until `release` is called. One of length 0 was lost.
   *
   * @returns the number received; 0 when nothing waits; -1 when the device is gone or down
   */
  receive(batch: ReceivedFrames, limit: number): number;
  /** Gives the memory of the frames received last back to the kernel. */
  release(): void;
  /**
   * Sends what `queue` holds and empties it.
   *
   * @returns the number that the kernel accepted
   */
  send(queue: SendQueue): number;
  /** Frames lost in the kernel since the last call. */
  takeDropped(): number;
  /** Whether frames still pass although no device of this name is in our network namespace: it moved to another. */
  isElsewhere(): boolean;
  /** Has the device outlive this process, with its addresses, when that ends without closing it. */
  stay(): void;
  close(): void;
}

/** Frames received by one call: where each is. The virtio-net header is in the {@link VNET_HEADER_BYTES} in front of it. */
export class ReceivedFrames {
  /** The memory that frames are copied into. */
  readonly arena: FrameArena;
  readonly vector: MessageVector;
  /** The memory that each frame is in: the above, or that of the device. */
  readonly arenas: FrameArena[];
  /** Start of each frame in its memory. */
  readonly frameAt: Int32Array;
  /** Bytes of each frame. */
  readonly frameLength: Int32Array;

  /** @param nSlots - the first so many slots of the arena are used */
  constructor(arena: FrameArena, nSlots: number) {
    this.arena = arena;
    this.vector = new MessageVector(nSlots);
    this.arenas = Array.from({ length: nSlots }, () => arena);
    this.frameAt = new Int32Array(nSlots);
    this.frameLength = new Int32Array(nSlots);
    for (let i = 0; i < nSlots; i++) {
      const from = arena.slotAt(i) + FRAME_OFFSET - VNET_HEADER_BYTES;
      this.vector.setPiece(i, arena.address + from, VNET_HEADER_BYTES + MAX_FRAME_BYTES);
    }
  }

  /** Notes that frame `i` was copied into slot `slot`, `nBytes` with its header. */
  setCopied(i: number, slot: number, nBytes: number): void {
    this.arenas[i] = this.arena;
    this.frameAt[i] = this.arena.slotAt(slot) + FRAME_OFFSET;
    this.frameLength[i] = Math.max(0, nBytes - VNET_HEADER_BYTES);
  }
}

/** Frames waiting to be sent to one device: references into memory, valid until they are sent. */
export class SendQueue {
  readonly vector: MessageVector;
  length = 0;

  constructor(capacity: number) {
    this.vector = new MessageVector(capacity);
  }

  /** Whether the next `push` would not fit. */
  get isFull(): boolean {
    return this.length === this.vector.capacity;
  }

  /** Adds a frame and the virtio-net header in front of it. */
  push(arena: FrameArena, frameAt: number, frameLength: number): void {
    this.vector.setPiece(this.length, arena.address + frameAt - VNET_HEADER_BYTES, VNET_HEADER_BYTES + frameLength);
    this.length++;
  }
}
