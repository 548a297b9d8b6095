/**
 * Tunnels whose outer packets go through a bridge, over dummy ports: this switch and Debian's print the same, install the
 * same megaflows and send the same frames.
 */
import { join } from "node:path";
import { buildEthernet, buildIp6, buildNeighbor, ETH_TYPE, IP_PROTO, parseIp6, parseMac } from "@tenet/net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tool, until } from "./live-switch.ts";
import { whyNoOriginal } from "./original-switch.ts";
import { framesIn } from "./pcap-frames.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`native-tunnels.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const MAC = "02:00:00:00:00:aa";
const PEER = "f8:bc:12:44:34:b6";
const INNER = `dl_src=${PEER},dl_dst=aa:55:aa:55:00:00,nw_src=1.1.3.88,nw_dst=1.1.3.112,nw_proto=17,nw_ttl=64`;
const PAYLOAD = "50540000000a5054000000091234";
const TUNNELS = [
  ["vxlan4", "type=vxlan", "options:remote_ip=1.1.2.92", "options:key=123"],
  ["gre4", "type=gre", "options:remote_ip=1.1.2.92", "options:key=456"],
  ["csum4", "type=vxlan", "options:remote_ip=1.1.2.93", "options:out_key=flow", "options:csum=true"],
  ["flow", "type=geneve", "options:remote_ip=flow", "options:key=123"],
  ["inherit", "type=geneve", "options:remote_ip=1.1.2.93", "options:key=5", "options:tos=inherit", "options:ttl=inherit"],
  ["plain", "type=gre", "options:remote_ip=1.1.2.93", "options:csum=true", "options:df_default=false"],
  ["vxlan6", "type=vxlan", "options:remote_ip=2001:cafe::92", "options:key=123"],
  ["geneve6", "type=geneve", "options:remote_ip=2001:cafe::92", "options:key=7", "options:csum=false", "options:tos=0x20"],
  ["gre6", "type=gre", "options:remote_ip=2001:cafe::92", "options:key=9"],
  ["far", "type=vxlan", "options:remote_ip=9.9.9.9", "options:key=1", "options:dst_port=4790"],
] as const;
const ofport = (name: string): number => TUNNELS.findIndex(([each]) => each === name) + 10;

let pair: SideBySide;
let namesOfPorts: readonly ReadonlyMap<string, string>[] = [];

/** Names of datapath ports by their numbers, which differ. */
async function portNames(dir: string): Promise<Map<string, string>> {
  const shown = (await tool("ovs-appctl", ["dpif/show"], { OVS_RUNDIR: dir })).out;
  const listed = (await tool("ovs-appctl", ["tnl/ports/show"], { OVS_RUNDIR: dir })).out;
  const ports = [...shown.matchAll(/^ {4}(\S+) \d+\/(\d+): \((?!geneve|vxlan|gre)/gm)].map(
    ([, name = "", no = ""]) => [no, name] as const,
  );
  return new Map([...ports, ...[...listed.matchAll(/^(\S+) \((\d+)\)/gm)].map(([, name = "", no = ""]) => [no, name] as const)]);
}

/** What both printed, with names for numbers. */
async function run(program: string, ...args: readonly string[]): Promise<[theirs: string, ours: string]> {
  const printed = await pair.run(program, ...args);
  const [theirs = "", ours = ""] = printed.map((text, i) => {
    const name = (no: string): string => namesOfPorts[i]?.get(no) ?? no;
    return text
      .replace(/(tnl_port|out_port|tnl_pop|in_port)\((\d+)\)/g, (_, what: string, no: string) => `${what}(${name(no)})`)
      .replace(/(actions: ?|\)\),|,)(\d+)(?=$|\n|,|\))/g, (_, before: string, no: string) => `${before}${name(no)}`)
      .replace(/^(\S+ )\(\d+\)/gm, "$1(?)");
  });
  return [theirs, ours];
}

async function both(program: string, ...args: readonly string[]): Promise<string> {
  const [theirs, ours] = await run(program, ...args);
  expect(ours, args.join(" ")).toBe(theirs);
  return ours;
}

const appctl = (...args: readonly string[]): Promise<string> => both("ovs-appctl", ...args);

