import { readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { scanRecord } from "../src/storage/record-scan.ts";
import { openDatabase, TESTER, temporaryFolder } from "./support/fixtures.ts";

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

test("the rows of a large record are found, whatever stands in their strings", () => {
  const rows = { [uuid(1)]: { name: 'a"}],{\\', m: ["map", [["k", "]"]]] }, [uuid(2)]: null };
  const text = ` ${JSON.stringify({ Root: rows, Empty: {}, _date: 5, _comment: "{ü" }, undefined, 1)}\n`;
  const scanned = scanRecord(Buffer.from(text));
  expect(scanned?.members).toEqual(
    new Map<string, unknown>([
      ["_date", 5],
      ["_comment", "{ü"],
    ]),
  );
  expect(scanned?.tables.map(([name, found]) => [name, found.length, [...found]])).toEqual([
    ["Root", 2, Object.entries(rows)],
    ["Empty", 0, []],
  ]);
});

test.each(["", "{", '{"a"}', '{"a":{"short":{}}}', "[1]", '{"a":{"x', "{}"])(
  "a record of another form is left to the parser: %s",
  (text) => {
    expect(scanRecord(Buffer.from(text))?.tables ?? []).toEqual([]);
  },
);

test("a file whose rows stand in one large record opens with all of them, and small values of theirs stay as they were", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  (await openDatabase(scope, { file })).close();
  const rows = Array.from({ length: 20_000 }, (_, n) => [uuid(n), { name: `row ${n} ü`, e: ["set", ["blue", "red"]] }]);
  const body = `${JSON.stringify({ Root: Object.fromEntries(rows), _date: 1, _comment: "all" })}\n`;
  const header = `OVSDB JSON ${Buffer.byteLength(body)} ${createHash("sha1").update(body).digest("hex")}\n`;
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from(header + body)]));
  const database = await openDatabase(scope, { file });
  expect(database.table("Root").size).toBe(20_000);
  expect(database.table("Root").get(uuid(777))).toEqual(expect.objectContaining({ name: "row 777 ü", e: ["blue", "red"] }));
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "row 5 ü"]] }], TESTER);
  database.close();
  expect((await openDatabase(scope, { file })).table("Root").size).toBe(19_999);
});
