import { formatProof } from "@tenet/datalog";
import { type FlowSpec, formatFlow } from "@tenet/openflow";
import { Controller, flowKey } from "@tenet/ovn";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CHASSIS, Cloud, OTHER_SWITCH, SWITCH, uuid } from "./cloud.ts";

function start(cloud: Cloud): Controller {
  const controller = new Controller({ systemId: "hv1", bridge: "br-int" });
  controller.apply(cloud.take());
  return controller;
}

const texts = (flows: readonly FlowSpec[]): string[] => flows.map((flow) => formatFlow(flow)).sort();
const inTable = (controller: Controller, table: number): string[] =>
  texts(controller.flows().filter((flow) => flow.table === table));

test("a plugged port gets in, out, and back only when asked", () => {
  const controller = start(new Cloud());
  expect(inTable(controller, 0)).toContain(
    "cookie=0x1, priority=100,in_port=1 actions=load:0x1->NXM_NX_REG13[0..15],load:0x1->OXM_OF_METADATA[],load:0x1->NXM_NX_REG14[],resubmit(,8)",
  );
  expect(inTable(controller, 65)).toContain("cookie=0x2, table=65, priority=100,reg15=0x2,metadata=0x1 actions=output:2");
  expect(inTable(controller, 41)).toContain(
    "cookie=0x1, table=41, priority=100,reg10=0/0x1,reg14=0x1,reg15=0x1,metadata=0x1 actions=drop",
  );
});

test("ports of other kinds are said to be out of service", () => {
  const cloud = new Cloud();
  cloud.sb.put("Port_Binding", uuid(0x77), { logical_port: "net", type: "localnet", datapath: SWITCH, tunnel_key: 9, up: [] });
  cloud.sb.put("Port_Binding", uuid(0x78), { logical_port: "inner", parent_port: ["web"], datapath: SWITCH, tunnel_key: 10 });
  const controller = start(cloud);
  expect(
    controller
      .problems()
      .filter(({ what }) => what === "port")
      .map(({ row, why }) => [row, why.split(":")[0]])
      .toSorted(),
  ).toEqual([
    [uuid(0x77), "ports of type localnet are not carried out"],
    [uuid(0x78), "ports nested in another one are not carried out"],
  ]);
});

test("a multicast group is served member by member and keeps its own key", () => {
  const controller = start(new Cloud());
  expect(inTable(controller, 40)).toContain(
    "cookie=0x30, table=40, priority=100,reg15=0x8000,metadata=0x1 actions=load:0x1->NXM_NX_REG13[0..15],load:0x1->NXM_NX_REG15[],resubmit(,41)," +
      "load:0x2->NXM_NX_REG13[0..15],load:0x2->NXM_NX_REG15[],resubmit(,41),load:0x8000->NXM_NX_REG15[]",
  );
});

test("a port on another machine is reached by a tunnel, which goes when the machine goes", () => {
  const cloud = new Cloud();
  const encap = { type: "geneve", ip: "10.9.0.2", chassis_name: "hv2", options: new Map([["csum", "true"]]) };
  cloud.sb.put("Encap", uuid(0xe2), encap);
  cloud.sb.put("Chassis", uuid(0xc2), { name: "hv2", encaps: [uuid(0xe2)] });
  cloud.port(4, "far", SWITCH, 4);
  cloud.sb.put("Port_Binding", uuid(4), { chassis: [uuid(0xc2)] });
  cloud.sb.put("Multicast_Group", uuid(0x30), { ports: [uuid(1), uuid(2), uuid(4)] });
  const controller = start(cloud);
  expect(controller.pendingWrites().openTunnels).toEqual([{ chassis: "hv2", ip: "10.9.0.2", csum: "true" }]);
  expect(inTable(controller, 39).filter((flow) => flow.includes("output"))).toEqual([]);

  cloud.vswitch.put("Bridge", uuid(0xb0), { ports: [uuid(0xb1), uuid(0xb2), uuid(0xb3), uuid(0xb9)] });
  const marks = new Map([["ovn-chassis-id", "hv2@10.9.0.2"]]);
  cloud.vswitch.put("Port", uuid(0xb9), { name: "ovn-hv2-0", interfaces: [uuid(0xa9)], external_ids: marks });
  cloud.vswitch.put("Interface", uuid(0xa9), { name: "ovn-hv2-0", type: "geneve", ofport: [9] });
  controller.apply(cloud.take());
  expect(controller.pendingWrites()).toMatchObject({ openTunnels: [], closeTunnels: [] });
  const header = (key: string): string =>
    `load:0x1->NXM_NX_TUN_ID[0..23],set_field:${key}->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30]`;
  expect(inTable(controller, 39)).toContain(
    `cookie=0x4, table=39, priority=100,reg15=0x4,metadata=0x1 actions=${header("0x4")},output:9,resubmit(,40)`,
  );
  expect(inTable(controller, 39)).toContain(
    `cookie=0x30, table=39, priority=100,reg15=0x8000,metadata=0x1 actions=${header("0x8000")},output:9,resubmit(,40)`,
  );
  expect(inTable(controller, 0).filter((flow) => flow.includes("in_port=9"))).toHaveLength(1);

  cloud.sb.remove("Chassis", uuid(0xc2));
  controller.apply(cloud.take());
  expect(controller.pendingWrites().closeTunnels).toEqual([uuid(0xb9)]);
  expect(inTable(controller, 0).filter((flow) => flow.includes("in_port=9"))).toEqual([]);
});

