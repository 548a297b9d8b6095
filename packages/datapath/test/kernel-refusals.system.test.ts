/** The kernel refuses maps, entries and programs: flows stay in user space then, and it is told once and counted. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { BpfMap, BpfProgram } from "@tenet/bpf";
import { kernelObstacle, type Megaflow, UserDatapath } from "@tenet/datapath";
import { createVethPair, deleteLeftovers, listLinks, setLinkUp, SystemCallError } from "@tenet/linux";
import { FIELDS } from "@tenet/net";
import { MAX_FLOWS, SLOTS_PER_PIECE } from "../src/ebpf/slot.ts";
import { matchOf } from "./frames.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`kernel-refusals.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 10_000, interval: 10 };

let datapath: UserDatapath;
let refusals: string[];
let port: number;

/** Puts a flow for packets with an Ethernet address. */
function put(n: number, field: "eth_src" | "eth_dst" = "eth_src"): Megaflow {
  const { key, mask } = matchOf({ in_port: port, [field]: n });
  return datapath.putFlow(key, mask, [{ type: "output", port }]);
}

function leftByReason(): Record<string, number> {
  return Object.fromEntries(datapath.stats().kernel?.nLeftByReason ?? []);
}

/** Refuses maps of a name, and makes others. */
function refuseMap(name: string): MockInstance<typeof BpfMap.create> {
  const create = BpfMap.create.bind(BpfMap);
  return vi.spyOn(BpfMap, "create").mockImplementation((spec) => (spec.name === name ? refuse("ENOMEM") : create(spec)));
}

function refuse(errno: string): never {
  throw new SystemCallError("do what a test refuses", "bpf", errno);
}

/** Maps, programs and links of BPF that this process has open. */
function nObjects(): number {
  const folder = "/proc/self/fdinfo";
  const isOne = (fd: string): boolean =>
    existsSync(join(folder, fd)) && /^(map|prog|link)_type:/m.test(readFileSync(join(folder, fd), "utf8"));
  return readdirSync(folder).filter(isOne).length;
}

