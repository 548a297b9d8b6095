/** The kernel's datapath and this process's do the same: any flows, any packets, the same frames out, counted alike. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { type DatapathAction, type Megaflow, MemoryLink, UserDatapath } from "@tenet/datapath";
import { deleteLeftovers } from "@tenet/linux";
import {
  buildArp,
  buildEthernet,
  buildIcmp4,
  buildIp4,
  buildVlan,
  FIELDS,
  type FieldName,
  fieldOnes,
  getFieldBig,
  makeFlowKey,
  setFieldBig,
} from "@tenet/net";
import { DeviceHosts } from "./device-hosts.ts";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PREFIX = "tsb-";
const PORTS = [1, 2, 3, 4];
const PATIENCE = { timeout: 10_000, interval: 5 };
const MARKER_TYPE = 0x88b6;

const ETHERNET = { dst: 0x0a0000000002, src: 0x0a0000000001 };
const IP = { src: 0x0a000001, dst: 0x0a000002 };
const BASES = [
  tcpFrame(4),
  tcpFrame(6),
  tcpFrame(4, new Uint8Array(600), 2),
  udpFrame(),
  buildVlan({ vid: 42, pcp: 3 }, udpFrame(67)),
  buildVlan({ vid: 7, pcp: 0 }, tcpFrame(6)),
  buildEthernet({ ...ETHERNET, type: 0x0800 }, buildIp4({ ...IP, proto: 1 }, buildIcmp4({ type: 8, code: 0, rest: 7 }))),
  buildEthernet({ ...ETHERNET, type: 0x0806 }, buildArp({ operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 })),
  buildEthernet({ ...ETHERNET, type: 0x88b5 }, new Uint8Array(50)),
];

/** What masks may have besides the port and the type. */
const MATCHED: readonly FieldName[] = [
  "eth_dst",
  "eth_src",
  "vlan_tci",
  "nw_proto",
  "nw_src",
  "nw_dst",
  "nw_tos",
  "nw_ttl",
  "nw_frag",
  "ipv6_src",
  "ipv6_dst",
  "ipv6_label",
  "arp_sha",
  "tp_src",
  "tp_dst",
  "tcp_flags",
];
/** What says which headers a packet has: masks of flows that change headers have them. */
const KIND: readonly FieldName[] = ["vlan_tci", "nw_proto", "nw_frag"];
const SET: readonly FieldName[] = [
  "eth_dst",
  "eth_src",
  "nw_src",
  "nw_dst",
  "nw_tos",
  "nw_ttl",
  "ipv6_src",
  "ipv6_dst",
  "tp_src",
  "tp_dst",
];

interface Packet {
  readonly inPort: number;
  readonly frame: Uint8Array;
}

interface Flow {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  readonly actions: readonly DatapathAction[];
}

/** A packet of some protocol, with up to three bytes of its headers changed. */
const anyPacket: fc.Arbitrary<Packet> = fc
  .tuple(fc.constantFrom(...PORTS), fc.constantFrom(...BASES), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }))
  .map(([inPort, base, changes]) => {
    const frame = base.slice();
    for (const [at, value] of changes) if (at < frame.length) frame[at] = value;
    return { inPort, frame };
  });

const anyBits = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
const anyOutput: fc.Arbitrary<DatapathAction> = fc.record({ type: fc.constant("output"), port: fc.constantFrom(...PORTS) });
const anyChange: fc.Arbitrary<DatapathAction> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...SET), anyBits)
    .map(([name, value]): DatapathAction => ({ type: "setMasked", ...matchOf({ [name]: value & fieldOnes(FIELDS[name]) }) })),
  fc.record({
    type: fc.constant("pushVlan"),
    tpid: fc.constantFrom(0x8100, 0x88a8),
    tci: fc.nat(0xffff).map((tci) => tci & 0xefff),
  }),
  fc.constant<DatapathAction>({ type: "popVlan" }),
  fc.record({ type: fc.constant("userspace"), userdata: fc.nat(100) }),
);

