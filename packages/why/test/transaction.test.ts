import type { HistoryEntry } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { clientText, latestWriting } from "../src/transaction.ts";

const entry = (txn: string, op: HistoryEntry["op"], ...columns: string[]): HistoryEntry => ({
  txn,
  date: "2026-01-02T03:04:05.000Z",
  comment: null,
  client: { remote: "unix:/run/nb.sock#1" },
  table: "Logical_Switch_Port",
  uuid: "1",
  op,
  row: Object.fromEntries(columns.map((column) => [column, { old: 1, new: 2 }])),
});
const HISTORY = [entry("a", "insert"), entry("b", "modify", "addresses"), entry("c", "modify", "up")];

test("who wrote a column last is found, whoever wrote others later", () => {
  expect(latestWriting(HISTORY, ["addresses", "name"])?.txn).toBe("b");
  expect(latestWriting(HISTORY, ["name"])?.txn).toBe("a");
  expect(latestWriting(HISTORY)?.txn).toBe("c");
});

test("what happened before history begins is unknown, and a deletion wrote nothing", () => {
  expect(latestWriting(HISTORY.slice(2), ["addresses"])).toBeUndefined();
  expect(latestWriting([...HISTORY, entry("d", "delete", "addresses")], ["addresses"])?.txn).toBe("b");
  expect(latestWriting([])).toBeUndefined();
});

test("a client is named as far as it is known", () => {
  expect(clientText({ remote: "unix:/run/nb.sock#1", pid: 4711, uid: 0, process: "ovn-nbctl" })).toBe(
    "ovn-nbctl (pid 4711, uid 0)",
  );
  expect(clientText({ remote: "tcp:10.0.0.1:4000" })).toBe("tcp:10.0.0.1:4000");
  expect(clientText({ remote: "unix:/run/nb.sock#1", pid: 4711 })).toBe("unix:/run/nb.sock#1 (pid 4711)");
});
