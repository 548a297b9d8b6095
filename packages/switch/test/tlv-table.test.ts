import { RefusedError, TlvTable } from "@tenet/switch";
import type { TlvMapping } from "@tenet/openflow";
import { expect, test } from "vitest";

const option = (index: number, optionType: number, sizeBytes = 4): TlvMapping => ({
  optionClass: 0xffff,
  optionType,
  sizeBytes,
  index,
});

function tableOf(...mappings: readonly TlvMapping[]): TlvTable {
  const table = new TlvTable();
  table.apply({ type: "tlvTableMod", command: "add", mappings });
  return table;
}

test("options are told by the number of their field, and removed by what they are", () => {
  const table = tableOf(option(5, 2), option(1, 1, 8));
  expect(table.describe().mappings.map(({ index }) => index)).toEqual([1, 5]);
  table.apply({ type: "tlvTableMod", command: "delete", mappings: [option(63, 2), option(7, 9)] });
  expect(table.describe().mappings).toEqual([option(1, 1, 8)]);
  table.apply({ type: "tlvTableMod", command: "clear", mappings: [] });
  expect(table.describe().mappings).toEqual([]);
});

test.each([
  ["NXTTMFC_ALREADY_MAPPED", [option(9, 9), option(1, 3)]],
  ["NXTTMFC_DUP_ENTRY", [option(9, 9), option(2, 1)]],
  ["NXTTMFC_TABLE_FULL", [option(9, 9, 124), option(10, 10, 124), option(11, 11, 124)]],
] as const)("what is refused as %s changes nothing", (errorName, mappings) => {
  const table = tableOf(option(1, 1));
  const before = table.describe();
  const refused = (): void => table.apply({ type: "tlvTableMod", command: "add", mappings });
  expect(refused).toThrow(RefusedError);
  expect(refused).toThrow(expect.objectContaining({ errorName }));
  expect(table.describe()).toEqual(before);
});