/** A flow for packets like one of these: a mask of some fields, whole or in part, and what to do. */
function anyFlow(packets: readonly Packet[]): fc.Arbitrary<Flow> {
  const anyMatch = fc.array(fc.tuple(fc.constantFrom(...MATCHED), fc.oneof(fc.constant(-1n), anyBits)), { maxLength: 5 });
  const anyActions = fc.array(fc.oneof({ arbitrary: anyOutput, weight: 3 }, { arbitrary: anyChange, weight: 1 }), {
    maxLength: 4,
  });
  return fc.tuple(fc.constantFrom(...packets), anyMatch, anyActions).map(([{ inPort, frame }, match, actions]) => {
    const key = keyOf(frame, inPort);
    const mask = makeFlowKey();
    for (const name of ["in_port", "eth_type"] as const) setFieldBig(mask, FIELDS[name], fieldOnes(FIELDS[name]));
    for (const [name, bits] of match) setFieldBig(mask, FIELDS[name], bits & fieldOnes(FIELDS[name]));
    if (actions.some(({ type }) => type !== "output")) {
      for (const name of KIND) setFieldBig(mask, FIELDS[name], fieldOnes(FIELDS[name]));
    }
    const isTagged = getFieldBig(key, FIELDS.vlan_tci) !== 0n;
    return {
      key: key.map((word, i) => (word & (mask[i] ?? 0)) >>> 0),
      mask,
      actions: actions.filter(({ type }) => type !== "popVlan" || isTagged),
    };
  });
}

/** Packets, and flows of which no packet matches two. */
const anyScene = fc
  .array(anyPacket, { minLength: 10, maxLength: 40 })
  .chain((packets) =>
    fc.record({ packets: fc.constant(packets), flows: fc.array(anyFlow(packets), { minLength: 3, maxLength: 12 }) }),
  )
  .map(({ packets, flows }) => {
    const disjoint: Flow[] = [];
    for (const flow of flows) if (disjoint.every((other) => areDisjoint(flow, other))) disjoint.push(flow);
    return { packets, flows: disjoint };
  });

function areDisjoint(a: Flow, b: Flow): boolean {
  return a.key.some((word, i) => ((word ^ (b.key[i] ?? 0)) & (a.mask[i] ?? 0) & (b.mask[i] ?? 0)) !== 0);
}

/** What came of packets: frames out by port, packets that went up, packets and bytes by flow. */
interface Outcome {
  readonly out: readonly (readonly string[])[];
  readonly upcalls: readonly string[];
  readonly counts: readonly (readonly [number, number])[];
}

/** A datapath of memory ports, which forwards before it returns. */
async function outcomeHere(flows: readonly Flow[], packets: readonly Packet[]): Promise<Outcome> {
  const out: string[][] = PORTS.map(() => []);
  const upcalls: string[] = [];
  const links = PORTS.map((_, i) => {
    const link = new MemoryLink();
    link.onFrame((frame) => void out[i]?.push(hexOf(frame)));
    return link;
  });
  let nOpened = 0;
  const datapath = new UserDatapath({ openMemoryLink: () => links[nOpened++] ?? new MemoryLink() });
  for (const port of PORTS) datapath.addPort({ name: `p${port}`, kind: "memory" });
  datapath.onUpcall((upcall) => void upcalls.push(describeUpcall(upcall)));
  const put = flows.map(({ key, mask, actions }) => datapath.putFlow(key, mask, actions));
  for (const { inPort, frame } of packets) links[inPort - 1]?.send(frame);
  const outcome = { out: out.map((frames) => frames.toSorted()), upcalls: upcalls.toSorted(), counts: put.map(countsOf) };
  await datapath[Symbol.asyncDispose]();
  return outcome;
}

function describeUpcall({
  reason,
  inPort,
  frame,
  userdata,
}: {
  reason: string;
  inPort: number;
  frame: Uint8Array;
  userdata: number;
}): string {
  return `${reason} ${inPort} ${userdata} ${hexOf(frame)}`;
}

function countsOf({ nPackets, nBytes }: Megaflow): [number, number] {
  return [nPackets, nBytes];
}

function hexOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString("hex");
}

