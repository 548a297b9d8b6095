/** The same packets through `ct` here and in Debian's Open vSwitch: the same states, the same bytes. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildEthernet, buildIp4, buildTcp, formatIp4, parseIp4, TCP_FLAG } from "@tenet/net";
import { describe, expect, test } from "vitest";
import { Cables } from "./cables.ts";
import { converse, type Ends, PLAIN4, PLAIN6, randomNumbers } from "./conversations.ts";
import { tool, until } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`connection-tracking.system.test.ts: skipped, ${reason}`);

/** What table 1 does, so that every state shows in the source address of the frame that leaves. */
const SHOW = "move:NXM_NX_CT_STATE[0..7]->NXM_OF_ETH_SRC[0..7],move:NXM_NX_CT_MARK[0..7]->NXM_OF_ETH_SRC[8..15]";

interface Scenario {
  readonly name: string;
  readonly ends: Ends;
  /** Of the first `ct`. */
  readonly first: string;
  /** Of the `ct` that commits what is new. */
  readonly commit: string;
  /** A translated connection that begins again gets another port from the original: it takes its own old one for a clash. */
  readonly mayEnd: boolean;
}

const SNAT: Ends = { client: "10.0.0.1", service: "10.0.0.2", server: "10.0.0.2", seenClient: "10.9.9.9" };
const DNAT: Ends = { client: "10.0.0.1", service: "10.8.8.8", server: "10.0.0.2", seenClient: "10.0.0.1" };
const DNAT6: Ends = { client: "fd00::1", service: "fd00::8", server: "fd00::2", seenClient: "fd00::1" };

const SCENARIOS: readonly Scenario[] = [
  { name: "IPv4", ends: PLAIN4, first: "zone=1", commit: "zone=1,exec(set_field:5->ct_mark)", mayEnd: true },
  { name: "IPv6", ends: PLAIN6, first: "zone=1", commit: "zone=1,exec(set_field:0x105/0xff->ct_mark)", mayEnd: true },
  { name: "force", ends: PLAIN4, first: "zone=1", commit: "force,zone=1", mayEnd: true },
  { name: "source NAT", ends: SNAT, first: "zone=3,nat", commit: "zone=3,nat(src=10.9.9.9)", mayEnd: false },
  { name: "destination NAT", ends: DNAT, first: "zone=3,nat", commit: "zone=3,nat(dst=10.0.0.2)", mayEnd: false },
  { name: "destination NAT of IPv6", ends: DNAT6, first: "zone=3,nat", commit: "zone=3,nat(dst=fd00::2)", mayEnd: false },
];

/** Where addresses are translated, only the client begins: else the translated address and port may be taken already. */
const FROM_CLIENT = "dl_dst=02:00:00:00:00:02,";

function flowsOf({ ends, first, commit, mayEnd }: Scenario): string[] {
  const kind = ends.client.includes(":") ? "ipv6" : "ip";
  return [
    `table=0,priority=10,${kind},actions=ct(table=1,${first})`,
    `table=1,priority=20,${kind},ct_state=+trk+new-inv,${mayEnd ? "" : FROM_CLIENT}actions=${SHOW},ct(commit,${commit}),output:2`,
    `table=1,priority=10,${kind},actions=${SHOW},output:2`,
  ];
}

/** Packets that a dummy port keeps waiting are fewer than this. */
const BURST = 50;

/** Sends frames into the original. @returns the frames that left at port 2 */
async function throughOriginal(original: Original, bridge: string, flows: readonly string[], frames: readonly Uint8Array[]) {
  const pcap = join(original.dir, `${bridge}.pcap`);
  const db = `--db=unix:${original.dir}/db.sock`;
  const args = ["--", "set", "bridge", bridge, "datapath-type=dummy", "fail-mode=secure"];
  const ports = [1, 2].flatMap((n) => {
    const name = `${bridge}p${n}`;
    const options = ["type=dummy", `ofport_request=${n}`, `options:tx_pcap=${n === 2 ? pcap : "/dev/null"}`];
    return ["--", "add-port", bridge, name, "--", "set", "interface", name, ...options];
  });
  expect(await tool("ovs-vsctl", [db, "--timeout=5", "add-br", bridge, ...args, ...ports])).toMatchObject({ code: 0, err: "" });
  const file = join(original.dir, `${bridge}.flows`);
  writeFileSync(file, `${flows.join("\n")}\n`);
  expect(await tool("ovs-ofctl", ["add-flows", bridge, file], { OVS_RUNDIR: original.dir })).toMatchObject({ code: 0, err: "" });
  for (let from = 0; from < frames.length; from += BURST) {
    const burst = frames.slice(from, from + BURST);
    await original.control(burst.map((frame) => ["netdev-dummy/receive", `${bridge}p1`, Buffer.from(frame).toString("hex")]));
    await until(() => framesIn(pcap).length >= from + burst.length);
  }
  return framesIn(pcap);
}

