/**
 * The packets in hand: a packet's actions may send copies of it on their way before it goes on itself.
 *
 * There is one object for each depth of nesting, used over and over. Who enters one leaves it again, last first.
 */
import type { PortOutput } from "../port/port-output.ts";
import { Packet } from "./packet.ts";
import type { PacketMemory } from "./packet-memory.ts";
import { SegmentBundle } from "./segment-bundle.ts";

/** An upcall may execute, which may recirculate, which may miss: two for each. */
const MAX_DEPTH = 24;

/** Packets by depth, in the memory of one datapath. */
export class PacketStack {
  /** Packets for which there was no memory, or that were nested too deep. */
  nLost = 0;
  readonly #memory: PacketMemory;
  /** What refers to memory that is free again once it is sent. */
  readonly #output: PortOutput;
  readonly #packets: readonly Packet[];
  #depth = 0;

  constructor(memory: PacketMemory, output: PortOutput) {
    this.#memory = memory;
    this.#output = output;
    this.#packets = Array.from({ length: MAX_DEPTH }, () => new Packet(memory.arena));
  }

  /** Whether no packet is in hand. */
  get isEmpty(): boolean {
    return this.#depth === 0;
  }

  /** Another packet, to be pointed at a frame; `undefined` when they are nested too deep. */
  enter(): Packet | undefined {
    const packet = this.#packets[this.#depth];
    if (packet === undefined) this.nLost++;
    else this.#depth++;
    return packet;
  }

  /** The packet that was entered last is done with. */
  leave(packet: Packet): void {
    this.#memory.release(packet);
    this.#depth--;
  }

  /** Forgets all packets, some of which were not left because a listener threw. */
  reset(): void {
    if (this.isEmpty) return;
    this.#depth = 0;
    this.#memory.releaseAll();
  }

  /** Copies a frame of this process for a packet. @returns false when there is no memory for it, or it is too long */
  load(packet: Packet, frame: Uint8Array): boolean {
    this.#findRoom();
    return this.#memory.load(packet, frame);
  }

  /** Enters a packet with the same bytes, which it may change when the first is not needed any more. */
  fork(packet: Packet, isLast: boolean): Packet | undefined {
    const copy = this.enter();
    if (copy === undefined) return undefined;
    const isShared = packet.isShared;
    this.#memory.share(copy, packet);
    copy.isShared = isShared || !isLast;
    packet.isShared = true;
    return copy;
  }

  /**
   * Sees to it that nobody else refers to the packet's bytes.
   *
   * @param nInFront - bytes that it must have room for in front
   * @returns false when there is no memory for a copy
   */
  makeOwn(packet: Packet, nInFront = 0): boolean {
    if (!packet.isShared && packet.at - nInFront >= packet.floor) return true;
    this.#findRoom();
    if (this.#memory.makeOwn(packet)) return true;
    this.nLost++;
    return false;
  }

  /** Hands each of the packets that a bundle stands for to `visit`, in memory of its own. */
  eachSegment(packet: Packet, visit: (segment: Packet) => void): void {
    const bundle = new SegmentBundle();
    if (!bundle.read(packet.arena.bytes, packet.headerAt, packet.at, packet.length)) return;
    for (let i = 0; i < bundle.nSegments; i++) {
      const segment = this.enter();
      if (segment === undefined) return;
      this.#findRoom();
      if (this.#memory.makeRoom(segment)) {
        segment.copyMetadata(packet);
        segment.inPort = packet.inPort;
        segment.length = bundle.write(i, segment.arena.bytes, segment.at);
        visit(segment);
      } else this.nLost++;
      this.leave(segment);
    }
  }

  #findRoom(): void {
    if (!this.#memory.hasRoom) this.#output.flush();
  }
}
