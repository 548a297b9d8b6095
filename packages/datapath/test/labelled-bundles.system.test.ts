/** Bundles of TCP segments that get a label where the kernel's program forwards. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { UserDatapath } from "@tenet/datapath";
import { deleteLeftovers, probe } from "@tenet/linux";
import { dissect, foldSum, pseudoSum4, putU16 } from "@tenet/net";
import type { Unfinished } from "../src/packet/vnet-header.ts";
import { DeviceHosts } from "./device-hosts.ts";
import { matchOf, tcpFrame } from "./frames.ts";

const PREFIX = "tlb-";
const PATIENCE = { timeout: 10_000, interval: 5 };
const LABEL = [0x88, 0x47, 0, 1, 0x11, 64];
const DATA = Uint8Array.from({ length: 3000 }, (_, i) => i);
const BUNDLE: Unfinished = { transport: 34, field: 16, family: 4, headers: 54, segmentSize: 1000 };
const obstacle = probe().canUseNamespaces ? probeBpf().obstacle : "no namespaces";
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

/** Three segments in one, their checksums yet to be added. */
function bundle(): Uint8Array {
  const frame = tcpFrame(4, DATA);
  putU16(frame, 34 + 16, foldSum(pseudoSum4(frame, 14, 6, frame.length - 34)));
  return frame;
}

function withoutLabel(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x08, 0, ...frame.subarray(18));
}

describe.skipIf(obstacle !== undefined)("a bundle of segments", () => {
  let datapath: UserDatapath;
  let hosts: DeviceHosts;
  let stop: AbortController;

  beforeEach(async () => {
    deleteLeftovers(PREFIX);
    stop = new AbortController();
    datapath = new UserDatapath({ isKernelUsed: true });
    hosts = await DeviceHosts.plug(datapath, PREFIX, 2);
  });

  afterEach(async () => {
    stop.abort();
    hosts.close();
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers(PREFIX);
  });

  test("that gets a label comes out cut into segments, each with a label", async () => {
    const { key, mask } = matchOf({ in_port: 1, eth_type: 0x0800, vlan_tci: 0 });
    datapath.putFlow(key, mask, [
      { type: "pushMpls", ethType: 0x8847, entry: 0x11140 },
      { type: "output", port: 2 },
    ]);
    await vi.waitFor(() => {
      hosts.send(1, tcpFrame()); // which the kernel does alone
      expect(hosts.take(2)).not.toEqual([]);
    }, PATIENCE);
    datapath.start(stop.signal);
    const frames: Uint8Array[] = [];
    await vi.waitFor(() => {
      hosts.send(1, bundle(), BUNDLE);
      frames.push(...hosts.take(2).filter(({ length }) => length > tcpFrame().length + LABEL.length));
      expect(frames.length).toBeGreaterThanOrEqual(3);
    }, PATIENCE);
    const three = frames.slice(0, 3).map((frame) => {
      expect([...frame.subarray(12, 18)]).toEqual(LABEL);
      return dissect(withoutLabel(frame));
    });
    expect(three.map(({ tcp }) => tcp?.seq)).toEqual([100, 1100, 2100]);
    expect(Uint8Array.from(three.flatMap(({ payload }) => [...payload]))).toEqual(DATA);
  });

  test("of which the first bytes are to come out does so in segments of that length", async () => {
    const { key, mask } = matchOf({ in_port: 1, eth_type: 0x0800, vlan_tci: 0 });
    datapath.putFlow(key, mask, [
      { type: "truncate", maxLength: 200 },
      { type: "pushMpls", ethType: 0x8847, entry: 0x11140 },
      { type: "output", port: 2 },
    ]);
    datapath.start(stop.signal);
    const sizes: number[] = [];
    await vi.waitFor(() => {
      hosts.send(1, bundle(), BUNDLE);
      sizes.push(...hosts.take(2).map(({ length }) => length));
      expect(sizes.length).toBeGreaterThanOrEqual(3);
    }, PATIENCE);
    expect(new Set(sizes)).toEqual(new Set([200]));
  });
});