/** What a trace tells, but for tunnel fields that OpenFlow has no names for. */
async function trace(bridge: string, flow: string): Promise<string> {
  const shown = (text: string): string => text.replace(/^(Final flow: ).*tun_dst.*$/m, "$1?");
  const [theirs, ours] = (await run("ovs-appctl", "ofproto/trace", bridge, flow)).map(shown);
  expect(ours, flow).toBe(theirs);
  return ours ?? "";
}

async function configure(...args: readonly string[]): Promise<void> {
  for (const dir of pair.dirs) {
    const own = args.map((arg) => arg.replaceAll("DIR", dir));
    expect((await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...own])).err).toBe("");
  }
}

/** Lines in any order. */
async function sorted(...args: readonly string[]): Promise<string[]> {
  const [theirs, ours] = (await run("ovs-appctl", ...args)).map((text) => text.trim().split("\n").sort());
  expect(ours, args.join(" ")).toEqual(theirs);
  return ours ?? [];
}

const arpReply = (ip: string, mac: string): string =>
  `in_port(1),eth(src=${mac},dst=${MAC}),eth_type(0x0806),arp(sip=${ip},tip=1.1.2.88,op=2,sha=${mac},tha=${MAC})`;
/** From the neighbour at the other end of the IPv6 tunnels. */
const ADVERTISEMENT = Buffer.from(
  buildEthernet(
    { dst: parseMac(MAC), src: parseMac(PEER), type: ETH_TYPE.ip6 },
    buildIp6(
      { src: parseIp6("2001:cafe::92"), dst: parseIp6("2001:cafe::88"), proto: IP_PROTO.icmp6, hopLimit: 255 },
      buildNeighbor({ kind: "advertisement", target: parseIp6("2001:cafe::92"), targetMac: parseMac(PEER), flags: 6 }),
    ),
  ),
).toString("hex");

beforeAll(async () => {
  if (reason !== undefined) return;
  pair = await SideBySide.start();
  const tunnels = TUNNELS.flatMap(([name, ...options]) => {
    const number = `ofport_request=${ofport(name)}`;
    return ["--", "add-port", "int-br", name, "--", "set", "Interface", name, ...options, number];
  });
  await configure("add-br", "int-br", "--", "set", "Bridge", "int-br", "datapath_type=dummy", "fail_mode=secure", ...tunnels);
  await configure("set", "Interface", "p1", "options:tx_pcap=DIR/p1.pcap");
  await both("ovs-ofctl", "add-flow", "br0", "actions=normal");
  namesOfPorts = await Promise.all(pair.dirs.map(portNames));
}, 60_000);

afterAll(async () => {
  if (reason === undefined) await pair[Symbol.asyncDispose]();
}, 60_000);

systemTest("routes, neighbours and ports are shown, changed and refused alike", { timeout: 60_000 }, async () => {
  expect(await trace("int-br", `in_port=LOCAL,ip,${INNER}`)).toContain("Datapath actions: drop");
  for (const [command = "", ...args] of [
    ["netdev-dummy/ip4addr", "br0", "1.1.2.88/24"],
    ["netdev-dummy/ip6addr", "br0", "2001:cafe::88/64"],
    ["ovs/route/add", "1.1.2.92/24", "br0"],
    ["ovs/route/add", "2001:cafe::/64", "br0"],
    ["ovs/route/add", "1.1.2.92/24", "br0", "pkt_mark=1234"],
    ["ovs/route/add", "8.8.8.0/24", "br0", "1.1.2.1"],
    ["ovs/route/add", "7.7.7.0/24", "br0"],
    ["ovs/route/add", "rubbish", "br0"],
    ["ovs/route/add", "8.8.8.0/24", "br0", "rubbish"],
    ["ovs/route/show"],
    ["ovs/route/lookup", "1.1.2.5"],
    ["ovs/route/lookup", "8.8.8.8"],
    ["ovs/route/lookup", "1.1.2.5", "pkt_mark=1234"],
    ["ovs/route/lookup", "1.1.2.5", "pkt_mark=5"],
    ["ovs/route/lookup", "2001:cafe::5"],
    ["ovs/route/lookup", "4.4.4.4"],
    ["ovs/route/lookup", "1.1.2.0/24"],
    ["tnl/neigh/set", "br0", "1.1.2.77", "00:11:22:33:44:55"],
    ["tnl/arp/set", "br0", "rubbish", "00:11:22:33:44:55"],
    ["tnl/arp/set", "br0", "1.1.2.77", "rubbish"],
    ["tnl/neigh/show"],
    ["tnl/arp/show"],
    ["tnl/neigh/aging"],
    ["tnl/neigh/aging", "0"],
    ["tnl/neigh/aging", "1000"],
    ["tnl/neigh/aging"],
    ["tnl/neigh/flush"],
    ["tnl/neigh/show"],
    ["tnl/egress_port_range"],
    ["tnl/egress_port_range", "0", "5"],
    ["tnl/egress_port_range", "5", "70000"],
    ["tnl/egress_port_range", "40000", "33000"],
    ["tnl/egress_port_range"],
  ]) {
    await appctl(command, ...args);
  }
  await sorted("tnl/ports/show");
  await sorted("tnl/ports/show", "-v");
});

