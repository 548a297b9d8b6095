/** Questions turned into flows. */
import { parseMatch } from "@tenet/openflow";
import { OPEN_VSWITCH, OVN_NORTHBOUND } from "@tenet/ovsdb";
import { parseQuestion, QuestionError } from "@tenet/why";
import { describe, expect, test } from "vitest";
import { Network } from "../src/packet/network.ts";
import type { Packet } from "../src/packet/packet.ts";
import { resolvePacket } from "../src/packet/resolve-packet.ts";
import { fakeTables } from "./fake-tables.ts";

const host = (name: string): ReadonlyMap<string, string> => new Map([["host", name]]);
const plug = (port: string): ReadonlyMap<string, string> => new Map([["iface-id", port]]);
const nb = fakeTables(OVN_NORTHBOUND, {
  Logical_Switch: { s1: { name: "prod", ports: ["p1", "p2", "p3", "p4"] }, s2: { name: "guest", ports: ["p5", "p6", "p7"] } },
  Logical_Switch_Port: {
    p1: { name: "web1", addresses: ["0a:00:00:00:00:01 10.0.0.1 fd00::1"] },
    p2: { name: "db1-port", addresses: ["0a:00:00:00:00:02 10.0.0.2/24 fd00::2"], external_ids: host("db1") },
    p3: { name: "mac-only", addresses: ["0a:00:00:00:00:03"] },
    p4: { name: "six", addresses: ["0a:00:00:00:00:04 fd00::4"] },
    p5: { name: "same", addresses: ["0a:00:00:00:00:02 10.0.0.2"] },
    p6: { name: "multi-a", addresses: ["unknown"], external_ids: host("multi") },
    p7: { name: "multi-b", external_ids: host("multi") },
  },
});
const vswitch = fakeTables(OPEN_VSWITCH, {
  Bridge: { b1: { name: "br-int", ports: ["v1", "v2", "v3", "v4", "v5"] } },
  Port: Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`v${n}`, { name: `v${n}`, interfaces: [`i${n}`] }])),
  Interface: {
    i1: { name: "v1", ofport: [11], external_ids: plug("web1") },
    i2: { name: "v2", ofport: [-1], error: ["could not open network device v2"], external_ids: plug("db1-port") },
    i3: { name: "v3", ofport: [13], external_ids: plug("mac-only") },
    i4: { name: "v4", ofport: [14], external_ids: plug("six") },
    i5: { name: "v5", ofport: [15], external_ids: plug("multi-a") },
    i6: { name: "v6", ofport: [16], external_ids: plug("same") },
  },
});

function resolve(text: string): Packet {
  const question = parseQuestion(text);
  if (question.kind !== "packet") throw new Error("not a packet");
  return resolvePacket(question, text, new Network(nb, vswitch), "br-int");
}

const FOUR = "in_port=14,dl_src=0a:00:00:00:00:04,dl_dst=0a:00:00:00:00:01";
const WEB1 = "in_port=11,dl_src=0a:00:00:00:00:01";
const BOTH = `${WEB1},dl_dst=0a:00:00:00:00:02`;

test.each([
  ["web1 -> db1", `${BOTH},icmp,icmp_type=8,icmp_code=0,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64`],
  ["web1 -> db1-port tcp 80", `${BOTH},tcp,tp_src=49152,tp_dst=80,tcp_flags=syn,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64`],
  ["web1 -> 10.0.0.2 udp 53 from 7", `${BOTH},udp,tp_src=7,tp_dst=53,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64`],
  ["web1 -> fd00::2 sctp 9", `${BOTH},sctp6,tp_src=49152,tp_dst=9,ipv6_src=fd00::1,ipv6_dst=fd00::2,nw_ttl=64`],
  ["web1 -> db1 icmp6", `${BOTH},icmp6,icmp_type=128,icmp_code=0,ipv6_src=fd00::1,ipv6_dst=fd00::2,nw_ttl=64`],
  ["web1 -> six", `${WEB1},dl_dst=0a:00:00:00:00:04,icmp6,icmp_type=128,icmp_code=0,ipv6_src=fd00::1,ipv6_dst=fd00::4,nw_ttl=64`],
  ["web1 as 10.9.9.9 -> db1", `${BOTH},icmp,icmp_type=8,icmp_code=0,nw_src=10.9.9.9,nw_dst=10.0.0.2,nw_ttl=64`],
  [
    "web1 as 0a-00-00-00-00-09,10.9.9.9 -> db1",
    "in_port=11,dl_src=0a:00:00:00:00:09,dl_dst=0a:00:00:00:00:02,icmp,icmp_type=8,icmp_code=0,nw_src=10.9.9.9,nw_dst=10.0.0.2,nw_ttl=64",
  ],
  [
    "mac-only as 10.0.0.3 -> db1",
    "in_port=13,dl_src=0a:00:00:00:00:03,dl_dst=0a:00:00:00:00:02,icmp,icmp_type=8,icmp_code=0,nw_src=10.0.0.3,nw_dst=10.0.0.2,nw_ttl=64",
  ],
  [
    "web1 -> fe80::800:ff:fe00:2",
    `${BOTH},icmp6,icmp_type=128,icmp_code=0,ipv6_src=fe80::800:ff:fe00:1,ipv6_dst=fe80::800:ff:fe00:2,nw_ttl=64`,
  ],
  ["web1 -> 0a:00:00:00:00:77 udp 5", `${WEB1},dl_dst=0a:00:00:00:00:77,udp,tp_src=49152,tp_dst=5,nw_src=10.0.0.1,nw_ttl=64`],
  [
    "web1 -> 224.129.2.3 udp 5",
    `${WEB1},dl_dst=01:00:5e:01:02:03,udp,tp_src=49152,tp_dst=5,nw_src=10.0.0.1,nw_dst=224.129.2.3,nw_ttl=64`,
  ],
  [
    "web1 -> 255.255.255.255 udp 5",
    `${WEB1},dl_dst=ff:ff:ff:ff:ff:ff,udp,tp_src=49152,tp_dst=5,nw_src=10.0.0.1,nw_dst=255.255.255.255,nw_ttl=64`,
  ],
  [
    "web1 -> ff02::fb udp 5353",
    `${WEB1},dl_dst=33:33:00:00:00:fb,udp6,tp_src=49152,tp_dst=5353,ipv6_src=fd00::1,ipv6_dst=ff02::fb,nw_ttl=64`,
  ],
  [
    "web1 -> broadcast udp 67",
    `${WEB1},dl_dst=ff:ff:ff:ff:ff:ff,udp,tp_src=49152,tp_dst=67,nw_src=10.0.0.1,nw_dst=255.255.255.255,nw_ttl=64`,
  ],
  ["answer to web1 -> six", `${FOUR},icmp6,icmp_type=129,icmp_code=0,ipv6_src=fd00::4,ipv6_dst=fd00::1,nw_ttl=64`],
  [
    "answer to web1 -> six tcp 22 from 9",
    `${FOUR},tcp6,tp_src=22,tp_dst=9,tcp_flags=syn|ack,ipv6_src=fd00::4,ipv6_dst=fd00::1,nw_ttl=64`,
  ],
  [
    "web1 -> db1 arp",
    `${WEB1},dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=0a:00:00:00:00:01,arp_tha=00:00:00:00:00:00`,
  ],
  [
    "web1 -> db1 nd",
    `${WEB1},dl_dst=33:33:ff:00:00:02,icmp6,ipv6_src=fd00::1,ipv6_dst=ff02::1:ff00:2,nw_ttl=255,icmp_type=135,icmp_code=0,nd_target=fd00::2,nd_sll=0a:00:00:00:00:01`,
  ],
])("%s", (question, flow) => {
  expect(resolve(question).flow).toBe(flow);
  expect(() => parseMatch(flow)).not.toThrow();
});

