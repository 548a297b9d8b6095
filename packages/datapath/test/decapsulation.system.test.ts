/** What comes out of tunnels by the kernel's program, or past it by the host's sockets, is what comes out by the sockets alone. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import {
  addAddress,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  findLink,
  FRAME_OFFSET,
  FrameArena,
  type FrameDevice,
  inNamespace,
  openPacketSocket,
  SendQueue,
  setLinkUp,
  untilOperational,
} from "@tenet/linux";
import { type TunnelSpec, UserDatapath } from "@tenet/datapath";
import { buildArp, buildEthernet, buildIcmp4, buildIcmp6, buildIp4, buildIp6, buildTcp, buildUdp, buildVlan } from "@tenet/net";
import { parseIp4, parseIp6 } from "@tenet/net";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`decapsulation.system.test.ts: skipped, ${obstacle}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const N_FRAMES = 400;
const PORT = 21_000 + (process.pid % 9000);
const [FAR, OURS] = [parseIp4("10.98.7.2"), parseIp4("10.98.7.1")];
const [FAR6, OURS6] = [parseIp6("fd98:7::2"), parseIp6("fd98:7::1")];
const TUNNELS: readonly TunnelSpec[] = [
  { type: "geneve", dstPort: PORT, hasPolicy: false },
  { type: "vxlan", dstPort: PORT + 1, hasPolicy: false },
  { type: "vxlan", dstPort: PORT + 2, hasPolicy: true },
  { type: "gre", dstPort: 0, hasPolicy: false },
  { type: "ip6gre", dstPort: 0, hasPolicy: false },
];
const MACS = { dst: 0x0a0000000002, src: 0x0a0000000001 };
const INNER = { src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2") };
const INNER6 = { src: parseIp6("fd00::1"), dst: parseIp6("fd00::2") };
/** Sent together, fewer than may be under way at once. */
const BATCH = 50;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const ip4 = (proto: number, payload: Uint8Array, more: object = {}): Uint8Array =>
  buildEthernet({ ...MACS, type: 0x0800 }, buildIp4({ ...INNER, proto, ...more }, payload));
const ip6 = (proto: number, payload: Uint8Array): Uint8Array =>
  buildEthernet({ ...MACS, type: 0x86dd }, buildIp6({ ...INNER6, proto }, payload));

type Inside = (n: Uint8Array) => Uint8Array;
const tcp: Inside = (n) => ip4(6, buildTcp({ srcPort: 1, dstPort: 2 }, n));
const ARP = { operation: 1, senderMac: MACS.src, senderIp: INNER.src, targetMac: 0, targetIp: INNER.dst } as const;
const arp: Inside = (n) => Uint8Array.of(...buildEthernet({ ...MACS, type: 0x0806 }, buildArp(ARP)), ...n);

/** Frames that travel in tunnels, each with a text of its own. */
const INSIDE: readonly Inside[] = [
  tcp,
  arp,
  (n) => ip4(17, buildUdp({ srcPort: 1, dstPort: 2 }, n)),
  (n) => withoutChecksum(ip4(17, buildUdp({ srcPort: 1, dstPort: 2 }, n)), 40),
  (n) => ip4(1, buildIcmp4({ type: 8 }, n)),
  (n) => ip4(99, n),
  (n) => ip4(6, buildTcp({ srcPort: 1, dstPort: 2 }, n), { moreFragments: true }),
  (n) => ip6(6, buildTcp({ srcPort: 1, dstPort: 2 }, n)),
  (n) => ip6(17, buildUdp({ srcPort: 1, dstPort: 2 }, n)),
  (n) => ip6(58, buildIcmp6({ type: 128 }, n)),
  (n) => buildVlan({ vid: 7 }, ip4(6, buildTcp({ srcPort: 1, dstPort: 2 }, n))),
  (n) => Uint8Array.of(...ip4(6, buildTcp({ srcPort: 1, dstPort: 2 }, n)), 0, 0, 0),
];

function withoutChecksum(frame: Uint8Array, at: number): Uint8Array {
  frame.fill(0, at, at + 2);
  return frame;
}

