/** `tenet db log` and `dump --at`: who changed what, and what there was, the same from a server and from its file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Clock, type Json, Scope, silentLogger } from "@tenet/kit";
import { type ClientIdentity, Database, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { dbCommand } from "../src/db/db-command.ts";
import { formatWire, formatWireChange } from "../src/db/format-wire.ts";
import { formatMoment, parseMoment } from "../src/db/parse-moment.ts";

const NO_PROGRESS = { isTerminal: false, write: () => undefined };

const SCHEMA = {
  name: "T",
  version: "1.0.0",
  tables: {
    Root: {
      isRoot: true,
      indexes: [["name"]],
      columns: {
        name: { type: "string" },
        n: { type: "integer" },
        m: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
      },
    },
    Other: { isRoot: true, columns: { x: { type: "integer" } } },
  },
};
const ALICE: ClientIdentity = { remote: "ssl:10.0.0.1:5", subject: "alice" };
const CTL: ClientIdentity = { remote: "unix:/s#1", pid: 77, process: "ovn-nbctl" };
const DAY = Date.UTC(2026, 2, 1);
const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name, m: ["map", [["k", "v"]]] } });
const update = (name: string, row: Json): Json => ({ op: "update", table: "Root", where: [["name", "==", name]], row });

async function run(hasColor: boolean, ...words: string[]): Promise<string> {
  let output = "";
  const write = (text: string) => void (output += text);
  await dbCommand({ write, signal: new AbortController().signal, hasColor, progress: NO_PROGRESS })
    .exitOverride()
    .parseAsync(words, { from: "user" });
  return output;
}

/** Five transactions, of hours 1 to 5, in a file that was compacted after the second and is served. */
async function setUp(scope: Scope): Promise<{ file: string; remote: string; versions: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "tenet-log-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "t.db");
  let now = DAY;
  const clock: Clock = { now: () => now, monotonicMs: () => now };
  const database = scope.use(await Database.open({ schema: SCHEMA, file, clock }));
  const versions: string[] = [];
  const commit = async (by: ClientIdentity, ...operations: Json[]) => {
    now += 3_600_000;
    await database.transact(operations, by);
    versions.push(database.version);
  };
  await commit(CTL, insert("a"), { op: "comment", comment: "first" });
  await commit(ALICE, insert("b"), { op: "insert", table: "Other", row: { x: 1 } });
  await database.compact();
  await commit(CTL, update("a", { n: 3, m: ["map", [["k", "w"], ["l", "x"]]] })); // biome-ignore format: one line
  await commit(ALICE, { op: "delete", table: "Root", where: [["name", "==", "b"]] });
  await commit(CTL, ...Array.from({ length: 30 }, (_, i) => insert(`many ${i}`)));
  const server = scope.use(new OvsdbServer([database], silentLogger));
  return { file, versions, remote: await server.listen(`punix:${join(folder, "t.sock")}`) };
}

const steady = (text: string) => text.replace(/\([0-9a-f]{8}\)/g, "(UUID8)").replace(/ {2}[0-9a-f]{8} {2}/g, "  VERSION  ");

test("the log tells each transaction, from a server as from its file", async () => {
  await using scope = new Scope();
  const { file, remote } = await setUp(scope);
  const text = steady(await run(false, "log", remote));
  const time = (hour: number) => formatMoment(DAY + hour * 3_600_000);
  expect(text.split("\n").slice(0, 15)).toEqual([
    `${time(1)}  VERSION  ovn-nbctl (pid 77) unix:/s#1`,
    "    first",
    "  + Root a (UUID8)  name=a m={k=v}",
    "",
    `${time(2)}  VERSION  (alice) ssl:10.0.0.1:5`,
    "  + Root b (UUID8)  name=b m={k=v}",
    "  + Other (UUID8)  x=1",
    "",
    `${time(3)}  VERSION  ovn-nbctl (pid 77) unix:/s#1`,
    "  ~ Root a (UUID8)  n: 0 → 3, m: k=v → w +l=x",
    "",
    `${time(4)}  VERSION  (alice) ssl:10.0.0.1:5`,
    "  - Root b (UUID8)  name=b m={k=v}",
    "",
    `${time(5)}  VERSION  ovn-nbctl (pid 77) unix:/s#1`,
  ]);
  expect(text).toMatch(/… and 10 more rows; --full shows them\n$/);
  const ofFile = steady(await run(false, "log", file));
  expect(ofFile.slice(ofFile.indexOf(`${time(1)}  VERSION  ovn-nbctl`))).toBe(text);
  expect(await run(false, "log", remote, "--full")).toContain("many 29");
  const [first] = (await run(false, "log", remote, "-o", "json")).split("\n");
  expect(JSON.parse(first ?? "")).toMatchObject({ date: "2026-03-01T01:00:00.000Z", by: CTL, comment: "first" });
  const colored = await run(true, "log", remote);
  expect(colored).toContain("\u001b[32m+ Root a\u001b[0m");
  expect(steady(stripVTControlCharacters(colored))).toBe(text);
});