test("an address that nobody has is asked for first", () => {
  const packet = resolve("web1 -> 10.0.0.77 tcp 80");
  expect(packet).toMatchObject({ isSearch: true, protocol: "tcp 80", to: { label: "10.0.0.77", port: undefined } });
  expect(packet.flow).toContain(",arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.77");
  expect(resolve("web1 -> fd00::77").flow).toContain("nd_target=fd00::77");
  expect(resolve("web1 -> 10.0.0.77 as 0a:00:00:00:00:77").isSearch).toBe(false);
});

test("of two ports with an address, the one on the sender's switch is meant", () => {
  expect(resolve("web1 -> 10.0.0.2").to.port?.name).toBe("db1-port");
  expect(resolve("web1 -> 0a:00:00:00:00:02").to.port?.name).toBe("db1-port");
});

describe("what cannot be asked is told at its place", () => {
  test.each([
    ["nobody -> web1", 1, 'No port or host is called "nobody"'],
    ["web1 -> db2", 9, 'No port or host is called "db2"'],
    ["db1 -> web1", 1, 'Interface "v2" of port "db1-port" is not open'],
    ["same -> web1", 1, 'Port "same" is not plugged in here'],
    ["multi -> web1", 1, '"multi" has 2 ports'],
    ["multi-a -> web1", 1, 'Port "multi-a" has no Ethernet address'],
    ["web1 -> multi-a", 9, 'Port "multi-a" has no Ethernet address'],
    ["mac-only -> web1", 1, 'Port "mac-only" has no IPv4 address'],
    ["web1 -> mac-only", 9, '"mac-only" has no IPv4 address'],
    ["web1 -> six udp 9 from 0", 24, "Unexpected"],
    ["answer to web1 -> db1", 19, "would send no answer that is known here"],
    ["answer to web1 -> six nd", 19, "would send no answer that is known here"],
    ["answer to web1 as 10.0.0.9 -> 10.0.0.2", 31, "would send no answer that is known here"],
    ["web1 -> fd00::2 arp", 9, '"fd00::2" is not an IPv4 address'],
    ["web1 as fd00::9 -> 10.0.0.2", 9, '"fd00::9" is not an IPv4 address'],
    ["web1 as 10.0.0.8,10.0.0.9 -> db1", 18, "second address of its kind"],
    ["web1 -> 0a:00:00:00:00:77 arp", 9, "has no IPv4 address"],
  ])("%s", (question, column, problem) => {
    expect(() => resolve(question)).toThrow(QuestionError);
    expect(() => resolve(question)).toThrow(problem);
    expect(() => resolve(question)).toThrow(expect.objectContaining({ at: expect.objectContaining({ column }) }));
  });

  test("with a mend", () => {
    const mendOf = (question: string): unknown => {
      try {
        return resolve(question);
      } catch (error) {
        return (error as QuestionError).hint;
      }
    };
    expect(mendOf("webb1 -> db1")).toBe('did you mean "web1"?');
    expect(mendOf("db1 -> web1")).toBe("could not open network device v2");
    expect(mendOf("multi -> web1")).toBe("Name one of them: multi-a, multi-b");
  });
});
