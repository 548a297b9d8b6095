/** `tenet conntrack` against a control socket with a switch behind it whose connections are made by packets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserDatapath } from "@tenet/datapath";
import { ManualClock, silentLogger } from "@tenet/kit";
import { buildEthernet, buildIp4, buildUdp, parseIp4 } from "@tenet/net";
import { ControlServer } from "@tenet/ovsdb";
import { switchCommands, VirtualSwitch } from "@tenet/switch";
import { afterEach, beforeEach, expect, test } from "vitest";
import { conntrack, type ConntrackVerb } from "../src/commands/conntrack.ts";

let runDir: string;
let control: ControlServer;
let datapath: UserDatapath;

beforeEach(async () => {
  runDir = mkdtempSync(join(tmpdir(), "tenet-conntrack-"));
  const clock = new ManualClock(1000);
  datapath = new UserDatapath({ clock });
  const commands = switchCommands(new VirtualSwitch(datapath, clock), { reconnect: () => undefined }, clock, () => undefined);
  control = new ControlServer(commands, silentLogger);
  await control.listen(join(runDir, "ovs-vswitchd.1.ctl"));
});

afterEach(async () => {
  await control.close();
  await datapath[Symbol.asyncDispose]();
  rmSync(runDir, { recursive: true, force: true });
});

/** Commits a connection of UDP in a zone. */
function commit(dstPort: number, zone: number): void {
  const packet = buildIp4(
    { src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2"), proto: 17 },
    buildUdp({ srcPort: 1000, dstPort }, new Uint8Array(4)),
  );
  const frame = buildEthernet({ dst: 0x020000000002, src: 0x020000000001, type: 0x0800 }, packet);
  const marks = { mark: zone, markMask: 0xff, label: undefined, labelMask: undefined };
  datapath.execute(frame, 1, [{ type: "ct", isCommit: true, isForce: false, zone, ...marks, nat: undefined }]);
}

function ask(verb: ConntrackVerb, ...args: string[]): Promise<string> {
  return conntrack(runDir, verb, args, { format: "text", hasColor: false, signal: new AbortController().signal });
}

test("connections are shown, found by conditions, counted and forgotten", async () => {
  expect(await ask("list")).toBe("no connections\n");
  for (const [port, zone] of [
    [53, 0],
    [53, 5],
    [67, 5],
  ] as const)
    commit(port, zone);
  const lines = (await ask("list", "zone=5", "dport=53")).split("\n");
  expect(lines[1]?.split(/ {2,}/)).toEqual([
    "udp",
    "5",
    "10.0.0.1:1000 -> 10.0.0.2:53",
    "10.0.0.2:53 -> 10.0.0.1:1000",
    "60 s",
    "0x5",
  ]);
  expect(lines).toHaveLength(3);
  expect((await ask("stats")).split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["proto", "zone", "states", "connections"],
    ["udp", "5", "2"],
    ["udp", "0", "1"],
    ["all", "3"],
    [""],
  ]);
  expect(await ask("flush", "dport=53")).toBe("2 connections forgotten\n");
  expect(await ask("flush")).toBe("1 connection forgotten\n");
});

test("limits are set and shown", async () => {
  commit(53, 5);
  expect((await ask("limits", "max=10", "zone=5,limit=1")).split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["limit", "connections"],
    ["all", "10", "1"],
    ["zone 5", "1", "1"],
    [""],
  ]);
  commit(54, 5);
  expect(datapath.conntrack.size).toBe(1);
  expect(await ask("limits", "zone=5,limit=none")).not.toContain("zone 5");
});

test("what cannot be read is refused with what could be", async () => {
  await expect(ask("list", "port=1")).rejects.toThrow("invalid condition port=1 (expected zone=, src=");
  await expect(ask("limits", "zone=5")).rejects.toThrow('Cannot read the limit "zone=5"');
});
