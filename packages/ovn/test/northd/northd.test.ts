import type { Delta, Tuple } from "@tenet/datalog";
import { Northd } from "@tenet/ovn";
import { OVN_SOUTHBOUND } from "@tenet/ovsdb";
import { beforeEach, expect, test } from "vitest";
import { forgetPlaces, orphanOperations } from "../../src/northd/cleanup-operations.ts";
import { RowStore, southboundStore, uuidOf } from "./northbound.ts";

const GLOBAL = uuidOf(1);
const SWITCH = uuidOf(2);
const WEB = uuidOf(3);
const DB = uuidOf(4);
const ACL = uuidOf(5);
const GROUP = uuidOf(6);

let nb: RowStore;
let northd: Northd;

beforeEach(() => {
  nb = new RowStore();
  northd = new Northd();
  nb.put("NB_Global", GLOBAL, { nb_cfg: 1 });
  nb.put("Logical_Switch", SWITCH, { name: "sw0", ports: [WEB] });
  nb.put("Logical_Switch_Port", WEB, { name: "web", addresses: ["0a:00:00:00:00:01 10.0.0.1"] });
});

function apply(): Delta {
  return northd.apply({ nb: nb.take() }, 1000).delta;
}

/** Texts of the flows that a delta inserts or deletes: `stage priority match => actions`. */
function flows(delta: Delta, kind: "inserted" | "deleted"): string[] {
  const tuples = delta.get("lflow")?.[kind] ?? [];
  return tuples.map(([, stage, priority, match, actions]: Tuple) => `${stage} ${priority} ${match} => ${actions}`).sort();
}

test("a switch with a port becomes a datapath, a binding, groups and flows", () => {
  apply();
  expect(northd.rows("to_sb:Datapath_Binding").map((tuple) => tuple.at(-1))).toEqual([1]);
  expect(northd.rows("to_sb:Port_Binding").map(([, name, type]) => [name, type])).toEqual([["web", ""]]);
  expect(northd.rows("to_sb:Multicast_Group").map((tuple) => tuple[2])).toEqual(
    expect.arrayContaining(["_MC_flood", "_MC_flood_l2"]),
  );
  expect(northd.rows("lflow").map(([, stage, , match]) => `${stage} ${match}`)).toContain(
    "ls_in_l2_lkup eth.dst == 0a:00:00:00:00:01",
  );
});

test("all 37 stages of a switch have a flow", () => {
  apply();
  expect(new Set(northd.rows("lflow").map((tuple) => tuple[1])).size).toBe(37);
});

test("no flow is lost for want of a stage", () => {
  apply();
  expect(northd.rows("to_sb:Logical_Flow").length).toBe(northd.rows("lflow").length);
});

test("a requested tunnel key is given when it is free, and kept when the request goes", () => {
  const keys = (): unknown[] =>
    northd
      .rows("northd:port_key")
      .map(([port, key]) => [port, key])
      .sort();
  nb.patch("Logical_Switch_Port", WEB, { options: new Map([["requested-tnl-key", "7"]]) });
  nb.put("Logical_Switch_Port", DB, { name: "db", options: new Map([["requested-tnl-key", "7"]]) });
  nb.patch("Logical_Switch", SWITCH, { ports: [WEB, DB] });
  apply();
  expect(new Set(northd.rows("northd:port_key").map(([, key]) => key))).toEqual(new Set([7, 1]));
  const before = keys();
  nb.patch("Logical_Switch_Port", WEB, { options: new Map() });
  apply();
  expect(keys()).toEqual(before);
});

test("a port that comes back under its old name is another port with another key", () => {
  apply();
  nb.put("Logical_Switch_Port", WEB, undefined);
  nb.put("Logical_Switch_Port", DB, { name: "web" });
  nb.patch("Logical_Switch", SWITCH, { ports: [DB] });
  const { inserted, deleted } = apply().get("to_sb:Port_Binding") ?? { inserted: [], deleted: [] };
  expect([deleted[0]?.[1], inserted[0]?.[1]]).toEqual(["web", "web"]);
  expect(deleted[0]?.[0]).not.toBe(inserted[0]?.[0]);
  expect(northd.rows("northd:port_key").map(([, key]) => key)).toEqual([2]);
});

