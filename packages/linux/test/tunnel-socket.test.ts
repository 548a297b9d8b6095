/** Tunnel sockets over the loopback device: payload, addresses, TTL and TOS arrive; several in one piece too. */
import { describe, expect, test } from "vitest";
import {
  DatagramQueue,
  findLink,
  FRAME_OFFSET,
  FrameArena,
  holdUdpPorts,
  openTunnelSender,
  openUdpReceiver,
  PathMtuProbe,
  ReceivedDatagrams,
  type TunnelReceiver,
} from "@tenet/linux";

const LOOPBACK = 0x7f000001;

/** A receiver at a free port. */
function openReceiver(): { receiver: TunnelReceiver; port: number } {
  for (let port = 40_000 + (process.pid % 9000); ; port++) {
    try {
      return { receiver: openUdpReceiver(port), port };
    } catch (error) {
      if (!String(error).includes("EADDRINUSE")) throw error;
    }
  }
}

describe.skipIf(process.platform !== "linux")("over the loopback device", () => {
  const arena = new FrameArena(8);
  const payloadAt = arena.slotAt(7) + FRAME_OFFSET;

  function exchange(family: 4 | 6, fill: (queue: DatagramQueue, port: number) => void): { batch: ReceivedDatagrams; n: number } {
    const { receiver, port } = openReceiver();
    const sender = openTunnelSender({ protocol: "udp", family, mayFragment: false, hasChecksum: true });
    const batch = new ReceivedDatagrams(arena, 7);
    const queue = new DatagramQueue(4);
    fill(queue, port);
    const { length } = queue;
    expect(sender.send(queue)).toBe(length);
    const n = receiver.receive(batch, 7);
    expect(receiver.receive(batch, 7)).toBe(0);
    expect(receiver.takeDropped()).toBe(0);
    sender.close();
    receiver.close();
    return { batch, n };
  }

  test("an IPv4 datagram of two pieces", () => {
    arena.bytes.set([1, 2, 3, 4, 5], payloadAt);
    const { batch, n } = exchange(4, (queue, port) => {
      queue.push4(0x7f000005, LOOPBACK, port, 33, 0x28);
      queue.addPiece(arena.address + payloadAt, 2);
      queue.addPiece(arena.address + payloadAt + 3, 2);
    });
    expect(n).toBe(1);
    const at = batch.at[0] ?? 0;
    expect([...arena.bytes.subarray(at, at + (batch.length[0] ?? 0))]).toEqual([1, 2, 4, 5]);
    expect([batch.ttl[0], batch.tos[0], batch.segmentSize[0]]).toEqual([33, 0x28, 0]);
    expect([...batch.source.subarray(0, 4)]).toEqual([0, 0, 0xffff, 0x7f000005]);
    expect([...batch.destination.subarray(0, 4)]).toEqual([0, 0, 0xffff, LOOPBACK]);
  });

  test("an IPv6 datagram", () => {
    const words = Uint32Array.of(0, 0, 0, 0, 0, 0, 0, 1);
    const { batch, n } = exchange(6, (queue, port) => {
      queue.push6(words, 0, 4, port, 7, 4);
      queue.addPiece(arena.address + payloadAt, 5);
    });
    expect([n, batch.length[0], batch.ttl[0], batch.tos[0]]).toEqual([1, 5, 7, 4]);
    expect([...batch.source.subarray(0, 4)]).toEqual([0, 0, 0, 1]);
    expect([...batch.destination.subarray(0, 4)]).toEqual([0, 0, 0, 1]);
  });

  test("several datagrams in one piece", () => {
    for (let i = 0; i < 2500; i++) arena.bytes[payloadAt + i] = i;
    const { batch, n } = exchange(4, (queue, port) => {
      queue.push4(0, LOOPBACK, port, 64, 0);
      queue.addPiece(arena.address + payloadAt, 2500);
      queue.cutInto(1000);
    });
    const sizes = Array.from({ length: n }, (_, i) => [batch.length[i], batch.segmentSize[i]]);
    expect(sizes).toEqual([[2500, 1000]]);
  });
});

describe.skipIf(process.platform !== "linux")("ports without a sender", () => {
  test("are nobody else's until they are given back", () => {
    const held = holdUdpPorts(4);
    const others = holdUdpPorts(4);
    expect(Math.abs(held.first - others.first)).toBeGreaterThanOrEqual(4);
    expect(() => openUdpReceiver(held.first + 3)).toThrow(/EADDRINUSE/);
    others.close();
    held.close();
    openUdpReceiver(held.first + 3).close();
  });
});

test.skipIf(process.platform !== "linux")("the MTU of a way is that of its device when no router said otherwise", () => {
  const probe = new PathMtuProbe();
  const longest = Math.min(findLink("lo")?.mtu ?? 0, 65_535);
  for (const end of [1, 2]) expect(probe.mtuTo(Uint8Array.of(127, 0, 0, end))).toBe(longest);
  probe.close();
});
