import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@tenet/kit";
import { composePacket, FIELDS, getField } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { DummyPorts } from "../src/dummy/dummy-ports.ts";
import { parseOdpFlow } from "../src/trace/parse-odp-flow.ts";
import { until } from "./live-switch.ts";

const ETHERNET = "eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a)";
const ADDRESSES = "dl_src=50:54:00:00:00:09,dl_dst=50:54:00:00:00:0a";
const NEIGHBOR = "ipv6(src=fe80::1,dst=fe80::2,label=0,proto=58,tclass=0,hlimit=255,frag=no)";

test.each([
  [`in_port(1),${ETHERNET},eth_type(0x1234)`, `${ADDRESSES},dl_type=0x1234`],
  [
    `${ETHERNET},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0xb9,ttl=64,frag=no),udp(src=5,dst=6)`,
    `${ADDRESSES},udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=184,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=5,tp_dst=6`,
  ],
  [
    `${ETHERNET},eth_type(0x8100),vlan(vid=10,pcp=3),encap(eth_type(0x0806),arp(sip=1.1.1.1,tip=1.1.1.2,op=1))`,
    `${ADDRESSES},dl_vlan=10,dl_vlan_pcp=3,arp,arp_spa=1.1.1.1,arp_tpa=1.1.1.2,arp_op=1`,
  ],
  [
    `${ETHERNET},eth_type(0x86dd),ipv6(src=fe80::1,dst=fe80::2,label=0,proto=58,tclass=0,hlimit=128,frag=no),icmpv6(type=128,code=0)`,
    `${ADDRESSES},icmp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=128,nw_frag=no,icmpv6_type=128,icmpv6_code=0`,
  ],
  [
    `${ETHERNET},eth_type(0x86dd),${NEIGHBOR},icmpv6(type=135,code=0),nd(target=fe80::9,sll=50:54:00:00:00:09,tll=00:00:00:00:00:00)`,
    `${ADDRESSES},icmp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=255,nw_frag=no,icmpv6_type=135,icmpv6_code=0,nd_target=fe80::9,nd_sll=50:54:00:00:00:09`,
  ],
  [
    `${ETHERNET},eth_type(0x86dd),${NEIGHBOR},icmpv6(type=136,code=0),nd(target=fe80::9,sll=00:00:00:00:00:00,tll=50:54:00:00:00:09)`,
    `${ADDRESSES},icmp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=255,nw_frag=no,icmpv6_type=136,icmpv6_code=0,nd_target=fe80::9,nd_tll=50:54:00:00:00:09`,
  ],
])("%s is read as the packet it stands for", (odp, match) => {
  expect(composePacket(parseOdpFlow(odp)?.key ?? new Uint32Array(0))).toEqual(composePacket(parseMatch(match).key));
});

test("two tags of a flow are read, each with its type and its mask", () => {
  const inner = "eth_type(0x8100),vlan(vid=20/0xff0,pcp=1/0x3),encap(eth_type(0x1234))";
  const match = parseOdpFlow(`in_port(1),${ETHERNET},eth_type(0x88a8),vlan(vid=10,pcp=3),encap(${inner})`);
  const told = (["vlan_tpid", "vlan_tci", "vlan_tpid1", "vlan_tci1"] as const).map((name) => FIELDS[name]);
  expect(told.map((field) => match && getField(match.key, field))).toEqual([0x88a8, 0x700a, 0x8100, 0x3010]);
  expect(told.map((field) => match && getField(match.mask, field))).toEqual([0, 0xffff, 0, 0x7ff0]);
  const tooMany = `eth_type(0x8100),vlan(vid=1),encap(${inner.replace("eth_type(0x1234)", "eth_type(0x8100),vlan(vid=3)")})`;
  expect(parseOdpFlow(`in_port(1),${ETHERNET},${tooMany}`)).toBeUndefined();
});

test("the name of a flow, which stands in front of it, is passed over", () => {
  const flow = `in_port(1),${ETHERNET},eth_type(0x1234)`;
  expect(parseOdpFlow(`ufid:1aa9dc18-89c6-da9a-4f30-469c62b6ba21, ${flow}`)).toEqual(parseOdpFlow(flow));
  expect(parseOdpFlow(`ufid:1aa9dc18-89c6-da9a-4f30-469c62b6ba21 ${ETHERNET},eth_type(0x1234)`)).toEqual(
    parseOdpFlow(`${ETHERNET},eth_type(0x1234)`),
  );
  expect(parseOdpFlow(`recirc_id(0) in_port(1) ${ETHERNET},eth_type(0x1234)`)).toEqual(
    parseOdpFlow(`recirc_id(0),in_port(1),${ETHERNET},eth_type(0x1234)`),
  );
});

test("space and line ends in the text of a flow mean nothing", () => {
  const flow = `in_port(1),${ETHERNET},eth_type(0x0800),ipv4(src=10.0.0.4,dst=10.0.0.3,proto=1,tos=0,ttl=64,frag=no)`;
  expect(parseOdpFlow(flow.replace("proto=1", "proto=\n1").replaceAll("),", "), "))).toEqual(parseOdpFlow(flow));
});

test.each(["zz", "eth(src=1", "in_port(1),tunnel(src=1.1.1.1,dst=1.1.1.2,flags(bogus))", "tcp,nw_src=1.1.1.1", "nosuch(1)"])(
  "%s is no flow",
  (text) => {
    expect(parseOdpFlow(text)).toBeUndefined();
  },
);

test("frames of two dummies pass over their stream, and into their files", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tenet-dummy-"));
  const dummies = new DummyPorts(new ManualClock(1_500_000));
  const received: Uint8Array[] = [];
  dummies.open("a").plug((frame) => received.push(frame));
  const b = dummies.open("b");
  b.plug(() => undefined);
  dummies.configure("a", { pstream: `punix:${dir}/a.sock`, rxq_pcap: `${dir}/a.pcap` });
  dummies.configure("b", { stream: `unix:${dir}/a.sock`, tx_pcap: `${dir}/b.pcap` });
  await until(() => dummies.isConnected("b") === true);
  expect(dummies.isConnected("a")).toBeUndefined();
  const frame = Uint8Array.from({ length: 60 }, (_, i) => i);
  b.deliver(frame);
  await until(() => received.length === 1);
  dummies.close();
  expect(Uint8Array.from(received[0] ?? [])).toEqual(frame);
  const files = ["a", "b"].map((name) => readFileSync(`${dir}/${name}.pcap`));
  rmSync(dir, { recursive: true });
  expect(files[0]).toEqual(files[1]);
  expect(files[0]?.subarray(0, 4).toString("hex")).toBe("d4c3b2a1");
  expect(files[0]?.readUInt32LE(24)).toBe(1500);
  expect(Uint8Array.from(files[0]?.subarray(40) ?? [])).toEqual(frame);
});
