import { parseDatum, parseSchema } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { formatAtom } from "../src/model/atom.ts";

test("messages tell reals as the original does, and values keep all digits", () => {
  // As ovsdb-server 3.1 told them.
  const told = [
    [0.1 + 0.2, "0.3"],
    [1e15, "1e+15"],
    [123456789012345, "123456789012345"],
    [1.2345678901234568e17, "1.23456789012346e+17"],
    [0.12345678901234568, "0.123456789012346"],
    [1e-5, "1e-05"],
    [1e-4, "0.0001"],
    [5, "5"],
    [-1.5e300, "-1.5e+300"],
  ] as const;
  for (const [value, text] of told) expect(formatAtom(value, "real")).toBe(text);
  const schema = parseSchema({
    name: "R",
    version: "1.0.0",
    tables: { T: { columns: { r: { type: { key: { type: "real", minReal: 0.1, maxReal: 1e20 } } } } } },
  });
  const type = schema.tables.get("T")?.columns.get("r")?.type;
  if (type === undefined) throw new Error("no column");
  expect(() => parseDatum(type, 0.05 + 2e-17)).toThrow("0.05 is not in the valid range 0.1 to 1e+20 (inclusive)");
  expect(parseDatum(type, 0.1 + 0.2)).toBe(0.1 + 0.2);
});
