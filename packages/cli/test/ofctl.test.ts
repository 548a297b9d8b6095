/** `tenet ofctl` against a switch of this process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserDatapath } from "@tenet/datapath";
import { silentLogger, systemClock } from "@tenet/kit";
import { BridgeServices, VirtualSwitch } from "@tenet/switch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ofctl } from "../src/ofctl/ofctl.ts";

const dir = mkdtempSync(join(tmpdir(), "tenet-ofctl-"));
const vswitch = new VirtualSwitch(new UserDatapath({ clock: systemClock }), systemClock);
const services = new BridgeServices(vswitch, dir, systemClock, silentLogger);
const stop = new AbortController();

beforeAll(async () => {
  const bridge = vswitch.addBridge("br0");
  for (const name of ["p1", "p2"]) vswitch.addPort(bridge, { name, kind: "memory" });
  await services.sync();
});

afterAll(async () => {
  await services.close();
  rmSync(dir, { recursive: true });
});

interface More {
  readonly format?: "json";
  readonly isStrict?: boolean;
  readonly signal?: AbortSignal;
  readonly write?: (text: string) => void;
}

async function run(verb: string, args: readonly string[] = [], more: More = {}): Promise<string> {
  let text = "";
  const write = (part: string): void => void (text += part);
  await ofctl(verb, "br0", args, { runDir: dir, format: "text", isStrict: false, signal: stop.signal, write, ...more });
  return text.replaceAll(/(?:cookie=0x0, )?duration=[\d.]+s, |n_packets=0, n_bytes=0, |idle_age=\d+, /g, "");
}

function file(...lines: readonly string[]): string {
  const path = join(dir, "flows");
  writeFileSync(path, lines.join("\n"));
  return path;
}

test("ofp-print shows messages that were written down, and what is none", async () => {
  const shown: string[] = [];
  const options = {
    runDir: dir,
    format: "text",
    isStrict: false,
    signal: stop.signal,
    write: (text: string) => void shown.push(text),
  } as const;
  await ofctl("ofp-print", "04140008 00000001", ["0415000800000001", "04"], options);
  expect(shown.join("")).toBe(
    "OFPT_BARRIER_REQUEST (OF1.3) (xid=0x1):\nOFPT_BARRIER_REPLY (OF1.3) (xid=0x1):\n" +
      "OpenFlow packet too short (only 1 bytes):\n00000000  04                                              |.               |\n",
  );
  await expect(ofctl("ofp-print", "xyz", [], options)).rejects.toThrow("Cannot read a message");
});

test("flows are added, told by table and priority with the names of ports, changed and deleted", async () => {
  expect(await run("add-flows", [file("priority=7,ip,actions=output:p2", "# nothing", "table=1,arp,actions=drop")])).toBe("");
  await run("add-flow", ["priority=9,tcp,in_port=p1,actions=resubmit(,1)"]);
  expect(await run("dump-flows")).toBe(
    "table=0, priority=9,tcp,in_port=p1 actions=resubmit(,1)\ntable=0, priority=7,ip actions=output:p2\ntable=1, arp actions=drop\n",
  );
  await run("mod-flows", ["ip,actions=output:p1"]);
  await run("mod-flows", ["arp,actions=output:p1"]); // of table 0, as none is named
  expect(await run("dump-flows", ["arp"])).toBe("table=1, arp actions=drop\n");
  await run("del-flows", ["tcp,in_port=p1"]);
  expect(await run("dump-flows", ["ip"])).toBe("table=0, priority=7,ip actions=output:p1\n");
  await run("del-flows", ["ip"], { isStrict: true });
  expect(await run("dump-aggregate")).toBe("2 flows, 0 packets, 0 bytes\n");
  await run("del-flows");
  expect(JSON.parse(await run("dump-flows", [], { format: "json" }))).toEqual([]);
});

test("replace-flows makes the flows those of a file, as diff-flows says before", async () => {
  await run("add-flows", [file("ip,actions=1", "arp,actions=1", "udp,actions=2")]);
  const wanted = file("ip,actions=1", "arp,actions=2", "tcp,actions=1");
  expect(await run("diff-flows", [wanted])).toBe("-udp actions=output:p2\n+arp actions=output:p2\n+tcp actions=output:p1\n");
  expect(await run("replace-flows", [wanted])).toBe("2 added, 1 deleted\n");
  expect(await run("diff-flows", [wanted])).toBe("");
  await run("del-flows");
});

test("what a file cannot have done leaves the flows as they were", async () => {
  const refused = run("add-flows", [file("ip,actions=1", "tcp,actions=group:77")]);
  await expect(refused).rejects.toThrow("OFPBAC_BAD_OUT_GROUP");
  expect(await run("dump-flows")).toBe("");
});

test("groups, meters, ports and tunnel options", async () => {
  await run("add-group", ["group_id=1,type=all,bucket=output:p1"]);
  await expect(run("add-group", ["group_id=1,type=all,bucket=output:p1"])).rejects.toThrow("OFPGMFC_GROUP_EXISTS");
  expect(await run("dump-groups")).toBe("group_id=1,type=all,bucket=bucket_id:0,actions=output:p1\n");
  await run("del-groups");
  await run("add-meter", ["meter=1,kbps,band=type=drop,rate=5"]);
  expect(await run("dump-meters")).toContain("meter=1 kbps bands=\ntype=drop rate=5");
  await run("del-meters");
  await run("mod-port", ["p1", "no-forward"]);
  expect(await run("show")).toMatch(/1 +p1 +\S+ +no-fwd +live/);
  await run("mod-port", ["1", "forward"]);
  await run("add-tlv-map", ["{class=0x102,type=0x80,len=4}->tun_metadata0"]);
  expect(await run("dump-tlv-map")).toMatch(/tun_metadata0 +0x102 +0x80 +4/);
  await run("del-tlv-map");
  expect(await run("dump-tlv-map")).toBe("no option is mapped\n");
  expect(await run("packet-out", ["LOCAL", "output:p2", "ffffffffffff0000000000010800"])).toBe("sent 14 bytes: output:p2\n");
  expect(await run("dump-ports")).toMatch(/p2 +0 +0 +- +- +1 +14/);
  expect(await run("dump-tables")).toMatch(/table +flows|no table holds a flow/);
});

test("monitor prints the flows that are there, then what changes, until it is interrupted", async () => {
  await run("add-flow", ["ip,actions=1"]);
  const interrupt = new AbortController();
  const lines: string[] = [];
  const ended = run("monitor", ["watch:"], { signal: interrupt.signal, write: (text) => void lines.push(text) });
  await expect.poll(() => lines, { timeout: 20_000 }).toEqual(["initial ip actions=output:p1\n"]);
  await run("del-flows");
  await expect.poll(() => lines[1], { timeout: 20_000 }).toBe("removed (delete) ip actions=output:p1\n");
  interrupt.abort();
  await ended;
});

test.each([
  ["nonsense", [], 'There is no verb "nonsense"'],
  ["add-flow", [], "Cannot add-flow with 0 arguments"],
  ["add-flow", ["ip,actions=zzz"], 'Unknown action "zzz"'],
  ["mod-port", ["p9", "up"], 'There is no port "p9"'],
  ["mod-port", ["p1", "sideways"], 'A port cannot be told "sideways"'],
  ["add-tlv-map", ["{class=1}"], "Cannot read the mapping"],
  ["packet-out", ["p1", "drop", "abc"], "pairs of hexadecimal digits"],
])("%s %j is refused: %s", async (verb, args, problem) => {
  await expect(run(verb, args)).rejects.toThrow(new RegExp(problem.replaceAll(/[()"]/g, "."), "i"));
});

test("help names every verb", async () => {
  const text = await run("help");
  for (const verb of ["dump-flows", "replace-flows", "monitor"]) expect(text).toContain(`  ${verb} BRIDGE`);
});