/** An option of Geneve: class, type, data; now and then it says that it is longer or shorter. */
const anyOption = fc
  .tuple(fc.nat(0xffff), fc.nat(0xff), fc.uint8Array({ maxLength: 3 }), fc.constantFrom(0, 0, 0, 0, 1, -1))
  .map(([type, kind, data, lie]) => {
    const words = [...data].flatMap((byte) => [byte, 1, 2, 3]);
    return [type >>> 8, type & 0xff, kind, Math.max(0, data.length + lie), ...words];
  });
const anyNumber = fc.tuple(fc.nat(0xff), fc.nat(0xff), fc.nat(0xff));
const anyGeneve = fc
  .tuple(fc.array(anyOption, { maxLength: 3 }), fc.constantFrom(0, 0x40, 0x80), anyNumber)
  .map(([options, flags, id]) => [options.flat().length / 4, flags, 0x65, 0x58, ...id, 0, ...options.flat()]);
const anyVxlan = fc
  .tuple(fc.constantFrom(0x08, 0x08, 0x88, 0x0c), fc.constantFrom(0, 0x40, 0xff), fc.nat(0xffff), anyNumber)
  .map(([flags, more, policy, id]) =>
    flags === 0x08 ? [flags, 0, 0, 0, ...id, 0] : [flags, more, policy >>> 8, policy & 0xff, ...id, 0],
  );
const anyGre = fc
  .tuple(fc.boolean(), fc.boolean(), fc.boolean(), anyNumber)
  .map(([sum, key, sequence, id]) => [
    (sum ? 0x80 : 0) | (key ? 0x20 : 0) | (sequence ? 0x10 : 0),
    0,
    0x65,
    0x58,
    ...(sum ? [0, 0, 0, 0] : []),
    ...(key ? [0, ...id] : []),
    ...(sequence ? [0, 0, 0, 1] : []),
  ]);
const anyHeader = fc.oneof(
  fc.record({ proto: fc.constant(17), dstPort: fc.constant(PORT), header: anyGeneve }),
  fc.record({ proto: fc.constant(17), dstPort: fc.constantFrom(PORT + 1, PORT + 2), header: anyVxlan }),
  fc.record({ proto: fc.constant(47), dstPort: fc.constant(0), header: anyGre }),
);
/** A packet of a tunnel on the wire. */
interface Outer {
  /** `dstPort` is 0 for GRE. */
  readonly tunnel: { readonly proto: number; readonly dstPort: number; readonly header: readonly number[] };
  readonly inside: Inside;
  readonly family: 4 | 6;
  readonly checksum: "none" | "right" | "wrong";
  readonly tos: number;
  readonly ttl: number;
  /** A byte that was changed on the way, behind the IP header: where and how. */
  readonly change: readonly [number, number] | null;
}
const anyOuter: fc.Arbitrary<Outer> = fc.record({
  tunnel: anyHeader,
  inside: fc.constantFrom(...INSIDE),
  family: fc.constantFrom(4 as const, 4 as const, 6 as const),
  checksum: fc.constantFrom("none" as const, "right" as const, "wrong" as const),
  tos: fc.nat(255),
  ttl: fc.integer({ min: 1, max: 255 }),
  change: fc.option(fc.tuple(fc.nat(90), fc.integer({ min: 1, max: 255 })), { freq: 4 }),
});

/** The frame on the wire. */
function onWire({ tunnel, inside, family, checksum, tos, ttl, change }: Outer, n: string, macs: typeof MACS): Uint8Array {
  const { proto, dstPort, header } = tunnel;
  const content = Uint8Array.of(...header, ...inside(bytes(n)));
  const payload = proto === 47 ? content : buildUdp({ srcPort: 40_000, dstPort }, content);
  const packet =
    family === 4
      ? buildIp4({ src: FAR, dst: OURS, proto, tos, ttl }, payload)
      : buildIp6({ src: FAR6, dst: OURS6, proto, trafficClass: tos, hopLimit: ttl }, payload);
  const l4 = family === 4 ? 20 : 40;
  const hasChecksum = proto === 17 || ((header[0] ?? 0) & 0x80) !== 0;
  const sumAt = l4 + (proto === 47 ? 4 : 6);
  if (proto === 47 && hasChecksum) finishGreSum(packet, l4);
  if (proto === 17 && checksum === "none") packet.fill(0, sumAt, sumAt + 2);
  if (hasChecksum && checksum === "wrong") packet[sumAt] = (packet[sumAt] ?? 0) ^ 0x5a;
  if (change !== null) {
    // What a checksum is over inside the tunnel is for the checksum there to find out.
    const isSummed = proto === 17 ? checksum !== "none" : hasChecksum;
    const at = l4 + (isSummed ? change[0] % (header.length + (proto === 17 ? 8 : 0)) : change[0]);
    packet[at] = (packet[at] ?? 0) ^ change[1];
  }
  return buildEthernet({ ...macs, type: family === 4 ? 0x0800 : 0x86dd }, packet);
}

