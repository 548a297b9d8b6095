import { type Logger, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";
import { logFlows } from "../src/control/dpctl/log-flows.ts";
import { Bench } from "./bench-switch.ts";

test("each flow is told to the log when it is put into the datapath, by the datapath of its bridge", () => {
  const bench = new Bench(2, ["priority=5,ip,nw_dst=10.0.0.0/8,actions=2", "priority=4,vlan_tci=0x1005/0x100f,actions=2"]);
  const told: unknown[] = [];
  const log: Logger = { ...silentLogger, debug: (fields, message) => told.push({ ...fields, message }) };
  logFlows(bench.vswitch, bench.clock, log);
  for (const [type, packet] of [
    ["dummy", "in_port=1,ip,nw_dst=10.0.0.1"],
    ["dummy", "in_port=1,ip,nw_dst=10.0.0.2"],
    ["dummy", "in_port=1,dl_vlan=21,dl_vlan_pcp=3"],
    ["system", "in_port=2,arp"],
  ] as const) {
    bench.bridge.datapathType = type;
    bench.send(packet);
  }
  const [added, tagged, put, ...others] = told;
  expect(added).toMatchObject({
    message: "flow added",
    match: "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(dst=10.0.0.1/255.0.0.0,frag=no)",
    actions: "2",
  });
  expect(tagged).toMatchObject({ match: expect.stringContaining("eth_type(0x8100),vlan(vid=21/0xf,pcp=3/0x0),encap(") });
  expect(put).toMatchObject({
    message: "flow put",
    datapath: "system@ovs-system",
    ufid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    match: expect.stringMatching(/^skb_priority\(0\/0\),.*in_port\(2\),eth\(/),
    actions: "drop",
  });
  expect(others).toEqual([]);
});
