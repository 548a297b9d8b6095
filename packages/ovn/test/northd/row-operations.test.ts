import { Operations, OVN_SOUTHBOUND, toSchema } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { outputTables } from "../../src/northd/output-table.ts";
import { type RowWriter, rowOperations } from "../../src/northd/row-operations.ts";
import { uuidOf } from "./northbound.ts";

const columns = (...names: string[]): { name: string }[] => ["_uuid", ...names].map((name) => ({ name }));
const relation = (name: string, ...names: string[]) => ({
  name,
  columns: columns(...names),
  kind: "derived" as const,
  isOutput: true,
  rules: [],
});

const writer: RowWriter = {
  operations: new Operations(toSchema(OVN_SOUTHBOUND)),
  tables: outputTables(
    [
      relation("to_sb:Port_Binding", "logical_port", "datapath", "tunnel_key", "tag"),
      relation("to_sb:Port_Binding.mac", "value"),
      relation("to_sb:Port_Binding.options", "key", "value"),
      relation("other"),
    ],
    "to_sb",
  ),
  ownsRows: true,
  initial: { Port_Binding: { up: false } },
};
const ROW = uuidOf(1);
const DATAPATH = uuidOf(2);
const where = [["_uuid", "==", ["uuid", ROW]]];
const tuple = [ROW, "web", DATAPATH, 3, null];

test("a new row carries its own uuid, its elements and what new rows start with", () => {
  const delta = new Map([
    ["to_sb:Port_Binding", { inserted: [tuple], deleted: [] }],
    ["to_sb:Port_Binding.mac", { inserted: [[ROW, "unknown"]], deleted: [] }],
    ["to_sb:Port_Binding.options", { inserted: [[ROW, "k", "v"]], deleted: [] }],
  ]);
  const row = {
    up: false,
    logical_port: "web",
    datapath: ["uuid", DATAPATH],
    tunnel_key: 3,
    tag: ["set", []],
    mac: ["set", ["unknown"]],
    options: ["map", [["k", "v"]]],
  };
  expect(rowOperations(writer, delta)).toEqual([{ op: "insert", table: "Port_Binding", uuid: ROW, row }]);
});

test("a changed row is an update of the columns that differ", () => {
  const delta = new Map([["to_sb:Port_Binding", { inserted: [[ROW, "web", DATAPATH, 3, 42]], deleted: [tuple] }]]);
  expect(rowOperations(writer, delta)).toEqual([{ op: "update", table: "Port_Binding", where, row: { tag: 42 } }]);
  const back = new Map([["to_sb:Port_Binding", { inserted: [tuple], deleted: [[ROW, "web", DATAPATH, 3, 42]] }]]);
  expect(rowOperations(writer, back)).toEqual([{ op: "update", table: "Port_Binding", where, row: { tag: ["set", []] } }]);
});

test("a row that goes takes its elements along", () => {
  const delta = new Map([
    ["to_sb:Port_Binding", { inserted: [], deleted: [tuple] }],
    ["to_sb:Port_Binding.mac", { inserted: [], deleted: [[ROW, "unknown"]] }],
  ]);
  expect(rowOperations(writer, delta)).toEqual([{ op: "delete", table: "Port_Binding", where }]);
});

test("changed elements are mutations, deletions first", () => {
  const delta = new Map([["to_sb:Port_Binding.options", { inserted: [[ROW, "k", "new"]], deleted: [[ROW, "k", "old"]] }]]);
  const mutations = [
    ["options", "delete", ["map", [["k", "old"]]]],
    ["options", "insert", ["map", [["k", "new"]]]],
  ];
  expect(rowOperations(writer, delta)).toEqual([{ op: "mutate", table: "Port_Binding", where, mutations }]);
});

test("in rows of others columns are written, and nothing is taken away", () => {
  const guest = { ...writer, ownsRows: false };
  const delta = new Map([
    ["to_sb:Port_Binding", { inserted: [], deleted: [tuple] }],
    ["to_sb:Port_Binding.mac", { inserted: [], deleted: [[ROW, "unknown"]] }],
  ]);
  expect(rowOperations(guest, delta)).toEqual([]);
});