describe.skipIf(obstacle !== undefined)("what the kernel refuses", () => {
  beforeEach(() => {
    deleteLeftovers("trf-");
    createVethPair({ name: "trf-a", peer: "trf-ap" });
    for (const name of ["trf-a", "trf-ap"]) setLinkUp(name);
    refusals = [];
    datapath = new UserDatapath({ isKernelUsed: true, onRefusal: (refusal) => refusals.push(refusal) });
    port = datapath.addPort({ name: "trf-a", kind: "system" });
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers("trf-");
  });

  test("memory for more flows: those that are there stay, the others are counted", async () => {
    const create = refuseMap("tenet_slots");
    for (let n = 0; n < SLOTS_PER_PIECE + 10; n++) put(n);
    await vi.waitFor(() => expect(refusals).toHaveLength(1), PATIENCE);
    expect(refusals).toEqual(["lack of room for flows: Cannot do what a test refuses: bpf failed with ENOMEM"]);
    expect(datapath.stats()).toMatchObject({ nFlows: SLOTS_PER_PIECE + 10, kernel: { nFlows: SLOTS_PER_PIECE } });
    expect(leftByReason()).toEqual({ "lack of room for flows": 10 });
    create.mockRestore();
    put(0); // its slot is given out again as soon as no program can be in it
    await vi.waitFor(() => {
      put(SLOTS_PER_PIECE);
      expect(datapath.stats().kernel?.nFlows).toBe(SLOTS_PER_PIECE);
    }, PATIENCE);
  });

  test("flows that come faster than memory for them are in the kernel as soon as there is some", async () => {
    const flows = Array.from({ length: SLOTS_PER_PIECE + 1000 }, (_, n) => put(n));
    expect(datapath.stats().kernel?.nFlows).toBe(SLOTS_PER_PIECE);
    const last = flows.pop();
    if (last !== undefined) datapath.deleteFlow(last);
    await vi.waitFor(() => expect(datapath.stats().kernel?.nFlows).toBe(flows.length), PATIENCE);
    expect(refusals).toEqual([]);
  });

  test("memory for a larger index: the one before goes on, and the next is tried", async () => {
    const create = refuseMap("tenet_index");
    const loaded = vi.spyOn(BpfProgram, "loadAside");
    let n = 0;
    while (refusals.length === 0 && n < MAX_FLOWS) {
      put(n++);
      if (n % 1024 === 0) await new Promise(setImmediate);
    }
    expect(refusals).toEqual(["lack of room for flows: Cannot do what a test refuses: bpf failed with ENOMEM"]);
    create.mockRestore();
    loaded.mockClear();
    const made = vi.spyOn(BpfMap, "create");
    await vi.waitFor(async () => {
      put(n++);
      expect(made.mock.calls.some(([{ name }]) => name === "tenet_index")).toBe(true);
      expect(loaded).toHaveResolved();
    }, PATIENCE);
  });

  test("a program: the one before goes on, and the next is tried", async () => {
    const load = vi.spyOn(BpfProgram, "loadAside").mockImplementation(async () => refuse("E2BIG"));
    put(1);
    await vi.waitFor(() => expect(refusals).toHaveLength(1), PATIENCE);
    expect(refusals[0]).toContain("a program that the kernel refuses");
    load.mockRestore();
    const loaded = vi.spyOn(BpfProgram, "loadAside");
    put(1, "eth_dst");
    await vi.waitFor(() => expect(loaded).toHaveResolved(), PATIENCE);
    expect(refusals).toHaveLength(1);
  });

  test("a program that signals came in the way of is tried again", async () => {
    const load = vi.spyOn(BpfProgram, "loadAside");
    for (const errno of ["EAGAIN", "EINTR", "EAGAIN"]) load.mockImplementationOnce(async () => refuse(errno));
    put(1);
    await vi.waitFor(() => expect(load.mock.settledResults.map(({ type }) => type).at(-1)).toBe("fulfilled"), PATIENCE);
    expect(load).toHaveBeenCalledTimes(4);
    expect(refusals).toEqual([]);
  });

  test("a program that signals come in the way of each time is refused in the end", async () => {
    const load = vi.spyOn(BpfProgram, "loadAside").mockImplementation(async () => refuse("EAGAIN"));
    put(1);
    await vi.waitFor(() => expect(refusals).toHaveLength(1), PATIENCE);
    expect(refusals[0]).toContain("EAGAIN");
    const nTried = load.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(load).toHaveBeenCalledTimes(nTried);
  });

  test("a device: its port stays in user space", () => {
    createVethPair({ name: "trf-b", peer: "trf-bp" });
    vi.spyOn(BpfMap.prototype, "update").mockImplementation(() => refuse("ENOMEM"));
    const other = datapath.addPort({ name: "trf-b", kind: "system" });
    expect(datapath.port(other)).toMatchObject({ name: "trf-b", isInUserSpace: true });
    expect([...datapath.ports()]).toHaveLength(2);
    expect(refusals).toEqual(["trf-b stays in user space: Cannot do what a test refuses: bpf failed with ENOMEM"]);
  });

  test("more masks than a program may have", async () => {
    const nMasks = 160;
    for (let i = 0; i < nMasks; i++) {
      const { key, mask } = matchOf({ in_port: port, eth_type: 0x0800, nw_src: 0, nw_dst: 0 });
      mask[FIELDS.nw_src.word] = (0xffff_ffff << (i % 32)) >>> 0;
      mask[FIELDS.nw_dst.word] = (0xffff_ffff << (i >>> 5)) >>> 0;
      datapath.putFlow(key, mask, []);
    }
    const nFlows = datapath.stats().kernel?.nFlows ?? 0;
    expect(nFlows).toBeGreaterThan(128);
    expect(leftByReason()).toEqual({ "a mask that the program cannot look up": nMasks - nFlows });
    const loaded = vi.spyOn(BpfProgram, "loadAside");
    await vi.waitFor(() => expect(loaded).toHaveResolved(), PATIENCE);
    expect(refusals).toEqual([]);
  });

  test("a map that all flows need: the datapath is not opened, and leaves nothing", () => {
    const own = (): number => listLinks().filter(({ name }) => name.startsWith(`tup${process.pid}.`)).length;
    const nBefore = own();
    vi.spyOn(BpfMap, "create").mockImplementation(() => refuse("ENOMEM"));
    expect(() => new UserDatapath({ isKernelUsed: true })).toThrow(SystemCallError);
    expect(own()).toBe(nBefore);
  });

  test("a program that all flows need: the datapath is not opened, and nothing of it stays in the kernel", () => {
    const nBefore = nObjects();
    const load = BpfProgram.load.bind(BpfProgram);
    vi.spyOn(BpfProgram, "load").mockImplementation((spec) => (spec.name === "tenet_later" ? refuse("EINVAL") : load(spec)));
    expect(() => new UserDatapath({ isKernelUsed: true })).toThrow("EINVAL");
    expect(nObjects()).toBe(nBefore);
  });

  test("a datapath that ends while a program is made leaves no trace", async () => {
    const loaded = vi.spyOn(BpfProgram, "loadAside");
    put(1);
    await vi.waitFor(() => expect(loaded).toHaveBeenCalled(), PATIENCE);
    await datapath[Symbol.asyncDispose]();
    const [made] = loaded.mock.results;
    const program = (await made?.value) as BpfProgram;
    await vi.waitFor(() => expect(() => program.run({ packet: new Uint8Array(64) })).toThrow("EBADF"), PATIENCE);
    expect(refusals).toEqual([]);
  });
});