/** A datapath whose flows are in the kernel, and what it has done. */
class KernelSide {
  readonly datapath: UserDatapath;
  readonly #hosts: DeviceHosts;
  readonly #upcalls: string[] = [];
  #stop = new AbortController();
  #nMarkers = 0;
  /** Frames that came out while this process was not looking. */
  nByKernel = 0;

  static async open(): Promise<KernelSide> {
    const datapath = new UserDatapath({ isKernelUsed: true });
    return new KernelSide(datapath, await DeviceHosts.plug(datapath, PREFIX, PORTS.length));
  }

  private constructor(datapath: UserDatapath, hosts: DeviceHosts) {
    this.datapath = datapath;
    this.#hosts = hosts;
    datapath.onUpcall((upcall) => void this.#upcalls.push(describeUpcall(upcall)));
  }

  /** As {@link outcomeHere}; waits until it is as expected, or patience ends. */
  async outcome(flows: readonly Flow[], packets: readonly Packet[], expected: Outcome): Promise<void> {
    const put = flows.map(({ key, mask, actions }) => this.datapath.putFlow(key, mask, actions));
    const marker = await this.#untilInKernel();
    this.#upcalls.length = 0;
    const out: string[][] = PORTS.map(() => []);
    for (const { inPort, frame } of packets) this.#hosts.send(inPort, frame);
    this.#takeInto(out);
    this.nByKernel += out.flat().length;
    this.#look();
    await vi.waitFor(() => {
      this.#takeInto(out);
      const sorted = {
        out: out.map((frames) => frames.toSorted()),
        upcalls: this.#upcalls.toSorted(),
        counts: put.map(countsOf),
      };
      expect(sorted).toEqual(expected);
    }, PATIENCE);
    for (const flow of [...put, marker]) this.datapath.deleteFlow(flow);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#hosts.close();
    await this.datapath[Symbol.asyncDispose]();
  }

  /** Puts a flow under a mask that there never was, and returns while nobody looks when the kernel forwards by it, so by all others. */
  async #untilInKernel(): Promise<Megaflow> {
    const n = ++this.#nMarkers;
    const { key, mask } = matchOf({ in_port: 1, eth_type: MARKER_TYPE });
    setFieldBig(mask, FIELDS.eth_src, BigInt(n));
    const flow = this.datapath.putFlow(key, mask, [{ type: "output", port: 2 }]);
    const frame = buildEthernet({ dst: 2, src: 0, type: MARKER_TYPE }, new Uint8Array(46));
    let nSent = 0;
    await vi.waitFor(() => {
      this.#stop.abort();
      new DataView(frame.buffer).setUint32(14, ++nSent);
      this.#hosts.send(1, frame);
      const isHere = this.#hosts.take(2).some((seen) => hexOf(seen) === hexOf(frame));
      if (!isHere) this.#look();
      expect(isHere).toBe(true);
    }, PATIENCE);
    return flow;
  }

  #look(): void {
    this.#stop = new AbortController();
    this.datapath.start(this.#stop.signal);
  }

  #takeInto(out: readonly string[][]): void {
    for (const [i, port] of PORTS.entries()) {
      for (const frame of this.#hosts.take(port)) if (!isMarker(frame)) out[i]?.push(hexOf(frame));
    }
  }
}

function isMarker(frame: Uint8Array): boolean {
  return frame[12] === MARKER_TYPE >> 8 && frame[13] === (MARKER_TYPE & 0xff);
}

describe.skipIf(obstacle !== undefined)("the datapath in the kernel and the one of this process", () => {
  let kernel: KernelSide;

  beforeAll(async () => {
    deleteLeftovers(PREFIX);
    kernel = await KernelSide.open();
  });

  afterAll(async () => {
    await kernel.close();
    deleteLeftovers(PREFIX);
  });

  test("make the same frames of the same packets, and count them alike", async () => {
    await fc.assert(
      fc.asyncProperty(anyScene, async ({ flows, packets }) => {
        await kernel.outcome(flows, packets, await outcomeHere(flows, packets));
      }),
      { numRuns: 20, endOnFailure: true },
    );
    expect(kernel.nByKernel).toBeGreaterThan(20);
  });
});
