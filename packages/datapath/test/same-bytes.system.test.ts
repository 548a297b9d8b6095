/** The kernel's datapath and this process's do the same: any flows, any packets, the same frames out, counted alike. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { type Megaflow, MemoryLink, UserDatapath } from "@tenet/datapath";
import { deleteLeftovers } from "@tenet/linux";
import { buildEthernet, FIELDS, setFieldBig } from "@tenet/net";
import { anyScene, type Flow, type Packet, PORTS } from "./any-scene.ts";
import { devicePackets } from "./device-counter.ts";
import { DeviceHosts } from "./device-hosts.ts";
import { matchOf } from "./frames.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PREFIX = "tsb-";
const PATIENCE = { timeout: 10_000, interval: 5 };
const MARKER_TYPE = 0x88b6;
/** Most frames are for it, so that they go past the devices of ports. */
const HOST_MAC = 0x0a0000000002;

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
  /** Frames that came out while this process was not looking, and those of them that the devices of ports did not see. */
  nByKernel = 0;
  nPastDevices = 0;

  static async open(): Promise<KernelSide> {
    const datapath = new UserDatapath({ isKernelUsed: true });
    return new KernelSide(datapath, await DeviceHosts.plug(datapath, PREFIX, PORTS.length, HOST_MAC));
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
    const nByDevices = sentByDevices();
    for (const { inPort, frame } of packets) this.#hosts.send(inPort, frame);
    this.#takeInto(out);
    this.nByKernel += out.flat().length;
    this.nPastDevices += out.flat().length - (sentByDevices() - nByDevices);
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

function sentByDevices(): number {
  return PORTS.reduce((sum, port) => sum + devicePackets(`${PREFIX}${port}`, "sent"), 0);
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
      { numRuns: 12, endOnFailure: true },
    );
    expect(kernel.nByKernel).toBeGreaterThan(12);
    expect(kernel.nPastDevices).toBeGreaterThan(0);
  });
});
