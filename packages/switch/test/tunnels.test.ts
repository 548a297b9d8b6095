/** Tunnels in the pipeline: what goes in with which headers, and what comes out at which port and as which fields. */
import fc from "fast-check";
import { FIELDS, parseIp4 } from "@tenet/net";
import { describe, expect, test } from "vitest";
import { formatDatapathActions } from "../src/trace/format-datapath.ts";
import { formatOdpFlow } from "../src/trace/format-odp-flow.ts";
import { finish } from "../src/turns.ts";
import { keyOf } from "./bench-switch.ts";
import { mapped, outerOf, TunnelBench } from "./tunnel-bench.ts";

const IP = "ip,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=5,nw_tos=40";
const FROM_CABLE = `in_port=1,${IP}`;

describe("into a tunnel", () => {
  test("goes what the settings say", () => {
    const bench = new TunnelBench(["actions=2"], { 2: { outKey: 7n, ttl: 33, tos: 0x20, hasChecksum: true } });
    const [sent] = bench.sendWithChanges(FROM_CABLE);
    expect(formatDatapathActions(sent?.changes ?? [], new Uint32Array(300))).toBe(
      "set(tunnel(tun_id=0x7,dst=10.9.0.2,tos=0x20,ttl=33,tp_dst=6081,flags(df|csum|key)))",
    );
    expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_ecn=0,nw_frag=no"]);
  });

  test("go TOS and TTL of the packet where they are inherited, and then they are in the megaflow", () => {
    const bench = new TunnelBench(["actions=2"], { 2: { ttl: "inherit", tos: "inherit" } });
    const [sent] = bench.sendWithChanges(FROM_CABLE);
    if (sent === undefined) throw new Error("nothing was sent");
    expect([outerOf(sent, "tun_tos"), outerOf(sent, "tun_ttl")]).toEqual([40, 5]);
    expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_tos=40,nw_ecn=0,nw_ttl=5,nw_frag=no"]);
  });

  test("goes the ECN of the packet, but congestion is told inside alone", () => {
    const bench = new TunnelBench(["actions=2"], { 2: {} });
    const tosOf = (ecn: number): number[] =>
      bench.sendWithChanges(`${FROM_CABLE},nw_ecn=${ecn}`).map((sent) => outerOf(sent, "tun_tos"));
    expect([tosOf(1), tosOf(2), tosOf(3)]).toEqual([[1], [2], [2]]);
  });

  test("goes what flows set, where the settings leave it to them", () => {
    const flow = "actions=set_field:0x123->tun_id,set_field:3.3.3.3->tun_dst,set_field:0xabcd->tun_metadata0,2,3";
    const bench = new TunnelBench([flow], {
      2: { remote: "flow", outKey: "flow" },
      3: { remote: "flow", outKey: 9n, inKey: 9n },
    });
    const [flowSet, fixed] = bench.sendWithChanges(FROM_CABLE);
    const text = (changes: typeof flowSet): string =>
      formatDatapathActions(changes?.changes.slice(-1) ?? [], new Uint32Array(300));
    const option = "geneve({class=0x102,type=0x80,len=4,0xabcd})";
    expect(text(flowSet)).toBe(`set(tunnel(tun_id=0x123,dst=3.3.3.3,ttl=64,tp_dst=6081,${option},flags(df|key)))`);
    expect(text(fixed)).toBe(`set(tunnel(tun_id=0x9,dst=3.3.3.3,ttl=64,tp_dst=6081,${option},flags(df|key)))`);
  });

  test("go the first bytes where that is said, with what is set after the outer headers", () => {
    const bench = new TunnelBench(["actions=set_field:5->pkt_mark,output(port=2,max_len=100),3"], {
      2: {},
      3: { inKey: 3n, outKey: 3n },
    });
    const { actions } = bench.vswitch.trace(bench.bridge, keyOf(FROM_CABLE));
    expect(actions.map(({ type }) => type)).toEqual(["truncate", "setTunnel", "setMark", "output", "setTunnel", "output"]);
  });

  test("goes nothing when nobody says where to", () => {
    expect(new TunnelBench(["actions=2"], { 2: { remote: "flow" } }).send(FROM_CABLE)).toEqual([]);
  });

  test("goes nothing that would come back to the address that it came in at", () => {
    const bench = new TunnelBench(["actions=3"], { 2: { inKey: "flow" }, 3: { remote: mapped("10.9.0.1"), inKey: 5n } });
    expect(bench.receive(IP, {})).toEqual([]);
  });
});

