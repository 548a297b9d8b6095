/** Programs are replaced and devices go away under traffic. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BpfProgram } from "@tenet/bpf";
import { kernelObstacle, UserDatapath } from "@tenet/datapath";
import { deleteLeftovers, deleteLink } from "@tenet/linux";
import type { FieldName } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { countRequests } from "./ping-report.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`kernel-changes.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const PREFIX = `tkc${process.pid}-`;
const { mask: MASK } = matchOf({ in_port: 1, eth_type: 1 });

let datapath: UserDatapath;
let ping: ChildProcess;
let report: string;
let a: number;
let b: number;

async function plugHost(name: string, n: number): Promise<number> {
  return datapath.addPort({ name: await cableHost(PREFIX + name, `10.98.8.${n}/24`), kind: "system" });
}

function received(): number {
  return (report.match(/bytes from/g) ?? []).length;
}

async function untilReceived(nMore: number): Promise<void> {
  const nBefore = received();
  await vi.waitFor(() => expect(received()).toBeGreaterThan(nBefore + nMore), PATIENCE);
}

describe.skipIf(obstacle !== undefined)("under traffic", () => {
  beforeEach(async () => {
    datapath = new UserDatapath({ isKernelUsed: true });
    datapath.onUpcall(({ frame, inPort, key }) => {
      const actions = [{ type: "output", port: inPort === a ? b : a } as const];
      datapath.putFlow(key, MASK, actions);
      datapath.execute(frame, inPort, actions);
    });
    datapath.start(new AbortController().signal);
    [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    report = "";
    const command = ["netns", "exec", `${PREFIX}a`, "ping", "-n", "-i", "0.005", "10.98.8.2"];
    ping = spawn("ip", command, { stdio: ["ignore", "pipe", "ignore"] });
    ping.stdout?.on("data", (text) => (report += String(text)));
    await untilReceived(20);
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    ping.kill("SIGKILL");
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers(PREFIX);
  });

  test("programs are replaced without losing a packet", async () => {
    const fields: readonly FieldName[] = ["eth_src", "eth_dst", "nw_proto", "nw_src", "nw_dst"];
    const loaded = vi.spyOn(BpfProgram, "loadAside");
    const { last: atBegin } = countRequests(report);
    for (const [i, field] of fields.entries()) {
      const { key, mask } = matchOf({ in_port: 99, eth_type: 0x0800, [field]: 1 });
      datapath.putFlow(key, mask, []);
      await vi.waitFor(() => expect(loaded.mock.settledResults.length).toBeGreaterThan(i), PATIENCE);
      await untilReceived(10);
    }
    expect(loaded.mock.settledResults.length).toBeGreaterThanOrEqual(fields.length);
    expect(countRequests(report, atBegin).lost).toBe(0);
  });

  test("a device goes away, its port goes with it, and one in its place is served", async () => {
    deleteLink(`${PREFIX}b-sw`);
    await vi.waitFor(() => expect([...datapath.ports()].map(({ portNo }) => portNo)).toEqual([a]), PATIENCE);
    deleteLeftovers(`${PREFIX}b`);
    for (const flow of datapath.flows()) datapath.deleteFlow(flow);
    b = await plugHost("b", 2);
    execFileSync("ip", ["-n", `${PREFIX}a`, "neigh", "flush", "all"]); // it has another address
    await untilReceived(20);
    expect([...datapath.ports()]).toHaveLength(2);
  });
});