test("a change of one logical flow changes only its OpenFlow flows", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, `inport == "web" && tcp.dst == {80, 443}`, "next;");
  cloud.logicalFlow(0x51, "ip4", "drop;");
  const controller = start(cloud);
  cloud.logicalFlow(0x50, `inport == "web" && tcp.dst == {80, 8080}`, "next;");
  const { added, removed } = controller.apply(cloud.take());
  expect(texts(added)).toEqual([
    "cookie=0x50, table=16, priority=100,tcp,reg14=0x1,metadata=0x1,tp_dst=8080 actions=resubmit(,17)",
    "cookie=0x50, table=16, priority=100,tcp6,reg14=0x1,metadata=0x1,tp_dst=8080 actions=resubmit(,17)",
  ]);
  expect(texts(removed).map((text) => text.replace(/ actions.*/, ""))).toEqual([
    "cookie=0x50, table=16, priority=100,tcp,reg14=0x1,metadata=0x1,tp_dst=443",
    "cookie=0x50, table=16, priority=100,tcp6,reg14=0x1,metadata=0x1,tp_dst=443",
  ]);
});

test("an address set that grows by one address adds one flow per use", () => {
  const cloud = new Cloud();
  cloud.sb.put("Address_Set", uuid(0x70), { name: "web", addresses: ["10.0.0.1", "10.0.0.2"] });
  cloud.logicalFlow(0x50, "ip4.src == $web", "next;");
  cloud.logicalFlow(0x51, "ip4.dst == 1.1.1.1", "next;");
  const controller = start(cloud);
  cloud.sb.put("Address_Set", uuid(0x70), { addresses: ["10.0.0.1", "10.0.0.2", "10.0.0.3"] });
  const { added, removed } = controller.apply(cloud.take());
  expect(texts(added)).toEqual(["cookie=0x50, table=16, priority=100,ip,metadata=0x1,nw_src=10.0.0.3 actions=resubmit(,17)"]);
  expect(removed).toEqual([]);
});

