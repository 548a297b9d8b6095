/**
 * Sends packets out of ports.
 *
 * Those for devices and tunnels are gathered by reference, port by port, and sent together: at the end of a burst, before
 * the memory that they are in is used again, or when a queue is full. What a port cannot take is lost there, and counted.
 */
import type { Packet } from "../packet/packet.ts";
import type { PacketMemory } from "../packet/packet-memory.ts";
import type { Port } from "./port.ts";
import { splitFrame } from "../packet/split-frame.ts";
import { completeInPlace, isPartialSctp } from "../packet/vnet-header.ts";
import type { TunnelOutput } from "../tunnel/tunnel-output.ts";

/** What is to be sent of one datapath. */
export class PortOutput {
  readonly #memory: PacketMemory;
  /** Ports with something to send. */
  readonly #waiting: Port[] = [];

  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  /** Whether nothing refers to the memory of packets. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Sends a packet out of a port; the packet's bytes must stay as they are until `flush`. */
  send(port: Port, packet: Packet): void {
    const { end } = port;
    if (end.kind === "memory") return deliver(port, packet);
    if (end.kind === "tunnel") return this.#encapsulate(port, end.sockets?.output, packet);
    const { queue } = end;
    const { arena, headerAt, at, length } = packet;
    if (isPartialSctp(arena.bytes, headerAt)) completeInPlace(arena.bytes, headerAt, at, length);
    if (queue.isFull) this.flush();
    if (queue.length === 0) this.#waiting.push(port);
    queue.push(arena, at, length);
    port.nBytesQueued += length;
    this.#memory.markQueued(packet);
  }

  /** Sends all that was gathered. */
  flush(): void {
    if (this.isEmpty) return;
    for (const port of this.#waiting) sendQueue(port);
    this.#waiting.length = 0;
    this.#memory.forgetQueued();
  }

  #encapsulate(port: Port, output: TunnelOutput | undefined, packet: Packet): void {
    let result = output?.push(packet);
    if (result === "full") {
      this.flush();
      result = output?.push(packet);
    }
    if (result !== "queued") port.counters.txDropped++;
    else if (output?.isFirst === true) this.#waiting.push(port);
  }
}

function deliver({ end, counters }: Port, packet: Packet): void {
  if (end.kind !== "memory") return;
  const frames = splitFrame(packet.arena.bytes, packet.headerAt, packet.at, packet.length);
  if (frames.length === 0) counters.txErrors++;
  for (const frame of frames) {
    counters.txPackets++;
    counters.txBytes += frame.length;
    end.link.deliver(frame);
  }
}

function sendQueue(port: Port): void {
  const { end, counters } = port;
  if (end.kind === "tunnel" && !port.isClosed) return end.sockets?.output.flush(counters);
  if (end.kind !== "device") return;
  const { queue, device } = end;
  const nQueued = queue.length;
  const nBytes = port.nBytesQueued;
  port.nBytesQueued = 0;
  if (port.isClosed) {
    queue.length = 0;
    return;
  }
  const nSent = device.send(queue);
  counters.txPackets += nSent;
  counters.txBytes += nSent === nQueued ? nBytes : Math.round((nBytes * nSent) / nQueued);
  counters.txDropped += nQueued - nSent;
}