test("learned addresses are forgotten with the place they were learned at", () => {
  apply();
  nb.put("Logical_Switch_Port", WEB, undefined);
  nb.patch("Logical_Switch", SWITCH, { ports: [] });
  expect(forgetPlaces(apply())).toEqual([
    {
      op: "delete",
      table: "FDB",
      where: [
        ["dp_key", "==", 1],
        ["port_key", "==", 1],
      ],
    },
  ]);
});

test("a datapath takes along the rows that cannot be without it", () => {
  apply();
  nb.put("Logical_Switch", SWITCH, undefined);
  const operations = orphanOperations(OVN_SOUTHBOUND, new Map([["Port_Binding", true]]), apply());
  const tables = operations.map((operation) => (operation as { table: string }).table);
  expect(tables).toEqual(expect.arrayContaining(["MAC_Binding", "IP_Multicast", "DNS", "Static_MAC_Binding", "Load_Balancer"]));
  expect(tables).not.toContain("Port_Binding");
  expect(tables).not.toContain("IGMP_Group");
});

test("a new port costs its own rows alone", () => {
  apply();
  nb.put("Logical_Switch_Port", DB, { name: "db", addresses: ["0a:00:00:00:00:02 10.0.0.2"] });
  nb.patch("Logical_Switch", SWITCH, { ports: [WEB, DB] });
  const delta = apply();
  expect(flows(delta, "deleted")).toEqual([]);
  expect(flows(delta, "inserted").map((text) => text.split(" ")[0])).toEqual(["ls_in_arp_rsp", "ls_in_arp_rsp", "ls_in_l2_lkup"]);
  expect(delta.get("to_sb:Multicast_Group")).toBeUndefined();
  expect(delta.get("to_sb:Multicast_Group.ports")?.inserted.length).toBe(2);
});

test("a second switch joins the flows of the first", () => {
  apply();
  nb.put("Logical_Switch", uuidOf(20), { name: "sw1" });
  const delta = apply();
  expect(flows(delta, "inserted")).toEqual([]);
  expect(delta.get("to_sb:Logical_DP_Group.datapaths")?.inserted.length).toBe(4);
});

test("an ACL is one flow, 1000 above its priority, that names its row", () => {
  nb.put("ACL", uuidOf(50), { direction: "to-lport", priority: 1, match: "ip4", action: "drop" });
  nb.patch("Logical_Switch", SWITCH, { acls: [uuidOf(50)] });
  apply();
  nb.put("ACL", ACL, { direction: "to-lport", priority: 100, match: 'outport == "web"', action: "allow-stateless" });
  nb.patch("Logical_Switch", SWITCH, { acls: [uuidOf(50), ACL] });
  const delta = apply();
  expect(flows(delta, "inserted")).toEqual(['ls_out_acl 1100 outport == "web" => next;']);
  expect(flows(delta, "deleted")).toEqual([]);
  expect(delta.get("to_sb:Logical_Flow")?.inserted[0]?.at(-1)).toEqual([
    ["source", "northd.dl"],
    ["stage-hint", ACL.slice(0, 8)],
    ["stage-name", "ls_out_acl"],
  ]);
});

test("one allow-related ACL makes a switch track connections, and its allow ACLs commit them", () => {
  nb.put("ACL", ACL, { direction: "to-lport", priority: 1, match: "ip4", action: "allow" });
  nb.patch("Logical_Switch", SWITCH, { acls: [ACL] });
  const verdicts = (delta: ReturnType<typeof apply>): string[] =>
    flows(delta, "inserted").filter((text) => text.startsWith("ls_out_acl 1001 ") || text.startsWith("ls_out_pre_acl 100 "));
  expect(verdicts(apply())).toEqual(["ls_out_acl 1001 ip4 => next;"]);
  nb.patch("ACL", ACL, { action: "allow-related" });
  const tracking = apply();
  expect(verdicts(tracking).toSorted()).toEqual([
    "ls_out_acl 1001 reg0[7] == 1 && (ip4) => reg0[1] = 1; next;",
    "ls_out_acl 1001 reg0[8] == 1 && (ip4) => next;",
    "ls_out_pre_acl 100 ip => reg0[0] = 1; next;",
  ]);
  expect(flows(tracking, "deleted")).toContain("ls_out_acl 1001 ip4 => next;");
  expect(northd.rows("northd:unsupported")).toEqual([]);
});