test.each([
  [["--table", "Other"], [2]],
  [
    ["--row", "a"],
    [1, 3],
  ],
  [
    ["--row", "b"],
    [2, 4],
  ],
  [
    ["--by", "alice"],
    [2, 4],
  ],
  [
    ["--by", "nbctl", "-n", "2"],
    [3, 5],
  ],
  [
    ["--by", "77"],
    [1, 3, 5],
  ],
  [
    ["--since", "2026-03-01T02:00:00Z", "--until", "2026-03-01T03:30:00Z"],
    [2, 3],
  ],
  [["--since", "2026-03-02"], []],
])("%j leaves the transactions of hours %j", async (flags, hours) => {
  await using scope = new Scope();
  const { file, remote } = await setUp(scope);
  for (const source of [remote, file]) {
    const lines = (await run(false, "log", source, "-o", "json", ...flags)).split("\n").filter((line) => line !== "");
    const transactions = lines.map((line) => JSON.parse(line) as { date: string; by: { remote: string } });
    const known = transactions.filter(({ by }) => by.remote !== "unknown"); // without the rows of before the compaction
    expect(known.map(({ date }) => new Date(date).getUTCHours())).toEqual(hours);
  }
});

test("dump --at shows the rows of a moment, from a server as from its file, over a compaction", async () => {
  await using scope = new Scope();
  const { file, remote, versions } = await setUp(scope);
  for (const source of [remote, file]) {
    const at = async (moment: string) =>
      JSON.parse(await run(false, "dump", source, "Root", "--at", moment, "-o", "json")) as object;
    const a = expect.objectContaining({ name: "a", n: 0, m: ["map", [["k", "v"]]] }) as object;
    const b = expect.objectContaining({ name: "b" }) as object;
    expect(await at("2026-03-01T01:59:00Z")).toEqual({ Root: [a] });
    expect(await at(versions[1] ?? "")).toEqual({ Root: expect.toSatisfy((rows: object[]) => rows.length === 2) as object });
    expect(Object.values(await at(versions[1]?.slice(0, 8) ?? "")).flat()).toEqual(expect.arrayContaining([a, b]));
    expect(await at("2026-03-01T04:00:00Z")).toEqual({ Root: [expect.objectContaining({ name: "a", n: 3 })] });
    expect(await run(false, "dump", source, "Root", "--at", versions[3] ?? "")).toMatch(
      /^T as of 2026-.*, version .{8}\n\nRoot: 1 row\n/,
    );
    await expect(at("2026-02-01")).rejects.toThrow(/^Cannot tell what ".*" held at 2026-02-01: the history begins at 2026-03-01/);
    await expect(at("00000000")).rejects.toThrow(/the history begins at/);
  }
});

test("errors name what is wrong with a question", async () => {
  await using scope = new Scope();
  const { remote } = await setUp(scope);
  await expect(run(false, "log", remote, "--table", "Rot")).rejects.toMatchObject({ hint: 'did you mean "Root"?' });
  await expect(run(false, "log", remote, "--since", "tomorrow")).rejects.toThrow(/^Cannot read the time "tomorrow"/);
  expect(await run(false, "log", remote, "--row", "none")).toBe("no transaction matches\n");
});

test.each([
  ["10m", -600_000],
  ["2h", -7_200_000],
  ["1.5d", -129_600_000],
  ["2026-03-01T00:00Z", DAY - Date.UTC(2026, 2, 1, 12)],
])("the time %j is %j ms from now", (text, offsetMs) => {
  const now = Date.UTC(2026, 2, 1, 12);
  expect(parseMoment(text, now) - now).toBe(offsetMs);
});

test("times without a zone are local, as times are shown", () => {
  const now = new Date(2026, 2, 1, 18, 30, 15).getTime();
  expect(parseMoment("2026-03-01", now)).toBe(new Date(2026, 2, 1).getTime());
  expect(parseMoment("9:05", now)).toBe(new Date(2026, 2, 1, 9, 5).getTime());
  expect(parseMoment("14:00:30", now)).toBe(new Date(2026, 2, 1, 14, 0, 30).getTime());
  expect(parseMoment(formatMoment(now), 0)).toBe(now);
});

test.each<[Json, Json, string]>([
  [1, 2, "1 → 2"],
  ["a b", "", '"a b" → ""'],
  [["set", []], ["uuid", "0123456789"], "[] → 01234567"],
  [["set", ["a", "b"]], ["set", ["b", "c"]], "-a +c"],
  ["a", ["set", ["a", "b"]], "+b"],
  [["map", [["k", 1]]], ["map", []], "-k=1"],
])("%j to %j is shown as %s", (before, after, text) => {
  expect(formatWireChange(before, after)).toBe(text);
  expect(formatWire(["map", [["k", ["uuid", "0123456789"]]]])).toBe("{k=01234567}");
});
