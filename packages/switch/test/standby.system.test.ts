/** Two switches on one database: one works, the other stands by, whichever of them is the original. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, Scope, silentLogger } from "@tenet/kit";
import { runSwitch } from "@tenet/switch";
import { expect, test, vi } from "vitest";
import { tool } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";

const missing = whyNoOriginal();

test.skipIf(missing !== undefined)(`ours waits for the original to end (${missing ?? "installed"})`, async () => {
  await using scope = new Scope();
  const runDir = mkdtempSync(join(tmpdir(), "tenet-standby-"));
  scope.defer(() => rmSync(runDir, { recursive: true, force: true }));
  const original = new Original();
  scope.use(original);
  await original.start();
  const database = `unix:${original.dir}/db.sock`;
  const addBridge = (name: string, ...options: string[]) =>
    tool("ovs-vsctl", [`--db=${database}`, ...options, "add-br", name, "--", "set", "Bridge", name, "datapath_type=dummy"]);
  expect(await addBridge("br0", "--timeout=10")).toMatchObject({ code: 0 });
  const complaints: string[] = [];
  const log: Logger = { ...silentLogger, error: (_fields, text) => complaints.push(text) };
  const onReady = vi.fn<() => void>();
  const ended = runSwitch({ database, runDir, onReady }, log, scope.signal);
  scope.defer(() => ended);
  await vi.waitFor(
    () => expect(complaints).toContainEqual(expect.stringMatching(/^another ovs-vswitchd process is running/)),
    10_000,
  );
  expect(onReady).not.toHaveBeenCalled();
  expect((await tool("ovs-appctl", ["exit"], { OVS_RUNDIR: original.dir })).code).toBe(0);
  await vi.waitFor(() => expect(onReady).toHaveBeenCalled(), 10_000);
  expect(await addBridge("br1", "--timeout=10")).toMatchObject({ code: 0 });
  const shown = await tool("ovs-ofctl", ["show", `unix:${runDir}/br1.mgmt`]);
  expect(shown.out).toContain("LOCAL(br1)");
});
