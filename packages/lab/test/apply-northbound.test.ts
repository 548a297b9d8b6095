import { afterAll, beforeAll, expect, test } from "vitest";
import { applyNorthbound, type LabFile, readLabFile } from "@tenet/lab";
import { isMap, keysOf, type Row } from "@tenet/ovsdb";
import { labFolder } from "./support/lab-folder.ts";
import { type Stack, startStack } from "./support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ roles: false });
});
afterAll(() => stack[Symbol.asyncDispose]());

function lab(rows: string): LabFile {
  const hosts = "hosts: [{ name: h, mac: 0a:00:00:00:00:01, addresses: [10.0.0.1/24] }]";
  const port = "\nLogical_Switch: [{ name: of-h, ports: [{ name: h }] }]\n";
  const text = rows.includes("name: h }") ? rows : rows + port;
  return readLabFile(labFolder({ "lab.yaml": `name: rows\nnorthbound: nb.yaml\n${hosts}\n`, "nb.yaml": text }));
}

const find = (table: string, name: string): Row => {
  const row = stack.nb.find(table, (each) => each["name"] === name);
  if (row === undefined) throw new Error(`no ${table} ${name}`);
  return row;
};

test("rows inside rows, names and every kind of column arrive in the database as one remembered transaction", async () => {
  const text = `
Logical_Switch:
  - name: sw
    other_config: { subnet: 10.0.0.0/24, vlan: 7 }
    ports:
      - { name: h }
      - { name: p1, addresses: [b, a], tag: 5, enabled: false, port_security: [] }
    acls:
      - { direction: from-lport, priority: 10, match: ip, action: drop, log: true, severity: info }
    qos_rules:
      - { direction: from-lport, priority: 1, match: ip, bandwidth: { rate: 100, burst: 10 } }
    dns_records:
      - { records: { a.example: 10.0.0.1 } }
Port_Group:
  - { name: pg, ports: [p1, h] }
Address_Set:
  - { name: as, addresses: [10.0.0.1, 10.0.0.2] }
`;
  const applied = await applyNorthbound(lab(text), stack.nb);
  expect(applied).toEqual({ written: ["Logical_Switch sw", "Port_Group pg", "Address_Set as"], kept: [] });
  const port = find("Logical_Switch_Port", "p1");
  expect(port).toMatchObject({ addresses: ["a", "b"], tag: [5], enabled: [false], port_security: [] });
  expect([...keysOf(find("Port_Group", "pg")["ports"] ?? [])].sort()).toEqual(
    [port._uuid, find("Logical_Switch_Port", "h")._uuid].sort(),
  );
  const row = find("Logical_Switch", "sw");
  expect(row["other_config"]).toEqual(
    new Map([
      ["subnet", "10.0.0.0/24"],
      ["vlan", "7"],
    ]),
  );
  expect(stack.nb.table("ACL").get(String(keysOf(row["acls"] ?? [])[0]))).toMatchObject({ log: true, severity: ["info"] });
  const qos = stack.nb.table("QoS").get(String(keysOf(row["qos_rules"] ?? [])[0]));
  expect(isMap(qos?.["bandwidth"])).toBe(true);
  expect(stack.nb.table("DNS").size).toBe(1);
  expect(stack.nb.table("NB_Global").size).toBe(1);
  const [entry] = await stack.nb.history(row._uuid);
  expect(entry).toMatchObject({ op: "insert", comment: "tenet up: lab rows" });
});

test("what is there stays as it is, what is missing is added to it", async () => {
  const before = find("Logical_Switch", "sw");
  const text = `
Logical_Switch:
  - { name: sw, ports: [{ name: h }, { name: p1, addresses: [changed] }] }
  - { name: other, ports: [{ name: p9 }] }
Port_Group:
  - { name: both, ports: [p1, p9] }
`;
  const applied = await applyNorthbound(lab(text), stack.nb);
  expect(applied).toEqual({ written: ["Logical_Switch other", "Port_Group both"], kept: ["Logical_Switch sw"] });
  expect(find("Logical_Switch", "sw")._version).toBe(before._version);
  expect(find("Logical_Switch_Port", "p1")).toMatchObject({ addresses: ["a", "b"] });
  expect([...keysOf(find("Port_Group", "both")["ports"] ?? [])].sort()).toEqual(
    [find("Logical_Switch_Port", "p1")._uuid, find("Logical_Switch_Port", "p9")._uuid].sort(),
  );
  expect(await applyNorthbound(lab(text), stack.nb)).toMatchObject({ written: [] });
});

test("rows without a name are known again by their index, or by what the file says of them", async () => {
  const text = `
Static_MAC_Binding: [{ logical_port: lp, ip: 10.0.0.9, mac: 0a:00:00:00:00:09 }]
DHCP_Options: [{ cidr: 10.0.0.0/24, options: { lease_time: 60 } }]
NB_Global: [{ options: { a: b } }]
Logical_Switch: [{ name: sw, ports: [{ name: h }] }]
`;
  expect(await applyNorthbound(lab(text), stack.nb)).toEqual({
    written: ["Static_MAC_Binding", "DHCP_Options"],
    kept: ["NB_Global", "Logical_Switch sw"],
  });
  expect((await applyNorthbound(lab(text), stack.nb)).written).toEqual([]);
  const other = text.replace("lease_time: 60", "lease_time: 61").replace("mac: 0a:00:00:00:00:09", "mac: 0a:00:00:00:00:0a");
  expect((await applyNorthbound(lab(other), stack.nb)).written).toEqual(["DHCP_Options"]);
});

test("a name that a kept row should have brought is a typed error, and nothing is written", async () => {
  const text = `
Logical_Switch: [{ name: sw, ports: [{ name: h }, { name: gone }] }]
Port_Group: [{ name: never, ports: [gone] }]
`;
  await expect(applyNorthbound(lab(text), stack.nb)).rejects.toMatchObject({
    code: "LAB_NORTHBOUND",
    message: expect.stringMatching(/Logical_Switch_Port "gone"/),
    details: { line: 3 },
  });
  expect(stack.nb.find("Port_Group", (row) => row["name"] === "never")).toBeUndefined();
});

test("what the database refuses is refused as a whole", async () => {
  const text = `
Logical_Switch: [{ name: of-h, ports: [{ name: h }] }]
Address_Set: [{ name: fresh, addresses: [] }]
`; // the port h lies on another switch already
  await expect(applyNorthbound(lab(text), stack.nb)).rejects.toThrow(/constraint violation/);
  expect(stack.nb.find("Address_Set", (row) => row["name"] === "fresh")).toBeUndefined();
});