describe("out of a tunnel", () => {
  const show = (n: number): string => `ip,in_port=${n},actions=mod_nw_src:0.0.0.${n},1`;
  const cameInAt = (bench: TunnelBench, outer: Parameters<TunnelBench["receive"]>[1]): number[] =>
    bench.receive(IP, outer).map(({ changes }) => {
      const set = changes.find(({ type }) => type === "setMasked");
      return set?.type === "setMasked" ? (set.key[FIELDS.nw_src.word] ?? 0) : -1;
    });

  test("a packet comes in at the most specific of the interfaces that fit", () => {
    const interfaces = {
      2: { inKey: 7n },
      3: { inKey: 7n, remote: "flow" },
      4: { inKey: "flow" },
      5: { inKey: "flow", remote: "flow", local: mapped("10.9.0.1") },
      6: { inKey: "flow", remote: "flow" },
    } as const;
    const bench = new TunnelBench([2, 3, 4, 5, 6].map(show), interfaces);
    const other = BigInt(parseIp4("10.9.0.7"));
    expect(cameInAt(bench, { tun_id: 7n })).toEqual([2]);
    expect(cameInAt(bench, { tun_id: 7n, tun_src: other })).toEqual([3]);
    expect(cameInAt(bench, { tun_id: 8n })).toEqual([4]);
    expect(cameInAt(bench, { tun_id: 8n, tun_src: other })).toEqual([5]);
    expect(cameInAt(bench, { tun_id: 8n, tun_src: other, tun_dst: other })).toEqual([6]);
  });

  test("a packet of no interface is dropped, and comes in once there is one", () => {
    const bench = new TunnelBench([show(2), show(3)], { 2: {} });
    expect(cameInAt(bench, { tun_id: 7n })).toEqual([]);
    bench.addTunnel(3, { inKey: 7n });
    expect(cameInAt(bench, { tun_id: 7n })).toEqual([3]);
    bench.vswitch.removePort(bench.bridge, 3);
    bench.vswitch.settle();
    expect(cameInAt(bench, { tun_id: 7n })).toEqual([]);
  });

  test("options are fields, as far as they are mapped, and megaflows say which counted", () => {
    const bench = new TunnelBench(["in_port=2,tun_metadata0=0xab/0xff,actions=1"], { 2: { inKey: "flow" } });
    const options = [0x01ff0001, 1, 0x01028001, 0x0001_00ab];
    expect(bench.receive(IP, { tun_id: 5n }, options)).toHaveLength(1);
    expect(bench.receive(IP, { tun_id: 5n }, [0x01028001, 0x0001_00ac])).toHaveLength(0);
    const [flow] = bench.datapath.flows();
    if (flow === undefined) throw new Error("no flow");
    expect(formatOdpFlow(flow, { nowMs: 0, portName: String }).split(",recirc_id")[0]).toBe(
      "tunnel(tun_id=0x5,src=10.9.0.2,dst=10.9.0.1,geneve({class=0x1ff,type=0,len=4,0x0/0x0}{class=0x102,type=0x80,len=4,0xab/0xff})," +
        "flags(-df-csum+key))",
    );
  });

  test("congestion outside is told inside, or costs the packet", () => {
    const bench = new TunnelBench(["in_port=2,actions=1"], { 2: {} });
    const [marked] = bench.receive(`${IP},nw_ecn=1`, { tun_tos: 3n });
    expect(marked?.changes.map(({ type }) => type)).toEqual(["setMasked"]);
    expect(bench.receive(`${IP},nw_ecn=0`, { tun_tos: 3n })).toEqual([]);
    expect(bench.receive(`${IP},nw_ecn=3`, { tun_tos: 3n })).toHaveLength(1);
  });

  test("packets and bytes are counted at the interface", () => {
    const bench = new TunnelBench(["in_port=2,actions=1", "in_port=1,actions=2"], { 2: {} });
    for (let i = 0; i < 3; i++) bench.receive(IP, {});
    for (let i = 0; i < 2; i++) bench.send(FROM_CABLE);
    finish(bench.vswitch.cache.readingStatistics());
    expect(bench.bridge.port(2)?.patchCounters).toMatchObject({ rxPackets: 3, txPackets: 2 });
  });
});

test("two interfaces of the same settings, or of one port spoken in two ways, are a conflict", () => {
  const bench = new TunnelBench([], { 2: {} });
  expect(() => bench.addTunnel(3, {})).toThrow('same remote_ip, local_ip and in_key as port "t2"');
  bench.addTunnel(4, { type: "vxlan", dstPort: 4789 });
  expect(() => bench.addTunnel(5, { type: "vxlan", dstPort: 4789, hasPolicy: true, inKey: 1n })).toThrow("VXLAN-GBP");
  expect([...bench.datapath.ports()].map(({ name }) => name)).toEqual(["p1", "genev_sys_6081", "vxlan_sys_4789"]);
  bench.vswitch.removePort(bench.bridge, 2);
  expect([...bench.datapath.ports()].map(({ name }) => name)).toEqual(["p1", "vxlan_sys_4789"]);
});

test("a cached answer is that of a fresh translation, whatever options came before", () => {
  const word = fc.constantFrom(0, 1, 2, 0x10001);
  const option = fc.oneof(
    word.map((value) => [0x01028001, value]),
    fc.tuple(word, word).map((values) => [0x01028102, ...values]),
    word.map((value) => [0x01ff0001, value]),
    fc.constant([0x01020000]),
  );
  const packet = fc.record({
    options: fc.array(option, { maxLength: 3 }).map((list) => list.flat()),
    id: fc.constantFrom(5n, 6n),
  });
  const flows = [
    "in_port=2,tun_metadata0=1,actions=move:NXM_NX_TUN_METADATA1[0..7]->NXM_OF_ETH_SRC[0..7],1",
    "in_port=2,tun_metadata0=2,actions=set_field:7->tun_metadata1,3",
    "in_port=2,tun_metadata1=0x1/0x1,actions=3",
    "in_port=2,priority=1,tun_id=5,actions=1",
  ];
  fc.assert(
    fc.property(fc.array(packet, { minLength: 2, maxLength: 6 }), (packets) => {
      const make = (): TunnelBench =>
        new TunnelBench(flows, { 2: { inKey: "flow" }, 3: { inKey: 9n, remote: mapped("10.9.0.9"), outKey: "flow" } });
      const warm = make();
      for (const { id, options } of packets) {
        const cold = make();
        expect(warm.receive(IP, { tun_id: id }, options)).toEqual(cold.receive(IP, { tun_id: id }, options));
      }
      expect([...warm.datapath.flows()].every(({ key }) => warm.datapath.flowsFor(key).length === 1)).toBe(true);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
