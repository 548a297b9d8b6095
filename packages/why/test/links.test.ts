/** The links between the layers, and that nothing is linked by guessing. */
import { OVN_NORTHBOUND, OVN_SOUTHBOUND } from "@tenet/ovsdb";
import type { TraceStep } from "@tenet/switch";
import { describe, expect, test } from "vitest";
import { NorthboundLinks } from "../src/links/northbound.ts";
import { SouthboundLinks, stagePlaceOf } from "../src/links/southbound.ts";
import { type Content, fakeTables } from "./fake-tables.ts";

const uuid = (prefix: string, n: number): string => `${prefix}-0000-4000-8000-${String(n).padStart(12, "0")}`;
const DP1 = uuid("d0000001", 1);
const DP2 = uuid("d0000002", 2);
const GROUP = uuid("60000001", 1);

const flow = (table: number, priority: number, scope: object, pipeline = "ingress"): Content[string][string] => ({
  pipeline,
  table_id: table,
  priority,
  match: "1",
  actions: "next;",
  ...scope,
});
const step = (table: number, cookie: string, priority: number, match: string): TraceStep => ({
  bridge: "br-int",
  table,
  depth: 0,
  cookie,
  priority,
  match,
  actions: "",
  notes: [],
});

function southbound(flows: Content[string], steps: readonly TraceStep[]): SouthboundLinks {
  const tables = fakeTables(OVN_SOUTHBOUND, {
    Datapath_Binding: { [DP1]: { tunnel_key: 1 }, [DP2]: { tunnel_key: 2 } },
    Logical_DP_Group: { [GROUP]: { datapaths: [DP1, DP2] } },
    Logical_Flow: flows,
  });
  return new SouthboundLinks(tables, steps);
}

describe("a cookie leads to the logical flow", () => {
  const at = step(16, "0xabc", 0, "metadata=0x1");
  const found = (flows: Content[string], from = at): string | undefined => southbound(flows, [from]).logicalFlow(from)?._uuid;
  const own = { logical_datapath: [DP1] };

  test("whose UUID begins with it, on the datapath itself or in a group", () => {
    expect(found({ [uuid("00000abc", 1)]: flow(8, 0, own) })).toBe(uuid("00000abc", 1));
    expect(found({ [uuid("00000abc", 1)]: flow(8, 0, { logical_dp_group: [GROUP] }) })).toBe(uuid("00000abc", 1));
  });

  test.each([
    ["another table", flow(9, 0, own)],
    ["another priority", flow(8, 1, own)],
    ["another pipeline", flow(8, 0, own, "egress")],
    ["another datapath", flow(8, 0, { logical_datapath: [DP2] })],
    ["no datapath", flow(8, 0, {})],
  ])("but not to one of %s", (_what, other) => {
    expect(found({ [uuid("00000abc", 1)]: other })).toBeUndefined();
    expect(found({ [uuid("00000abc", 1)]: other, [uuid("00000abc", 2)]: flow(8, 0, own) })).toBe(uuid("00000abc", 2));
  });

  test("and to none when two fit", () => {
    expect(found({ [uuid("00000abc", 1)]: flow(8, 0, own), [uuid("00000abc", 2)]: flow(8, 0, own) })).toBeUndefined();
  });

  test("and to none from a flow that is for any datapath, a miss, or a table that no stage has", () => {
    const flows = { [uuid("00000abc", 1)]: flow(8, 0, own) };
    expect(found(flows, step(16, "0xabc", 0, ""))).toBeUndefined();
    expect(found(flows, { bridge: "br-int", table: 16, depth: 0, notes: [] })).toBeUndefined();
    expect(found(flows, step(73, "0xabc", 0, "metadata=0x1"))).toBeUndefined();
  });
});

test("stages lie where the controller puts them", () => {
  expect(stagePlaceOf(8)).toEqual({ pipeline: "ingress", table: 0 });
  expect(stagePlaceOf(42)).toEqual({ pipeline: "egress", table: 0 });
  expect([0, 7, 37, 40, 41, 64, 65, 73].map(stagePlaceOf)).toEqual(Array.from({ length: 8 }, () => undefined));
});

describe("a hint leads to the northbound row", () => {
  const hinted = (hint: string, match: string, priority = 0): Parameters<NorthboundLinks["rowOf"]>[0] => ({
    _uuid: uuid("f0000001", 1),
    _version: "",
    match,
    priority,
    actions: 'outport = "p1"; output;',
    external_ids: new Map([["stage-hint", hint]]),
  });
  const links = (content: Content): NorthboundLinks => new NorthboundLinks(fakeTables(OVN_NORTHBOUND, content));
  const acl = { match: "tcp", priority: 5, direction: "to-lport", action: "drop" };

  test("in whichever table it is", () => {
    const port = links({ Logical_Switch_Port: { [uuid("aaaaaaaa", 1)]: { name: "p1" } } });
    expect(port.rowOf(hinted("aaaaaaaa", "1"))).toMatchObject({ table: "Logical_Switch_Port", row: { name: "p1" } });
    expect(port.rowOf(hinted("bbbbbbbb", "1"))).toBeUndefined();
    expect(port.rowOf(hinted("", "1"))).toBeUndefined();
  });

  test("of several, to the one whose content the flow shows", () => {
    const both = links({
      ACL: { [uuid("aaaaaaaa", 1)]: acl, [uuid("aaaaaaaa", 2)]: { ...acl, match: "udp" } },
      Logical_Switch_Port: { [uuid("aaaaaaaa", 3)]: { name: "p9", addresses: ["0a:00:00:00:00:09"] } },
    });
    expect(both.rowOf(hinted("aaaaaaaa", "udp", 1005))?.row._uuid).toBe(uuid("aaaaaaaa", 2));
    expect(both.rowOf(hinted("aaaaaaaa", "eth.dst == 0a:00:00:00:00:09", 50))?.row._uuid).toBe(uuid("aaaaaaaa", 3));
    expect(both.rowOf(hinted("aaaaaaaa", "sctp", 1005))).toBeUndefined();
  });

  test("of several that all fit, to none", () => {
    const twins = links({ ACL: { [uuid("aaaaaaaa", 1)]: acl, [uuid("aaaaaaaa", 2)]: acl } });
    expect(twins.rowOf(hinted("aaaaaaaa", "tcp", 1005))).toBeUndefined();
  });
});
