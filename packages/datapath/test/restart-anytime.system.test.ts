/** A process is killed at any moment, also while it begins or takes over, again and again: traffic goes on, and nothing gathers in the kernel. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { kernelObstacle, removeKernelLeftovers } from "@tenet/datapath";
import { bpfFileSystem, deleteLeftovers } from "@tenet/linux";
import { FIELDS } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { kernelObjects, type KernelObjects } from "./kernel-objects.ts";
import { countRequests } from "./ping-report.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`restart-anytime.system.test.ts: skipped, ${obstacle.reason}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const PREFIX = `tra${process.pid}-`;
const PINS = `test-a-${process.pid}`;
const N_KILLS = 30 * inject("effort");
/** Takes over the flows of the one before, and connects two ports; tells when it begins, when it takes over, and when all is done. */
const SWITCH = `
  const [url, untilForwardedUrl, mask, pinName, ...names] = process.argv.slice(1);
  const { untilForwarded } = await import(untilForwardedUrl);
  const { UserDatapath } = await import(url);
  process.stdout.write("begins\\n");
  const datapath = new UserDatapath({ isKernelUsed: true, pinName });
  const [a, b] = names.map((name) => datapath.addPort({ name, kind: "system" }));
  const put = (key) => {
    const actions = [{ type: "output", port: key[${FIELDS.in_port.word}] === a ? b : a }];
    return datapath.putFlow(key, Uint32Array.from(JSON.parse(mask)), actions);
  };
  datapath.onUpcall(({ frame, inPort, key }) => {
    datapath.execute(frame, inPort, put(key).actions);
  });
  for (const left of datapath.leftFlows()) for (const flow of left.from(0)) flow.becomes(put(flow.key));
  process.stdout.write("takes over\\n");
  await datapath.takeOver();
  process.stdout.write("has taken over\\n");
  await untilForwarded(datapath, a);
  process.stdout.write("forwards\\n");`;

const DATAPATH = new URL("../dist/index.js", import.meta.url).href;
const UNTIL_FORWARDED = new URL("until-forwarded.mjs", import.meta.url).href;
const { mask: MASK } = matchOf({ in_port: 1, eth_type: 1 });

describe.skipIf(obstacle !== undefined)("a process that is killed at any moment", () => {
  let names: string[];
  let child: ChildProcess;
  let said: string[];
  let ping: ChildProcess;
  let report: string;

  function start(): void {
    const args = ["--input-type=module", "-e", SWITCH, DATAPATH, UNTIL_FORWARDED, JSON.stringify([...MASK]), PINS, ...names];
    child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    said = [];
    child.stdout?.on("data", (text) => said.push(...String(text).trim().split("\n")));
  }

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }

  async function untilSaid(what: string): Promise<void> {
    await vi.waitFor(() => expect(said).toContain(what), PATIENCE);
  }

  beforeEach(async () => {
    names = [await cableHost(`${PREFIX}a`, "10.98.9.1/24"), await cableHost(`${PREFIX}b`, "10.98.9.2/24")];
  });

  afterEach(async () => {
    await kill();
    ping.kill("SIGKILL");
    removeKernelLeftovers(PINS);
    rmSync(`${bpfFileSystem()}/tenet-${PINS}`, { recursive: true, force: true });
    deleteLeftovers(PREFIX);
  });

  test("loses no packet, and leaves nothing but what the next one takes over", {
    timeout: 120_000 * inject("effort"),
  }, async () => {
    const before = kernelObjects();
    start();
    report = "";
    ping = spawn("ip", ["netns", "exec", `${PREFIX}a`, "ping", "-n", "-i", "0.005", "10.98.9.2"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    ping.stdout?.on("data", (text) => (report += String(text)));
    await untilSaid("forwards");
    const ofOne = counted(kernelObjects());
    await kill();
    const { last: atKill } = countRequests(report);
    start();
    await untilSaid("begins");
    const beganAtMs = performance.now();
    await untilSaid("has taken over");
    const takenMs = performance.now() - beganAtMs;
    const nByMoment = new Map<string, number>();
    for (let n = 0; n < N_KILLS; n++) {
      await kill();
      start();
      await untilSaid("begins");
      await new Promise((resolve) => setTimeout(resolve, ((n + 0.5) / N_KILLS) * 1.2 * takenMs));
      nByMoment.set(said.at(-1) ?? "", (nByMoment.get(said.at(-1) ?? "") ?? 0) + 1);
    }
    await kill();
    start();
    await untilSaid("forwards");
    await vi.waitFor(() => expect(counted(kernelObjects())).toEqual(ofOne), PATIENCE);
    const { last, lost } = countRequests(report, atKill);
    console.log(
      `killed ${N_KILLS} times within ${Math.round(takenMs)} ms: ${JSON.stringify([...nByMoment])}; ${lost} of ${last - atKill} lost`,
    );
    expect(lost).toBe(0);
    await kill();
    removeKernelLeftovers(PINS);
    await vi.waitFor(() => expect(kernelObjects()).toEqual(before), PATIENCE);
  });
});

function counted(objects: KernelObjects): Record<string, number> {
  return Object.fromEntries(Object.entries(objects).map(([kind, all]) => [kind, all.length]));
}