systemTest("neighbours that are not known are asked for, and their answers noted", { timeout: 60_000 }, async () => {
  for (const name of ["vxlan4", "csum4", "vxlan6"]) {
    await both("ovs-ofctl", "add-flow", "int-br", `actions=${ofport(name)}`);
    await appctl("revalidator/wait");
    expect(await trace("int-br", `in_port=LOCAL,ip,${INNER}`)).toContain("neighbor cache miss");
    await appctl("netdev-dummy/receive", "int-br", PAYLOAD);
  }
  const asked = (dir: string): string[] => [...new Set(framesIn(join(dir, "p1.pcap")))].sort();
  await until(() => pair.dirs.every((dir) => asked(dir).length === 3));
  const [theirs = "", ours = ""] = pair.dirs;
  expect(asked(ours)).toEqual(asked(theirs));
  for (const ip of ["1.1.2.92", "1.1.2.93"]) await appctl("netdev-dummy/receive", "p1", arpReply(ip, PEER));
  await appctl("netdev-dummy/receive", "p1", ADVERTISEMENT);
  const hasAll = (text: string): boolean => ["1.1.2.92", "1.1.2.93", "2001:cafe::92"].every((ip) => text.includes(ip));
  await until(async () => (await pair.run("ovs-appctl", "tnl/neigh/show")).every(hasAll));
  await sorted("tnl/neigh/show");
});

systemTest(
  "what goes into a tunnel is pushed and leaves by the bridge that the route leads to",
  { timeout: 60_000 },
  async () => {
    const send = async (actions: string): Promise<string> => {
      await both("ovs-ofctl", "add-flow", "int-br", `actions=${actions}`);
      return trace("int-br", `in_port=LOCAL,ip,${INNER}`);
    };
    for (const name of ["vxlan4", "gre4", "inherit", "plain", "vxlan6", "geneve6", "gre6", "far"]) await send(`${ofport(name)}`);
    await send(`set_tunnel:124,${ofport("csum4")}`);
    await send(`set_field:1.1.2.92->tun_dst,${ofport("flow")}`);
    await both("ovs-ofctl", "add-tlv-map", "int-br", "{class=0xffff,type=0x80,len=4}->tun_metadata0");
    await send(`set_field:1.1.2.92->tun_dst,set_field:0xa->tun_metadata0,${ofport("flow")}`);
    await send(`set_field:1.1.2.92->tun_dst,set_field:1.1.2.88->tun_src,${ofport("flow")}`);
  },
);

systemTest("what is for a tunnel at a port with its address is popped", { timeout: 60_000 }, async () => {
  const outer = (kind: string, more: string): string =>
    `${kind},in_port=1,dl_src=${PEER},dl_dst=${MAC},nw_src=1.1.2.92,nw_dst=1.1.2.88,nw_ttl=64,${more}`;
  expect(await trace("br0", outer("udp", "udp_src=5000,udp_dst=4789"))).toContain("tnl_pop(vxlan_sys_4789)");
  expect(await trace("br0", outer("udp", "udp_src=5000,udp_dst=6081"))).toContain("tnl_pop(genev_sys_6081)");
  expect(await trace("br0", outer("ip", "nw_proto=47"))).toContain("tnl_pop(gre_sys)");
  const outer6 = `in_port=1,udp6,dl_src=${PEER},dl_dst=${MAC},ipv6_src=2001:cafe::92,ipv6_dst=2001:cafe::88,udp_dst=4789`;
  expect(await trace("br0", outer6)).toContain("tnl_pop(vxlan_sys_4789)");
  await trace("br0", outer("udp", "udp_src=5000,udp_dst=4788"));
  await trace("br0", outer("tcp", "tcp_src=5000,tcp_dst=4789"));
});

