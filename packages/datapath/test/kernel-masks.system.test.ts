/** Which masks the kernel's program is made for: those of flows, and those whose flows have gone lately. */
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { assemble, BpfProgram, type ProgramSpec } from "@tenet/bpf";
import { kernelObstacle, type Megaflow, UserDatapath } from "@tenet/datapath";
import { FIELDS } from "@tenet/net";
import { matchOf } from "./frames.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`kernel-masks.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 10 };
const ROUND_MS = 1000;
/** More than a program may have. */
const N_MASKS = 160;

let datapath: UserDatapath;
let loaded: MockInstance<typeof BpfProgram.loadAside>;

/** Puts a flow that looks at an address. */
function put(field: "nw_src" | "nw_dst"): Megaflow {
  const { key, mask } = matchOf({ in_port: 1, eth_type: 0x0800, [field]: 1 });
  return datapath.putFlow(key, mask, []);
}

/** Waits for the next program. @returns its length */
async function nextProgram(): Promise<number> {
  const nBefore = loaded.mock.settledResults.length;
  await vi.waitFor(() => expect(loaded.mock.settledResults.length).toBeGreaterThan(nBefore), PATIENCE);
  const [spec] = loaded.mock.calls[nBefore] as [ProgramSpec];
  return assemble(spec.code).bytes.length;
}

describe.skipIf(obstacle !== undefined)("a mask without flows", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    datapath = new UserDatapath({ isKernelUsed: true });
    loaded = vi.spyOn(BpfProgram, "loadAside");
  });

  afterEach(async () => {
    await datapath[Symbol.asyncDispose]();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test("stays in the program for some seconds, so that its flows need no other when they come again", async () => {
    const first = put("nw_src");
    const lengthForOne = await nextProgram();
    datapath.deleteFlow(first);
    vi.advanceTimersByTime(5 * ROUND_MS);
    put("nw_dst");
    expect(await nextProgram()).toBeGreaterThan(lengthForOne);
    const again = put("nw_src");
    vi.advanceTimersByTime(20 * ROUND_MS);
    datapath.deleteFlow(again);
    vi.advanceTimersByTime(20 * ROUND_MS);
    expect(await nextProgram()).toBe(lengthForOne);
    expect(loaded).toHaveBeenCalledTimes(3);
  });

  test("makes room for another one at once", () => {
    const fill = (bits: number): number => {
      for (let i = 0; i < N_MASKS; i++) {
        const { key, mask } = matchOf({ in_port: 1, eth_type: 0x0800, nw_src: 0, nw_dst: 0 });
        mask[FIELDS.nw_src.word] = (bits << (i % 32)) >>> 0;
        mask[FIELDS.nw_dst.word] = (bits << (i >>> 5)) >>> 0;
        datapath.putFlow(key, mask, []);
      }
      return datapath.stats().kernel?.nFlows ?? 0;
    };
    const nFirst = fill(0xffff_ffff);
    for (const flow of datapath.flows()) datapath.deleteFlow(flow);
    expect(nFirst).toBeLessThan(N_MASKS);
    expect(fill(0x5555_5555)).toBe(nFirst);
  });
});