const PRODUCT = "ip4.src == $clients && tcp.dst == {1, 2, 3, 4, 5, 6, 7, 8}";
const CLIENTS = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`);

function cloudWithProduct(): Cloud {
  const cloud = new Cloud();
  cloud.sb.put("Address_Set", uuid(0x70), { name: "clients", addresses: CLIENTS });
  cloud.logicalFlow(0x50, PRODUCT, "next;");
  return cloud;
}

test("a large product of sets is a conjunction, and one more member is one more flow", () => {
  const cloud = cloudWithProduct();
  const controller = start(cloud);
  const flows = inTable(controller, 16);
  // 20 addresses, 8 ports of TCP over IPv4 and over IPv6, and what happens to packets in both.
  expect(flows).toHaveLength(20 + 16 + 1);
  const [, id] = /conj_id=(\d+),metadata=0x1 actions=resubmit\(,17\)/.exec(flows.join("\n")) ?? [];
  expect(flows).toContain(`cookie=0x50, table=16, priority=100,ip,metadata=0x1,nw_src=10.0.0.7 actions=conjunction(${id},1/2)`);
  cloud.sb.put("Address_Set", uuid(0x70), { addresses: [...CLIENTS, "10.0.9.9"] });
  const { added, removed } = controller.apply(cloud.take());
  expect(texts(added)).toEqual([
    `cookie=0x50, table=16, priority=100,ip,metadata=0x1,nw_src=10.0.9.9 actions=conjunction(${id},1/2)`,
  ]);
  expect(removed).toEqual([]);
});

test.each([
  ["!(ip6.dst == fd00::2 || ip6.src == fd00::2)", 2 * 128 + 1],
  // Some bits tell the address from several of the others: that is one flow for several clauses.
  ["ip4.src != {10.0.0.1, 10.0.9.2, 192.168.3.3}", 44 + 1],
])("%s takes %i flows", (match, nFlows) => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, match, "next;");
  expect(inTable(start(cloud), 16)).toHaveLength(nFlows);
});

test("a match of too many conditions is a problem, not a hole", () => {
  const cloud = new Cloud();
  const conditions = Array.from({ length: 65 }, (_, i) => `reg0 != ${i}`);
  cloud.logicalFlow(0x50, conditions.join(" && "), "next;");
  const controller = start(cloud);
  expect(inTable(controller, 16)).toEqual([]);
  expect(controller.problems()).toMatchObject([{ what: "match", why: expect.stringContaining("at most 64 are possible") }]);
});

test("conjunctions share the flow of a clause that they have in common, and part again", () => {
  const cloud = cloudWithProduct();
  const controller = start(cloud);
  const before = inTable(controller, 16);
  cloud.logicalFlow(0x51, "ip4.src == $clients && udp.dst == {1, 2, 3, 4, 5, 6, 7, 8}", "drop;");
  controller.apply(cloud.take());
  const shared = inTable(controller, 16).filter((flow) => /conjunction\(\d+,1\/2\),conjunction\(\d+,1\/2\)$/.test(flow));
  expect(shared).toHaveLength(20);
  cloud.sb.remove("Logical_Flow", uuid(0x51));
  controller.apply(cloud.take());
  expect(inTable(controller, 16)).toEqual(before);
});

test("a flow for the very packets of a clause stands before it", () => {
  const cloud = cloudWithProduct();
  cloud.logicalFlow(0x51, "ip4.src == 10.0.0.7", "drop;");
  const controller = start(cloud);
  const ofSeven = inTable(controller, 16).filter((flow) => flow.includes("nw_src=10.0.0.7 "));
  expect(ofSeven).toEqual(["cookie=0x51, table=16, priority=100,ip,metadata=0x1,nw_src=10.0.0.7 actions=drop"]);
  cloud.sb.remove("Logical_Flow", uuid(0x51));
  expect(texts(controller.apply(cloud.take()).added)[0]).toMatch(/nw_src=10.0.0.7 actions=conjunction/);
});

test("a port group is that of the flow's datapath, and a flow about a port elsewhere is left out", () => {
  const cloud = new Cloud();
  cloud.sb.put("Port_Group", uuid(0x71), { name: "1_tier", ports: ["web", "app"] });
  cloud.sb.put("Port_Group", uuid(0x72), { name: "2_tier", ports: ["db"] });
  cloud.sb.put("Logical_DP_Group", uuid(0x73), { datapaths: [SWITCH, OTHER_SWITCH] });
  cloud.logicalFlow(0x50, "inport == @tier", "next;", { logical_datapath: [], logical_dp_group: [uuid(0x73)] });
  const controller = start(cloud);
  expect(inTable(controller, 16)).toHaveLength(3);
  cloud.unplug(2);
  const { removed } = controller.apply(cloud.take());
  expect(texts(removed.filter(({ table }) => table === 16)).map((text) => text.replace(/ actions.*/, ""))).toEqual([
    "cookie=0x50, table=16, priority=100,reg14=0x2,metadata=0x1",
  ]);
});

test("an unsupported action drops where the flow matches, and is reported", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, "reg0[0] == 1", "ct_snat;");
  const controller = start(cloud);
  expect(inTable(controller, 16)).toEqual([
    "cookie=0x50, table=16, priority=100,ip,reg0=0x1/0x1,metadata=0x1 actions=drop",
    "cookie=0x50, table=16, priority=100,ipv6,reg0=0x1/0x1,metadata=0x1 actions=drop",
  ]);
  expect(controller.problems()).toEqual([
    { row: uuid(0x50), what: "actions", why: `the action "ct_snat" is not supported; the flow drops` },
  ]);
});

test("what is to be rejected is dropped", () => {
  const cloud = new Cloud();
  const back = "reg0 = 0; reject { /* implicit. */ outport <-> inport; next(pipeline=egress,table=5); };";
  cloud.logicalFlow(0x50, "ip4.src == 10.0.0.1", back);
  cloud.logicalFlow(0x51, "arp", back);
  const controller = start(cloud);
  expect(inTable(controller, 16)).toEqual([
    "cookie=0x50, table=16, priority=100,ip,metadata=0x1,nw_src=10.0.0.1 actions=drop",
    "cookie=0x51, table=16, priority=100,arp,metadata=0x1 actions=drop",
  ]);
  expect(
    controller
      .problems()
      .map(({ row }) => row)
      .toSorted(),
  ).toEqual([uuid(0x50), uuid(0x51)]);
});

test("an unsupported action is not reported where northd's own pipeline leads no packet", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, "reg0[0] == 1", "ct_snat;", { external_ids: new Map([["source", "northd.dl"]]) });
  const fromRow = new Map([
    ["source", "northd.dl"],
    ["stage-hint", "1234abcd"],
  ]);
  cloud.logicalFlow(0x51, "reg0[0] == 1", "ct_snat;", { external_ids: fromRow });
  const controller = start(cloud);
  expect(controller.problems().map(({ row }) => row)).toEqual([uuid(0x51)]);
  expect(inTable(controller, 16).every((flow) => flow.endsWith("actions=drop"))).toBe(true);
});

test("a match that cannot be read makes no flow and one problem, which goes when the row is mended", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, "ip4.srcc == 1.1.1.1", "next;");
  const controller = start(cloud);
  expect(inTable(controller, 16)).toEqual([]);
  expect(controller.problems()[0]?.why).toMatch(/match:1:1: Unknown field "ip4.srcc"[^]*did you mean "ip4.src"/);
  cloud.logicalFlow(0x50, "ip4.src == 1.1.1.1", "next;");
  expect(controller.apply(cloud.take()).problemsGone).toHaveLength(1);
  expect(controller.problems()).toEqual([]);
});

test("whatever a match says, it becomes flows or a problem", () => {
  const cloud = new Cloud();
  const matches = [
    "!ip.is_frag",
    "!ip.later_frag",

    "!vlan.present",
    "vlan.pcp[0]",
    "tcp.flags != 2",
    "ct_state != 0x21",
    "ip6.label != 5",
  ];
  matches.forEach((match, i) => cloud.logicalFlow(0x50 + i, match, "next;"));
  const controller = start(cloud);
  const cookies = new Set(controller.flows().flatMap(({ table, cookie }) => (table === 16 ? [cookie] : [])));
  expect(cookies.size).toBe(matches.length);
  cloud.logicalFlow(0x60, "ip.frag == 2", "next;"); // a state that ovs-ofctl has no word for
  expect(controller.apply(cloud.take()).problemsFound).toMatchObject([{ row: uuid(0x60), what: "match" }]);
});

test("of two logical flows with the same match the dropping one wins, and the other returns when it goes", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, "ip4", "next;");
  cloud.logicalFlow(0x51, "ip4", "drop;");
  const controller = start(cloud);
  expect(inTable(controller, 16)).toEqual(["cookie=0x51, table=16, priority=100,ip,metadata=0x1 actions=drop"]);
  cloud.sb.remove("Logical_Flow", uuid(0x51));
  const { added, removed } = controller.apply(cloud.take());
  expect([texts(added), removed]).toEqual([["cookie=0x50, table=16, priority=100,ip,metadata=0x1 actions=resubmit(,17)"], []]);
});

test("ports are claimed, reported and released as interfaces come and go", () => {
  const cloud = new Cloud();
  const controller = start(cloud);
  expect(controller.pendingWrites().claim.toSorted()).toEqual([uuid(1), uuid(2), uuid(3)]);
  for (const n of [1, 2, 3]) cloud.sb.put("Port_Binding", uuid(n), { chassis: [CHASSIS] });
  controller.apply(cloud.take());
  expect(controller.pendingWrites()).toMatchObject({ claim: [], release: [] });
  expect(controller.pendingWrites().reportUp).toHaveLength(3);
  expect(controller.pendingWrites().markInstalled).toHaveLength(3);
  cloud.unplug(3);
  controller.apply(cloud.take());
  expect(controller.pendingWrites().release).toEqual([uuid(3)]);
});

test("a port that another chassis was asked to have is not claimed", () => {
  const cloud = new Cloud();
  cloud.sb.put("Port_Binding", uuid(1), { requested_chassis: [uuid(0xc1)] });
  cloud.sb.put("Port_Binding", uuid(2), { requested_chassis: [CHASSIS] });
  expect(start(cloud).pendingWrites().claim.toSorted()).toEqual([uuid(2), uuid(3)]);
});

test("a port security entry that cannot be read is reported, and what the others do not allow stays forbidden", () => {
  const cloud = new Cloud();
  cloud.port(1, "web", SWITCH, 1, ["nonsense", "0a:00:00:00:00:01 10.0.0.1"]);
  const controller = start(cloud);
  expect(controller.problems()).toMatchObject([{ row: uuid(1), what: "port security" }]);
  expect(inTable(controller, 73)).toContain(
    "cookie=0x1, table=73, priority=80,reg14=0x1,metadata=0x1 actions=load:0x1->NXM_NX_REG10[12]",
  );
});

test("a flow is explained down to the southbound row and the interface it came from", () => {
  const cloud = new Cloud();
  cloud.logicalFlow(0x50, `inport == "web" && ip4`, "next;");
  const { engine } = start(cloud);
  const [row] = engine.match("flow", ["00000050", undefined, undefined, undefined, undefined]);
  const proof = row === undefined ? undefined : engine.explain("flow", row);
  const text = proof === undefined ? "" : formatProof(proof);
  expect(text).toContain(`sb:Logical_Flow("${uuid(0x50)}"`);
  expect(text).toContain(`vswitch:Interface.external_ids("${uuid(0xa1)}", "iface-id", "web")`);
});

test("what a change would install is known without installing it", () => {
  const cloud = new Cloud();
  const controller = start(cloud);
  const before = texts(controller.flows());
  cloud.logicalFlow(0x50, "ip4", "drop;");
  const { delta } = controller.engine.whatIf(cloud.take());
  expect(delta.get("flow")?.inserted).toEqual([["00000050", 16, 100, "metadata=1,ip", "drop"]]);
  expect(texts(controller.flows())).toEqual(before);
});

test("after any sequence of changes the flows are those of a fresh start", () => {
  const step = fc.oneof(
    fc
      .tuple(
        fc.integer({ min: 0x50, max: 0x54 }),
        fc.constantFrom(`inport == "web"`, "ip4.src == $s", "inport == @g", "ip4", "nonsense", PRODUCT, `${PRODUCT} || arp`),
        fc.constantFrom("next;", "drop;", `outport = "app"; output;`, "ct_next;"),
      )
      .map(
        ([n, match, actions]) =>
          (cloud: Cloud) =>
            cloud.logicalFlow(n, match, actions),
      ),
    fc.integer({ min: 0x50, max: 0x54 }).map((n) => (cloud: Cloud) => cloud.sb.remove("Logical_Flow", uuid(n))),
    fc
      .subarray(["1.1.1.1", "2.2.2.0/24", "3.3.3.3"])
      .map((addresses) => (cloud: Cloud) => cloud.sb.put("Address_Set", uuid(0x70), { name: "s", addresses })),
    fc
      .integer({ min: 4, max: 8 })
      .map((n) => (cloud: Cloud) => cloud.sb.put("Address_Set", uuid(0x72), { name: "clients", addresses: CLIENTS.slice(0, n) })),
    fc.subarray(["app", "web"]).map((ports) => (cloud: Cloud) => cloud.sb.put("Port_Group", uuid(0x71), { name: "1_g", ports })),
    fc.integer({ min: 1, max: 3 }).map((n) => (cloud: Cloud) => cloud.unplug(n)),
    fc.integer({ min: 1, max: 3 }).map((n) => (cloud: Cloud) => cloud.plug(n, ["web", "app", "db"][n - 1] ?? "")),
    fc
      .subarray(["0a:00:00:00:00:01", "0a:00:00:00:00:01 10.0.0.1/24"])
      .map((security) => (cloud: Cloud) => cloud.port(1, "web", SWITCH, 1, security)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), (batches) => {
      const cloud = new Cloud();
      const controller = start(cloud);
      const installed = new Map(controller.flows().map((flow) => [flowKey(flow), flow]));
      for (const batch of batches) {
        for (const change of batch) change(cloud);
        const { added, removed } = controller.apply(cloud.take());
        for (const flow of removed) expect(installed.delete(flowKey(flow))).toBe(true);
        for (const flow of added) installed.set(flowKey(flow), flow);
      }
      const fresh = new Controller({ systemId: "hv1", bridge: "br-int" });
      fresh.apply(cloud.all());
      expect(texts(controller.flows())).toEqual(texts(fresh.flows()));
      expect(texts([...installed.values()])).toEqual(texts(fresh.flows()));
    }),
    { numRuns: 20 },
  );
}, 30_000);