systemTest("the same frames leave, and statistics count the same", { timeout: 60_000 }, async () => {
  const known = pair.dirs.map((dir) => framesIn(join(dir, "p1.pcap")).length);
  await both("ovs-ofctl", "add-flow", "br0", "actions=normal"); // counts anew
  const names = ["vxlan4", "gre4", "csum4", "inherit", "plain", "vxlan6", "geneve6", "gre6"];
  const frames = (): string[][] => pair.dirs.map((dir, i) => framesIn(join(dir, "p1.pcap")).slice(known[i]));
  for (const [i, name] of names.entries()) {
    await both("ovs-ofctl", "add-flow", "int-br", `actions=${ofport(name)}`);
    await appctl("revalidator/purge");
    await appctl("netdev-dummy/receive", "int-br", PAYLOAD);
    await until(() => frames().every((list) => list.length > i));
  }
  // The UDP source port, and with it the checksum, follow from a hash of each switch's own.
  const plain = (frame: string): string =>
    frame.replace(/....(12b5|17c1)(....)(....)/, (_, dst: string, length: string, checksum: string) =>
      ["????", dst, length, checksum === "0000" ? checksum : "????"].join(""),
    );
  const [theirs, ours] = frames().map((list) => list.map(plain));
  expect(ours).toEqual(theirs);
  await appctl("revalidator/wait");
  // The original counts 20 bytes too many.
  const counted = (await pair.run("ovs-ofctl", "dump-flows", "br0")).map((text) => text.replace(/n_bytes=\d+/, "n_bytes=?"));
  expect(counted[1]).toBe(counted[0]);
  const nBytes = (frames()[1] ?? []).reduce((sum, frame) => sum + frame.length / 2, 0);
  expect((await pair.run("ovs-ofctl", "dump-flows", "br0"))[1]).toContain(`n_bytes=${nBytes},`);
});

/** The frame that the other end would have sent: addresses swapped, which leaves checksums as they are. */
function reflected(hex: string): string {
  const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
  const isIp4 = bytes[12] === 8;
  const pairs = [[0, 6, 6] as const, isIp4 ? ([26, 30, 4] as const) : ([22, 38, 16] as const)];
  for (const [a, b, length] of pairs) {
    const first = bytes.slice(a, a + length);
    bytes.copyWithin(a, b, b + length);
    bytes.set(first, b);
  }
  return Buffer.from(bytes).toString("hex");
}

systemTest(
  "what comes out of tunnels meets the same megaflows and is counted at the same interfaces",
  { timeout: 60_000 },
  async () => {
    await both("ovs-ofctl", "add-flow", "int-br", "actions=LOCAL");
    await appctl("revalidator/purge");
    const sent = framesIn(join(pair.dirs[0] ?? "", "p1.pcap"));
    for (const frame of sent.filter((each) => !each.startsWith("ffffffff") && !each.startsWith("3333"))) {
      await appctl("netdev-dummy/receive", "p1", reflected(frame));
    }
    const shown = (text: string): string[] =>
      text
        .replace(/^flow-dump from.*\n|(?<=used:)[\d.]+s/gm, "")
        .trim()
        .split("\n")
        .sort();
    const [theirs = "", ours = ""] = await run("ovs-appctl", "dpctl/dump-flows");
    expect(shown(ours)).toEqual(shown(theirs));
    expect(ours.length).toBeGreaterThan(10);
    await appctl("revalidator/wait");
    const counted = (await run("ovs-ofctl", "dump-ports", "int-br")).map((text) =>
      [...text.matchAll(/port .*rx pkts=\d+, bytes=\d+/g)].map(String).sort(),
    );
    expect(counted[1]).toEqual(counted[0]);
  },
);

systemTest("routes that are taken away are gone", { timeout: 60_000 }, async () => {
  for (const command of [
    ["ovs/route/del", "8.8.8.0/24"],
    ["ovs/route/del", "8.8.8.0/24"],
    ["ovs/route/del", "1.1.2.0/24", "pkt_mark=1234"],
    ["ovs/route/del", "1.1.2.0/24", "pkt_mark=rubbish"],
    ["ovs/route/show"],
  ]) {
    await appctl(...command);
  }
});