function framesIn(pcap: string): string[] {
  if (!existsSync(pcap)) return [];
  const bytes = readFileSync(pcap);
  const frames: string[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 8);
    if (at + 16 + size > bytes.length) break;
    frames.push(bytes.toString("hex", at + 16, at + 16 + size));
    at += 16 + size;
  }
  return frames;
}

async function throughTenet(flows: readonly string[], frames: readonly Uint8Array[]): Promise<string[]> {
  await using cables = new Cables("p1", "p2");
  for (const flow of flows) cables.apply(flow);
  return frames.map((frame) => {
    cables.sendFrame("p1", frame);
    return cables.received.map((each) => Buffer.from(each.frame).toString("hex")).join();
  });
}

/** Which frame of the following has the client's announcement. */
const CLIENT_WORDS = 3;

/** A control connection of FTP in which both ends announce connections, and those; the server knows the client as `seen`. */
function announcements(seen: string): Uint8Array[] {
  const { syn, ack } = TCP_FLAG;
  const [client, server, seenClient] = [parseIp4(PLAIN4.client), parseIp4(PLAIN4.server), parseIp4(seen)];
  const frame = (src: number, dst: number, proto: number, segment: Uint8Array): Uint8Array =>
    buildEthernet({ dst: 0x020000000002, src: 0x020000000001, type: 0x0800 }, buildIp4({ src, dst, proto }, segment));
  const tcp = (src: number, srcPort: number, dst: number, dstPort: number, flags: number, seq = 1000, text = ""): Uint8Array => {
    const fields = { srcPort, dstPort, flags, seq, ack: (flags & ack) === 0 ? 0 : 1001, window: 60000 };
    return frame(src, dst, 6, buildTcp(fields, Buffer.from(text)));
  };
  const control = (flags: number, seq: number, text = ""): Uint8Array => tcp(client, 4000, server, 21, flags, seq, text);
  const reply = (flags: number, seq: number, text = ""): Uint8Array => tcp(server, 21, seenClient, 4000, flags, seq, text);
  const dotted = (address: number): string => formatIp4(address).replaceAll(".", ",");
  const said = `PORT ${dotted(client)},31,64\r\n`;
  const passive = `227 Entering Passive Mode (${dotted(server)},31,65).\r\n`;
  return [
    control(syn, 1000),
    reply(syn | ack, 1000),
    control(ack, 1001),
    control(ack, 1001, said),
    control(ack, 1001 + said.length, "NOOP\r\n"),
    tcp(server, 20, seenClient, 8000, syn),
    tcp(client, 8000, server, 20, syn | ack),
    tcp(server, 20, seenClient, 8000, ack, 1001),
    reply(ack, 1001, passive),
    tcp(client, 5000, server, 8001, syn),
    tcp(server, 8001, seenClient, 5000, syn | ack),
    tcp(client, 5002, server, 8003, syn),
  ];
}

describe.skipIf(reason !== undefined)("against Debian's Open vSwitch", () => {
  test.each([
    ["plain", PLAIN4.client, "", ""],
    ["translated", "10.9.9.9", ",nat", ",nat(src=10.9.9.9)"],
  ])(
    "connections that FTP announces are related, with the mark of their parent: %s",
    { timeout: 60_000 },
    async (...scenario) => {
      const [, seen, nat, begin] = scenario;
      await using original = new Original();
      await original.start();
      const mark = "exec(set_field:5->ct_mark)";
      const flows = [
        `table=0,priority=20,tcp,nw_src=${PLAIN4.client},actions=ct(commit,table=1,zone=1,alg=ftp${begin},${mark})`,
        `table=0,priority=10,ip,actions=ct(table=1,zone=1${nat})`,
        `table=1,priority=20,tcp,nw_src=${PLAIN4.server},ct_state=+trk+rel+new-inv,actions=${SHOW},ct(commit,zone=1${nat}),output:2`,
        `table=1,priority=10,ip,actions=${SHOW},output:2`,
      ];
      const frames = announcements(seen);
      // The original translates the connections, and leaves the address in the client's words as it is.
      const withoutWords = (all: readonly string[]): string[] => all.filter((_, k) => nat === "" || k !== CLIENT_WORDS);
      const theirs = await throughOriginal(original, "b0", flows, frames);
      expect(withoutWords(await throughTenet(flows, frames))).toEqual(withoutWords(theirs));
    },
  );

  test.each(SCENARIOS)("$name: states and bytes are the same", { timeout: 60_000 }, async (scenario) => {
    await using original = new Original();
    await original.start();
    const flows = flowsOf(scenario);
    for (let seed = 1; seed <= 4; seed++) {
      const frames = converse(400, scenario.ends, scenario.mayEnd, randomNumbers(seed));
      const theirs = await throughOriginal(original, `b${seed}`, flows, frames);
      await original.control([["dpctl/flush-conntrack"]]);
      const ours = await throughTenet(flows, frames);
      for (const [i, frame] of frames.entries()) {
        expect(ours[i], `seed ${seed}, packet ${i}: ${Buffer.from(frame).toString("hex")}`).toBe(theirs[i]);
      }
    }
  });
});
