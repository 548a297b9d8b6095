import { FIELDS, getFieldBig } from "@tenet/net";
import { ALL_TABLES, formatFlow, makeMatch, parseFlow, parseMatch, type TlvMapping } from "@tenet/openflow";
import { RefusedError, TlvTable } from "@tenet/switch";
import { expect, test } from "vitest";
import type { PlacedOption } from "../src/table/tlv-table.ts";
import { finish, type Work } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";

const option = (index: number, optionType: number, sizeBytes = 4): TlvMapping => ({
  optionClass: 0xffff,
  optionType,
  sizeBytes,
  index,
});

const unused = (): boolean => false;

function tableOf(...mappings: readonly TlvMapping[]): TlvTable {
  const table = new TlvTable();
  table.apply({ type: "tlvTableMod", command: "add", mappings }, unused);
  return table;
}

test("options are told by the number of their field, and removed by what they are", () => {
  const table = tableOf(option(5, 2), option(1, 1, 8));
  expect(table.describe().mappings.map(({ index }) => index)).toEqual([1, 5]);
  table.apply({ type: "tlvTableMod", command: "delete", mappings: [option(63, 2), option(7, 9)] }, unused);
  expect(table.describe().mappings).toEqual([option(1, 1, 8)]);
  table.apply({ type: "tlvTableMod", command: "clear", mappings: [] }, unused);
  expect(table.describe().mappings).toEqual([]);
});

test.each([
  ["NXTTMFC_ALREADY_MAPPED", [option(9, 9), option(1, 3)]],
  ["NXTTMFC_DUP_ENTRY", [option(9, 9), option(2, 1)]],
  ["NXTTMFC_TABLE_FULL", [option(9, 9, 124), option(10, 10, 124), option(11, 11, 124)]],
] as const)("what is refused as %s changes nothing", (errorName, mappings) => {
  const table = tableOf(option(1, 1));
  const before = table.describe();
  const refused = (): void => table.apply({ type: "tlvTableMod", command: "add", mappings }, unused);
  expect(refused).toThrow(RefusedError);
  expect(refused).toThrow(expect.objectContaining({ errorName }));
  expect(table.describe()).toEqual(before);
});

test("options lie in neighbouring words, and what went leaves room for what comes", () => {
  const table = tableOf(option(1, 1, 4), option(9, 9, 0), option(2, 2, 8), option(3, 3, 4));
  const placed = (): PlacedOption[] => [...table.placed()].filter(({ field }) => field.nWords > 0);
  const wordsOf = (): number[] => placed().map(({ field }) => field.word - FIELDS.tun_options.word);
  expect(wordsOf()).toEqual([0, 1, 3]);
  table.apply({ type: "tlvTableMod", command: "delete", mappings: [option(2, 2, 8)] }, unused);
  table.apply({ type: "tlvTableMod", command: "add", mappings: [option(4, 4, 12), option(5, 5, 8)] }, unused);
  expect(wordsOf()).toEqual([0, 3, 4, 1]);
});

test("a match on options is put where they are, under its mask", () => {
  const table = tableOf(option(0, 0, 4), option(1, 1, 8));
  const { key, mask } = table.placeMatch(parseMatch("tun_metadata0=0x5/0xf,tun_metadata1=0x123456789"));
  const at = (words: Uint32Array): bigint => getFieldBig(words, { ...FIELDS.tun_options, nWords: 3 });
  expect(at(key)).toBe(0x00000005_00000001_23456789n);
  expect(at(mask)).toBe(0x0000000f_ffffffff_ffffffffn);
});

test.each([
  ["NXFMFC_INVALID_TLV_FIELD", "tun_metadata9=1,actions=drop"],
  ["NXFMFC_INVALID_TLV_FIELD", "actions=clone(set_field:1->tun_metadata9)"],
  ["OFPBMC_BAD_VALUE", "tun_metadata1=0x100000000,actions=drop"],
])("%s refuses the flow %s", (errorName, flow) => {
  const { pipeline } = new Bench(2, []).bridge;
  finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings: [option(1, 1)] }));
  const add = (): void => pipeline.apply([{ command: "add", flow: parseFlow(flow) }]);
  expect(add).toThrow(expect.objectContaining({ errorName }));
});

test("flows match on and set options, keep their mapping, and are told as they were given", () => {
  const bench = new Bench(3, []);
  const { pipeline } = bench.bridge;
  finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings: [option(1, 1), option(2, 2, 8)] }));
  const flows = [
    "actions=set_field:0x77->tun_metadata1,load:0x5->NXM_NX_TUN_METADATA2[32..39],resubmit(,1)",
    "table=1, tun_metadata1=0x77,tun_metadata2=0x500000000/0xff00000000 actions=output:3",
  ];
  pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
  expect(bench.send("in_port=1,arp")).toEqual(["p3"]);
  const told = pipeline.select({ table: 1, match: makeMatch(), cookie: 0n }).map((rule) => formatFlow(rule));
  expect(told).toEqual([flows[1]]);
  const remove = (): void => finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "clear", mappings: [] }));
  expect(remove).toThrow(expect.objectContaining({ errorName: "NXTTMFC_INVALID_TLV_DEL" }));
  pipeline.apply([{ command: "delete", flow: { ...parseFlow("actions=drop"), table: ALL_TABLES } }]);
  remove();
  expect(pipeline.tlvTable.describe().mappings).toEqual([]);
});

test("whether an option is used is found out in turns, at once for a packet that would teach meanwhile what uses it", () => {
  const bench = new Bench(2, []);
  const { pipeline } = bench.bridge;
  finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings: [option(1, 1), option(2, 2)] }));
  const flows = Array.from({ length: 500 }, (_, n) => `priority=${n},actions=set_field:1->tun_metadata1`);
  pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
  const removing = (...mappings: readonly TlvMapping[]): Work =>
    pipeline.applyingTlvTable({ type: "tlvTableMod", command: "delete", mappings });
  const refused = expect.objectContaining({ errorName: "NXTTMFC_INVALID_TLV_DEL" });
  let nSteps = 0;
  const work = removing(option(1, 1));
  expect(() => {
    while (work.next().done !== true) nSteps++;
  }).toThrow(refused);
  expect(nSteps).toBeGreaterThan(flows.length / 100);

  const other = removing(option(2, 2));
  other.next();
  expect(pipeline.learned.learn(parseFlow("table=1,tun_metadata2=5,actions=drop"), 0)).toBe(false);
  expect(pipeline.tlvTable.describe().mappings).toEqual([option(1, 1)]);
  finish(other);
});

test("what is said of an option matches packets that have it alone, be it empty", () => {
  const bench = new Bench(4, []);
  const { pipeline } = bench.bridge;
  finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings: [option(1, 1), option(2, 2, 0)] }));
  const flows = [
    "in_port=1,actions=resubmit(,1)",
    "in_port=2,actions=set_field:0->tun_metadata1,resubmit(,1)",
    "in_port=3,actions=set_field:0->tun_metadata2,resubmit(,1)",
    "table=1,tun_metadata1=0,actions=output:4",
    "table=1,tun_metadata2,actions=output:1",
    "table=1,priority=1,actions=drop",
  ];
  pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
  expect([1, 2, 3].map((port) => bench.send(`in_port=${port},arp`))).toEqual([[], ["p4"], ["p1"]]);
});
