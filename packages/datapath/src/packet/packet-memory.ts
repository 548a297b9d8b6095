/**
 * The slots of frame memory: the first ones are filled by receiving, the others are scratch, for copies and for
 * frames that come from this process.
 *
 * A scratch slot is in use while a packet is in it (live) or a send queue refers to it (queued).
 */
import { FRAME_OFFSET, FrameArena, HEADROOM, MAX_FRAME_BYTES, VNET_HEADER_BYTES } from "@tenet/linux";
import type { Packet } from "./packet.ts";
import { clearVnetHeader } from "./vnet-header.ts";

/** Frames received by one call. */
export const N_RECEIVE_SLOTS = 32;
const N_SCRATCH_SLOTS = 24;
/** Room for outer headers, and for the segments of bundles on their way into tunnels. */
const N_TUNNEL_SLOTS = 12;

/** Bytes more than the headroom that a frame in a scratch slot has in front of it: for all outer headers there are. */
const PUSH_ROOM = 384;
const MAX_BYTES = MAX_FRAME_BYTES - PUSH_ROOM;

const LIVE = 1;
const QUEUED = 2;

/** Frame memory of one datapath. */
export class PacketMemory {
  readonly arena: FrameArena = new FrameArena(N_RECEIVE_SLOTS + N_SCRATCH_SLOTS + N_TUNNEL_SLOTS);
  readonly #states = new Uint8Array(N_SCRATCH_SLOTS);
  #tunnelBytesUsed = 0;

  /** Copies a frame of this process into a scratch slot. @returns false when no slot is free or it is too long */
  load(packet: Packet, frame: Uint8Array): boolean {
    if (frame.length > MAX_BYTES || !this.makeRoom(packet)) return false;
    this.arena.bytes.set(frame, packet.at);
    packet.length = frame.length;
    return true;
  }

  /** Takes a scratch slot, for whoever writes a frame into it. @returns false when none is free */
  makeRoom(packet: Packet): boolean {
    if (!this.#take(packet)) return false;
    clearVnetHeader(this.arena.bytes, packet.headerAt);
    packet.clearMetadata();
    return true;
  }

  /** Points a packet at a received frame. */
  adopt(packet: Packet, arena: FrameArena, at: number, length: number): void {
    packet.arena = arena;
    packet.floor = at - HEADROOM;
    packet.at = at;
    packet.length = length;
    packet.slot = -1;
    packet.ownsSlot = false;
    packet.isShared = false;
    packet.clearMetadata();
  }

  /** Points `copy` at the same bytes as `original`; both must not change them. */
  share(copy: Packet, original: Packet): void {
    copy.arena = original.arena;
    copy.floor = original.floor;
    copy.at = original.at;
    copy.length = original.length;
    copy.slot = original.slot;
    copy.ownsSlot = false;
    copy.inPort = original.inPort;
    copy.copyMetadata(original);
    copy.isShared = true;
  }

  /** Moves a packet to bytes of its own. @returns false when no slot is free */
  makeOwn(packet: Packet): boolean {
    const { arena, headerAt, length, slot, ownsSlot } = packet;
    if (length > MAX_BYTES || !this.#take(packet)) return false;
    const nBytes = VNET_HEADER_BYTES + length;
    this.arena.bytes.set(arena.bytes.subarray(headerAt, headerAt + nBytes), packet.headerAt);
    packet.length = length;
    if (ownsSlot) this.#clear(slot, LIVE);
    return true;
  }

  /** Points a packet at a frame inside a received datagram; the bytes of a virtio-net header in front are its own, too. */
  adoptInner(packet: Packet, at: number, length: number): void {
    this.adopt(packet, this.arena, at, length);
    clearVnetHeader(this.arena.bytes, packet.headerAt);
    packet.isShared = true; // what is further in front may be the packet before
  }

  /** Takes room for bytes that a send queue refers to. @returns where it is in the arena, or -1 when none is left */
  takeTunnelRoom(nBytes: number): number {
    const at = this.arena.slotAt(N_RECEIVE_SLOTS + N_SCRATCH_SLOTS) + this.#tunnelBytesUsed;
    if (at + nBytes > this.arena.bytes.length) return -1;
    this.#tunnelBytesUsed += nBytes;
    return at;
  }

  /** Notes that a send queue refers to the packet's bytes. */
  markQueued(packet: Packet): void {
    packet.isShared = true;
    if (packet.slot >= 0) this.#states[packet.slot] = (this.#states[packet.slot] ?? 0) | QUEUED;
  }

  /** The packet is done with. */
  release(packet: Packet): void {
    if (packet.ownsSlot) this.#clear(packet.slot, LIVE);
    packet.slot = -1;
    packet.ownsSlot = false;
  }

  /** Nothing is in flight any more. */
  releaseAll(): void {
    this.#states.fill(0);
  }

  /** Whether a scratch slot is free. */
  get hasRoom(): boolean {
    return this.#states.includes(0);
  }

  /** All send queues are empty again. */
  forgetQueued(): void {
    this.#tunnelBytesUsed = 0;
    for (let i = 0; i < this.#states.length; i++) this.#clear(i, QUEUED);
  }

  #take(packet: Packet): boolean {
    const slot = this.#states.indexOf(0);
    if (slot < 0) return false;
    this.#states[slot] = LIVE;
    packet.slot = slot;
    packet.ownsSlot = true;
    packet.arena = this.arena;
    packet.at = this.arena.slotAt(N_RECEIVE_SLOTS + slot) + FRAME_OFFSET + PUSH_ROOM;
    packet.floor = packet.at - HEADROOM - PUSH_ROOM;
    packet.isShared = false;
    return true;
  }

  #clear(slot: number, state: number): void {
    if (slot >= 0) this.#states[slot] = (this.#states[slot] ?? 0) & ~state;
  }
}