function finishGreSum(packet: Uint8Array, at: number): void {
  let sum = 0;
  for (let i = at; i < packet.length; i += 2) sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet[at + 4] = (~sum >>> 8) & 0xff;
  packet[at + 5] = ~sum & 0xff;
}

let far: FrameDevice;
let macs: typeof MACS;

function send(frames: readonly Uint8Array[]): void {
  const arena = new FrameArena(1);
  for (const frame of frames) {
    const queue = new SendQueue(1);
    arena.bytes.set(frame, FRAME_OFFSET);
    queue.push(arena, FRAME_OFFSET, frame.length);
    far.send(queue);
  }
}

/** Frames that come out for sure, one by the program and one by the sockets: what was sent before has come out when they have. */
function markers(text: string): Uint8Array[] {
  const tunnel = { proto: 17, dstPort: PORT, header: [0, 0, 0x65, 0x58, 0, 0, 7, 0] };
  const plain = { tunnel, family: 4, checksum: "none", tos: 0, ttl: 64, change: null } as const;
  return [tcp, arp].map((inside) => onWire({ ...plain, inside }, text, macs));
}

/** What comes out, as text, in the order of the texts. */
async function receive(frames: readonly Uint8Array[], isKernelUsed: boolean): Promise<string[]> {
  await using datapath = new UserDatapath({ isKernelUsed });
  const arrived: string[] = [];
  datapath.onUpcall(({ frame, key }) => arrived.push(`${Buffer.from(frame).toString("latin1")} ${key.join()}`));
  for (const [i, tunnel] of TUNNELS.entries()) datapath.addPort({ name: `tunnel${i}`, kind: "tunnel", tunnel });
  const wait = async (text: string): Promise<void> => {
    await vi.waitFor(() => expect(arrived.filter((it) => it.includes(text))).toHaveLength(2), PATIENCE);
  };
  send(markers("before the start"));
  if (isKernelUsed) expect(datapath.port(1)?.stats.rxPackets).toBe(1);
  const stop = new AbortController();
  datapath.start(stop.signal);
  await wait("before the start");
  for (let i = 0; i < frames.length; i += BATCH) {
    send([...frames.slice(i, i + BATCH), ...markers(`behind ${i} `)]);
    await wait(`behind ${i} `);
  }
  stop.abort();
  return arrived.toSorted();
}

describe.skipIf(obstacle !== undefined)("packets that come out of tunnels", () => {
  beforeEach(async () => {
    deleteLeftovers("tkd-");
    createNamespace("tkd-far");
    createVethPair({ name: "tkd-wire", peer: "under", peerNamespace: "tkd-far" });
    for (const address of ["10.98.7.1/24", "fd98:7::1/64"]) addAddress("tkd-wire", address);
    setLinkUp("tkd-wire");
    inNamespace("tkd-far", () => {
      for (const address of ["10.98.7.2/24", "fd98:7::2/64"]) addAddress("under", address);
      setLinkUp("under");
    });
    await untilOperational([{ name: "tkd-wire" }, { name: "under", namespace: "tkd-far" }]);
    far = inNamespace("tkd-far", () => openPacketSocket("under"));
    macs = { dst: findLink("tkd-wire")?.mac ?? 0, src: inNamespace("tkd-far", () => findLink("under"))?.mac ?? 0 };
  });

  afterEach(() => {
    far.close();
    deleteLeftovers("tkd-");
  });

  test("are the same, with the same headers known of them, whoever took them out", async () => {
    const frames = fc.sample(anyOuter, N_FRAMES).map((outer, i) => onWire(outer, `frame ${i} `, macs));
    const bySockets = await receive(frames, false);
    expect(await receive(frames, true)).toEqual(bySockets);
    expect(bySockets.length).toBeGreaterThan(N_FRAMES / 8);
  });
});
