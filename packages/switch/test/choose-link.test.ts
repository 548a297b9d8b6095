/** `multipath` and `bundle` take the links that Open vSwitch 3.1 takes (golden numbers from its traces). */
import { FIELDS, getField } from "@tenet/net";
import { expect, test } from "vitest";
import { Bench, keyOf } from "./bench-switch.ts";

const PACKETS = {
  tcp: "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1024,tp_dst=80,nw_ttl=64",
  udp: "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1024,tp_dst=80,nw_ttl=64",
  udp6: "udp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=64,udp_src=5,udp_dst=7",
  lldp: "dl_type=0x88cc,dl_vlan=5",
} as const;

/** What an action leaves in a register. */
function resultOf(action: string, packet: keyof typeof PACKETS): number {
  const bench = new Bench(3, [`actions=${action}`]);
  const key = keyOf(`in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,${PACKETS[packet]}`);
  return getField(bench.vswitch.trace(bench.bridge, key).finalFlow, FIELDS.reg0);
}

test.each([
  ["symmetric_l4,0", { tcp: 0x1002, udp: 0xa3b4, udp6: 0x453f, lldp: 0x3c28 }],
  ["symmetric_l3l4,0", { tcp: 0x9a1e, udp: 0xd3c2, udp6: 0x81f9, lldp: 0xdf74 }],
  ["symmetric_l3l4+udp,7", { tcp: 0x8d61, udp: 0x694c, udp6: 0xaad9, lldp: 0x1889 }],
  ["symmetric_l3,5", { tcp: 0xc1fc, udp: 0xc1fc, udp6: 0x1a8d, lldp: 0x61a8 }],
  ["nw_src,5", { tcp: 0xb3e, udp: 0xb3e, udp6: 0xb691, lldp: 5 }],
  ["nw_dst,5", { tcp: 0xc274, udp: 0xc274, udp6: 0xd2d6, lldp: 5 }],
  ["eth_src,5", { tcp: 0x4e60, udp: 0x4e60, udp6: 0x4e60, lldp: 0x4e60 }],
] as const)("a hash of %s", (fields, expected) => {
  for (const packet of ["tcp", "udp", "udp6", "lldp"] as const) {
    expect(resultOf(`multipath(${fields},modulo_n,60000,0,reg0)`, packet), packet).toBe(expected[packet]);
  }
});

test.each([
  ["hash_threshold,600,0", 0x1cc],
  ["hrw,60,0", 0x33],
  ["hrw,600,0", 0xb1],
  ["iter_hash,600,700", 0xc1],
  ["iter_hash,600,7", 0xb1],
  ["iter_hash,600,2000", 0xb1],
] as const)("a link by %s", (algorithm, link) => {
  expect(resultOf(`multipath(eth_src,5,${algorithm},reg0)`, "tcp")).toBe(link);
});

test("a member of a bundle is alive", () => {
  expect(resultOf("bundle_load(symmetric_l4,5,hrw,ofport,reg0,members:1,2,3)", "tcp")).toBe(1);
  expect(resultOf("bundle_load(symmetric_l4,5,hrw,ofport,reg0,members:7,2,3)", "udp6")).toBe(3);
  expect(resultOf("bundle_load(eth_src,5,active_backup,ofport,reg0,members:7,2,3)", "tcp")).toBe(2);
  expect(resultOf("bundle_load(eth_src,5,hrw,ofport,reg0,members:7)", "tcp")).toBe(0xffff);
  const bench = new Bench(3, ["actions=bundle(eth_src,0,active_backup,ofport,members:3,2)"]);
  expect(bench.send("in_port=1")).toEqual(["p3"]);
  bench.vswitch.removePort(bench.bridge, 3);
  bench.vswitch.settle();
  expect(bench.send("in_port=1")).toEqual(["p2"]);
});
