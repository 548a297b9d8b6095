import { expect, test } from "vitest";
import { checkExpectations, formatReachability, type Reachability, readLabFile } from "@tenet/lab";
import { labFolder } from "./support/lab-folder.ts";

const MEASURED: Reachability = {
  hosts: ["web1", "db-primary", "x"],
  cells: [
    {
      from: "web1",
      to: "db-primary",
      ping: "ok",
      tcp: [
        { port: 5432, open: false },
        { port: 22, open: true },
      ],
    },
    { from: "web1", to: "x", ping: "no", tcp: [] },
    { from: "db-primary", to: "web1", ping: "no", tcp: [{ port: 80, open: false }] },
    { from: "db-primary", to: "x", ping: "ok", tcp: [] },
    { from: "x", to: "web1", ping: "ok", tcp: [{ port: 80, open: true }] },
    {
      from: "x",
      to: "db-primary",
      ping: "no",
      tcp: [
        { port: 5432, open: false },
        { port: 22, open: false },
      ],
    },
  ],
  measuredAt: 0,
};

test("the matrix is a table with as much room as its words need", () => {
  expect(`\n${formatReachability(MEASURED)}\n`).toBe(`
from \\ to    web1      db-primary     x
             ping 80   ping 5432 22   ping
web1         ·    ·    ✓    ✗    ✓    ✗
db-primary   ✗    ✗    ·    ·    ·    ✓
x            ✓    ✓    ✗    ✗    ✗    ·
`);
});

test("colour changes nothing but colour, and is there only when asked for", () => {
  const colored = formatReachability(MEASURED, { color: true });
  const bare = colored
    .split("\u001b")
    .map((part) => part.replace(/^\[\d+m/, ""))
    .join("");
  expect(colored).not.toBe(bare);
  expect(bare).toBe(formatReachability(MEASURED));
  expect(colored).toContain("\u001b[32m✓\u001b[0m");
  expect(colored).toContain("\u001b[31m✗\u001b[0m");
});

test("expectations that do not hold become sentences with their line", () => {
  const host = (name: string, i: number, listen: string) =>
    `  - { name: ${name}, mac: 0a:00:00:00:00:0${i}, addresses: [10.0.0.${i}/24], listen: [${listen}] }`;
  const text = [
    "name: x",
    "hosts:",
    host("web1", 1, "80"),
    host("db-primary", 2, "5432, 22"),
    host("x", 3, ""),
    host("late", 4, ""),
    "expect:",
    "  - web1 -> db-primary ping: open",
    "  - web1 -> db-primary tcp 5432: open",
    "  - web1 -> db-primary tcp 22: blocked",
    "  - x -> db-primary ping: blocked",
    "  - x -> web1 ping: blocked",
    "  - x -> late ping: open",
  ].join("\n");
  const lab = readLabFile(labFolder({ "lab.yaml": text }));
  expect(checkExpectations(lab, MEASURED)).toEqual([
    "web1 -> db-primary tcp 5432 should be open, but it is blocked (lab.yaml:9)",
    "web1 -> db-primary tcp 22 should be blocked, but it is open (lab.yaml:10)",
    "x -> web1 ping should be blocked, but it is open (lab.yaml:12)",
    "x -> late ping should be open, but it was not measured (lab.yaml:13)",
  ]);
});