test("a rejecting ACL turns packets round, and whoever cannot do that is named", () => {
  nb.put("ACL", ACL, { direction: "from-lport", priority: 1, match: "ip4", action: "reject" });
  nb.patch("Logical_Switch", SWITCH, { acls: [ACL] });
  const rejecting = flows(apply(), "inserted").filter((flow) => flow.startsWith("ls_in_acl 1001 ip4 => "));
  expect(rejecting).toEqual([expect.stringMatching(/reject \{ .* outport <-> inport; next\(pipeline=egress,table=5\); \};$/)]);
  expect(northd.rows("northd:unsupported")).toEqual([
    [ACL, "ACL", expect.stringContaining("reject is answered by the original")],
  ]);
});

test("a port group's ACL holds on the switches it reaches, and its addresses are sets", () => {
  nb.put("ACL", ACL, { direction: "to-lport", priority: 1, match: "outport == @pg && ip4.src == $pg_ip4", action: "allow" });
  nb.put("Port_Group", GROUP, { name: "pg", ports: [WEB], acls: [ACL] });
  const delta = apply();
  expect(flows(delta, "inserted")).toContain("ls_out_acl 1001 outport == @pg && ip4.src == $pg_ip4 => next;");
  expect(northd.rows("to_sb:Port_Group").map(([, name]) => name)).toEqual(["1_pg"]);
  const sets = new Map(northd.rows("to_sb:Address_Set").map(([uuid, name]) => [uuid, name]));
  const addresses = northd.rows("to_sb:Address_Set.addresses").map(([uuid, value]) => [sets.get(uuid ?? null), value]);
  expect(addresses).toContainEqual(["pg_ip4", "10.0.0.1"]);
});

test("a disabled port neither sends nor receives", () => {
  nb.patch("Logical_Switch_Port", WEB, { enabled: [false] });
  expect(flows(apply(), "inserted").filter((text) => text.includes('"web"') || text.includes(":01 =>"))).toEqual([
    'ls_in_arp_rsp 100 arp.tpa == 10.0.0.1 && arp.op == 1 && inport == "web" => next;',
    'ls_in_check_port_sec 100 inport == "web" => reg0[15] = 1; next;',
    "ls_in_l2_lkup 50 eth.dst == 0a:00:00:00:00:01 => drop;",
    'ls_in_l2_unknown 50 outport == "web" => drop;',
  ]);
});

test("configuration numbers go down at once and come back when they are written", () => {
  apply();
  expect(northd.rows("to_sb:SB_Global").map(([, nbCfg]) => nbCfg)).toEqual([1]);
  expect(northd.rows("to_nb:NB_Global")).toEqual([]);
  northd.committed(1234);
  expect(northd.rows("to_nb:NB_Global")).toEqual([[GLOBAL, 1000, 1, 1234, 1, 0]]);
});

test("the slowest chassis decides how far the hypervisors are", () => {
  const sb = southboundStore();
  sb.put("Chassis_Private", uuidOf(30), { name: "a", nb_cfg: 1, nb_cfg_timestamp: 7 });
  sb.put("Chassis_Private", uuidOf(31), { name: "b", nb_cfg: 0, nb_cfg_timestamp: 9 });
  northd.apply({ nb: nb.take(), sb: sb.take() }, 1000);
  northd.committed(1234);
  expect(northd.rows("to_nb:NB_Global").map((tuple) => tuple.slice(-2))).toEqual([[0, 9]]);
});

test("a port is up when its chassis says so", () => {
  apply();
  const up = (): unknown[] => northd.rows("to_nb:Logical_Switch_Port").map((tuple) => tuple[1]);
  const binding = String(northd.rows("to_sb:Port_Binding")[0]?.[0]);
  const sb = southboundStore();
  sb.put("Chassis", uuidOf(40), { name: "a", other_config: new Map([["port-up-notif", "true"]]) });
  sb.put("Port_Binding", binding, { chassis: [uuidOf(40)] });
  northd.apply({ sb: sb.take() }, 0);
  expect(up()).toEqual([false]);
  sb.patch("Port_Binding", binding, { up: [true] });
  northd.apply({ sb: sb.take() }, 0);
  expect(up()).toEqual([true]);
});
