/** What frames are received from and sent to: a packet socket on a device, or a TAP device. */

import { FRAME_OFFSET, type FrameArena, MAX_FRAME_BYTES, VNET_HEADER_BYTES } from "./frame-arena.ts";
import { MessageVector } from "./message-vector.ts";

/** An open device. All calls are non-blocking and never throw; failures are counted or reported by the result. */
export interface FrameDevice {
  readonly name: string;
  /** Readable when a frame waits. */
  readonly fd: number;
  /**
   * Receives frames into slots `firstSlot ...` of the arena of `batch`.
   *
   * @returns the number received; 0 when nothing waits; -1 when the device is gone or down
   */
  receive(batch: ReceivedFrames, limit: number): number;
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
  close(): void;
}

/** Frames received by one call: where each is in the arena. */
export class ReceivedFrames {
  readonly arena: FrameArena;
  readonly vector: MessageVector;
  /** Start of each frame in the arena. */
  readonly frameAt: Int32Array;
  /** Bytes of each frame. */
  readonly frameLength: Int32Array;
  /** Start of each frame's virtio-net header in the arena. */
  readonly headerAt: Int32Array;

  /** @param nSlots - the first so many slots of the arena are used */
  constructor(arena: FrameArena, nSlots: number) {
    this.arena = arena;
    this.vector = new MessageVector(nSlots, true);
    this.frameAt = new Int32Array(nSlots);
    this.frameLength = new Int32Array(nSlots);
    this.headerAt = new Int32Array(nSlots);
    for (let i = 0; i < nSlots; i++) {
      const slot = arena.slotAt(i);
      this.headerAt[i] = slot;
      const frame = arena.address + slot + FRAME_OFFSET;
      this.vector.setPieces(i, arena.address + slot, VNET_HEADER_BYTES, frame, MAX_FRAME_BYTES);
    }
  }
}

/** Frames waiting to be sent to one device: references into an arena, valid until they are sent. */
export class SendQueue {
  readonly arena: FrameArena;
  readonly vector: MessageVector;
  length = 0;

  constructor(arena: FrameArena, capacity: number) {
    this.arena = arena;
    this.vector = new MessageVector(capacity, false);
  }

  /** Whether the next `push` would not fit. */
  get isFull(): boolean {
    return this.length === this.vector.capacity;
  }

  /** Adds a frame and its virtio-net header, both offsets into the arena. */
  push(headerAt: number, frameAt: number, frameLength: number): void {
    const base = this.arena.address;
    this.vector.setPieces(this.length, base + headerAt, VNET_HEADER_BYTES, base + frameAt, frameLength);
    this.length++;
  }
}
