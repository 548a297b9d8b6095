import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createNamespace,
  createVethPair,
  deleteLeftovers,
  FRAME_OFFSET,
  FrameArena,
  type FrameDevice,
  inNamespace,
  openPacketSocket,
  probe,
  ReceivedFrames,
  SendQueue,
  setLinkUp,
  setMtu,
  untilOperational,
} from "@tenet/linux";

const { canUseNamespaces, missing } = probe();
if (!canUseNamespaces) console.log(`skipped: ${missing.join(", ")}`);

const N_RING_SLOTS = 1024;
const arena = new FrameArena(64);
let sender: FrameDevice;
let receiver: FrameDevice;

beforeEach(async () => {
  if (!canUseNamespaces) return;
  deleteLeftovers("tps-");
  createNamespace("tps-a");
  createVethPair({ name: "tps-b", peer: "eth0", peerNamespace: "tps-a" });
  setMtu("tps-b", 9000);
  setLinkUp("tps-b");
  inNamespace("tps-a", () => {
    setMtu("eth0", 9000);
    setLinkUp("eth0");
  });
  await untilOperational([{ name: "tps-b" }, { name: "eth0", namespace: "tps-a" }]);
  sender = inNamespace("tps-a", () => openPacketSocket("eth0"));
  receiver = openPacketSocket("tps-b");
});

afterEach(() => {
  if (!canUseNamespaces) return;
  sender.close();
  receiver.close();
  deleteLeftovers("tps-");
});

/** A frame of an experimental type with a number in it; every third one tagged with VLAN 5. */
function numbered(n: number, length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(n);
  const view = new DataView(frame.buffer);
  const isTagged = n % 3 === 0;
  if (isTagged) view.setUint32(12, 0x8100_6005);
  view.setUint16(isTagged ? 16 : 12, 0x88b5);
  view.setUint32(isTagged ? 18 : 14, n);
  return frame;
}

/** First byte of the address that bundles go to. */
const BUNDLE_MAC = 0x0a;

/** Writes a bundle of TCP segments into slot 40, and its virtio-net header in front of it. @returns its length */
function writeBundle(nPayload: number): number {
  const at = arena.slotAt(40) + FRAME_OFFSET;
  const { bytes, view } = arena;
  bytes.fill(0, at - 10, at + 54 + nPayload);
  bytes.set([1, 1], at - 10); // needs checksum, TCP over IPv4
  for (const [i, value] of [54, 1448, 34, 16].entries()) view.setUint16(at - 8 + 2 * i, value, true);
  bytes[at] = BUNDLE_MAC;
  view.setUint16(at + 12, 0x0800);
  bytes.set([0x45, 0], at + 14);
  view.setUint16(at + 16, 40 + nPayload);
  bytes.set([64, 6], at + 22);
  view.setUint32(at + 26, 0x0a000001);
  view.setUint32(at + 30, 0x0a000002);
  bytes.set([5 << 4, 0x10], at + 46);
  return 54 + nPayload;
}

function send(frame: Uint8Array): void {
  const queue = new SendQueue(1);
  const at = arena.slotAt(40) + FRAME_OFFSET;
  arena.bytes.fill(0, at - 10, at);
  arena.bytes.set(frame, at);
  queue.push(arena, at, frame.length);
  expect(sender.send(queue)).toBe(1);
}

/** Texts of the numbered frames that arrive, until there are `n`; the kernel may take its time to hand them over. */
async function receive(n: number): Promise<string[]> {
  const batch = new ReceivedFrames(arena, 32);
  const texts: string[] = [];
  for (let nTries = 0; texts.length < n && nTries < 5000; nTries++) {
    if (!receiver.hasMore) await new Promise((resolve) => setTimeout(resolve, 1));
    const nReceived = receiver.receive(batch, 32);
    for (let i = 0; i < nReceived; i++) {
      const at = batch.frameAt[i] ?? 0;
      const frame = (batch.arenas[i] ?? arena).bytes.subarray(at, at + (batch.frameLength[i] ?? 0));
      if (frame[12] === 0x88 || frame[16] === 0x88) texts.push(textOf(frame)); // not what the kernel says of itself
    }
    receiver.release();
  }
  return texts;
}

function textOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString("base64");
}

describe.skipIf(!canUseNamespaces)("packet sockets", () => {
  test("frames of all lengths, tagged or not, arrive whole and in order while the ring goes round", async () => {
    for (let round = 0; round < 30; round++) {
      const sent = Array.from({ length: 100 }, (_, i) => numbered(100 * round + i, 60 + ((i * 7919) % 4000)));
      for (const frame of sent) send(frame);
      expect(await receive(sent.length)).toEqual(sent.map(textOf));
    }
  });

  test("frames that find the ring full are counted as lost, and there is room again after receiving", async () => {
    const nSent = N_RING_SLOTS + 500;
    for (let n = 1; n <= nSent; n++) send(numbered(n, 60));
    let nLost = 0;
    for (let nTries = 0; nLost < 500 && nTries < 5000; nTries++) {
      nLost += receiver.takeDropped();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(nLost).toBeGreaterThanOrEqual(500);
    expect((await receive(nSent - nLost)).length).toBeGreaterThanOrEqual(nSent - nLost);
    expect(receiver.takeDropped()).toBe(0);
    send(numbered(1, 60));
    expect(await receive(1)).toEqual([textOf(numbered(1, 60))]);
  });

  test("bundles for which the socket's queue has no room are lost whole, and counted", async () => {
    const n = 400;
    const queue = new SendQueue(1);
    for (let i = 0; i < n; i++) {
      const length = writeBundle(60_000);
      queue.push(arena, arena.slotAt(40) + FRAME_OFFSET, length);
      expect(sender.send(queue)).toBe(1);
    }
    const batch = new ReceivedFrames(arena, 32);
    const lengths = new Set<number>();
    let nWhole = 0;
    let nLost = 0;
    for (let nTries = 0; nWhole + nLost < n && nTries < 5000; nTries++) {
      if (!receiver.hasMore) await new Promise((resolve) => setTimeout(resolve, 1));
      const nReceived = receiver.receive(batch, 32);
      for (let i = 0; i < nReceived; i++) {
        const at = batch.frameAt[i] ?? 0;
        const length = batch.frameLength[i] ?? 0;
        if (length === 0 || (batch.arenas[i] ?? arena).bytes[at] !== BUNDLE_MAC) continue;
        lengths.add(length);
        nWhole++;
      }
      receiver.release();
      nLost += receiver.takeDropped();
    }
    expect([...lengths]).toEqual([60_054]);
    expect(nLost).toBeGreaterThan(0);
  });
});
