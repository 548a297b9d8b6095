/** What a history tells: times, notes, programs, retention. */
import { statSync } from "node:fs";
import nodeFs from "node:fs";
import {
  compile,
  formatAtom,
  type HistoryFs,
  openHistory,
  RelationError,
  scalar,
  TransactionError,
  type Tuple,
  type Value,
  VersionError,
} from "@tenet/datalog";
import { ManualClock } from "@tenet/kit";
import { afterEach, expect, test, vi } from "vitest";
import { programOf, sorted, stateOf, withFile } from "./temporary.ts";

const TEXT = "input host(name: string, size: int)\nbig(n) :- host(n, s), s > 5";
const PROGRAM = programOf(TEXT);
const host = (name: string, size: number, weight: 1 | -1 = 1) => ({ relation: "host", tuple: [name, size], weight }) as const;

afterEach(() => {
  vi.useRealTimers();
});

test("a time means the last version that was in force then", () => {
  withFile((file) => {
    const clock = new ManualClock(1_000_000);
    using history = openHistory({ file, program: PROGRAM, clock, sync: "never" });
    clock.advance(1000);
    history.transact([host("a", 9)]);
    history.transact([host("b", 9)]);
    clock.advance(1000);
    history.transact([host("a", 9, -1)]);
    const at = (ms: number): Date => new Date(1_000_000 + ms);
    expect([0, 999, 1000, 1999, 2000, 9999].map((ms) => history.versionAt(at(ms)))).toEqual([0, 0, 2, 2, 3, 3]);
    expect(sorted(history.asOf(at(1500)).rows("big"))).toEqual(['["a"]', '["b"]']);
    expect(history.changesBetween(at(0), at(2000), "big")).toEqual({ inserted: [["b"]], deleted: [] });
    expect(() => history.asOf(at(-1))).toThrow(/the history begins at 1970-01-01T00:16:40.000Z/);
    expect(() => history.asOf(new Date(Number.NaN))).toThrow(VersionError);
  });
});

test("time does not go back when the clock does", () => {
  withFile((file) => {
    const clock = new ManualClock(5000);
    using history = openHistory({ file, program: PROGRAM, clock: { now: () => clock.now(), monotonicMs: () => 0 } });
    clock.advance(-3000);
    history.transact([host("a", 1)]);
    expect([...history.entries()].map(({ time }) => time.getTime())).toEqual([5000]);
  });
});

test("versions that are not there are refused with those that are", () => {
  withFile((file) => {
    using history = openHistory({ file, program: PROGRAM, sync: "never" });
    history.transact([host("a", 1)]);
    for (const version of [-1, 2, 0.5, Number.NaN]) {
      expect(() => history.asOf(version)).toThrow(/the history holds versions 0 to 1/);
      expect(() => history.changesBetween(0, version, "host")).toThrow(VersionError);
    }
    expect(() => history.changesBetween(0, 1, "hosts")).toThrow(RelationError);
  });
});

test("entries tell when, who, why and what; a transaction that changes no input is none", () => {
  withFile((file) => {
    using history = openHistory({ file, program: PROGRAM, clock: new ManualClock(7), sync: "never" });
    history.transact([host("a", 9)], { who: "ann", why: "a new host" });
    history.transact([host("a", 9)], { who: "ann" });
    history.engine.transact([host("a", 9, -1), host("a", 3)]);
    expect([...history.entries()]).toEqual([
      {
        version: 1,
        time: new Date(7),
        note: { who: "ann", why: "a new host" },
        delta: new Map([["host", { inserted: [["a", 9]], deleted: [] }]]),
        dropped: [],
        hasNewProgram: false,
      },
      {
        version: 2,
        time: new Date(7),
        note: undefined,
        delta: new Map([["host", { inserted: [["a", 3]], deleted: [["a", 9]] }]]),
        dropped: [],
        hasNewProgram: false,
      },
    ]);
    expect([...history.entries(1, 2)].map(({ version }) => version)).toEqual([2]);
  });
});

test("a failing transaction is no version", () => {
  withFile((file) => {
    using history = openHistory({ file, program: PROGRAM, sync: "never" });
    expect(() => history.transact([host("a", 9), { relation: "big", tuple: ["a"], weight: 1 }])).toThrow(RelationError);
    expect([history.version, history.engine.size("host")]).toEqual([0, 0]);
    const transaction = history.engine.begin();
    transaction.insert("host", ["b", 1]);
    transaction.evaluate();
    expect(() => history.checkpoint()).toThrow(TransactionError);
    expect(() => history.transact([host("a", 9)])).toThrow(TransactionError);
    transaction.rollback();
    expect(history.version).toBe(0);
  });
});

test("a version is read under the present rules or under its own", () => {
  withFile((file) => {
    const sources = (text: string) => [{ name: "test.dl", text }];
    const stricter = TEXT.replace("> 5", "> 1");
    using history = openHistory({ file, program: PROGRAM, sources: sources(TEXT), sync: "never" });
    history.transact([host("a", 3), host("b", 9)]);
    const delta = history.replaceProgram(programOf(stricter), { sources: sources(stricter), note: { who: "ann" } });
    expect(delta.get("big")).toEqual({ inserted: [["a"]], deleted: [] });
    expect([history.version, history.sourcesAt(1), history.sourcesAt(2)]).toEqual([2, sources(TEXT), sources(stricter)]);
    expect(history.asOf(1).size("big")).toBe(2);
    expect(history.asOf(1, compile(history.sourcesAt(1) ?? [])).rows("big")).toEqual([["b"]]);
    history.checkpoint();
    expect(history.sourcesAt(2)).toEqual(sources(stricter));
    history.engine.replaceProgram(PROGRAM);
    expect(history.sourcesAt(3)).toBeUndefined();
  });
});

test("inputs come and go with programs", () => {
  withFile((file) => {
    using history = openHistory({ file, program: programOf("input a(x)\nb(x) :- a(x)"), sync: "never" });
    history.transact([{ relation: "a", tuple: [1], weight: 1 }]);
    history.engine.replaceProgram(programOf("input b(x)\na(x) :- b(x)"));
    for (const engine of [history.engine, history.asOf(history.version)]) expect(stateOf(engine)).toEqual({ a: [], b: [] });
    history.engine.transact([{ relation: "b", tuple: [2], weight: 1 }]);
    expect(stateOf(history.asOf(history.version))).toEqual({ a: ["[2]"], b: ["[2]"] });
    const original = programOf("input a(x)\nb(x) :- a(x)");
    expect(stateOf(history.asOf(1, original))).toEqual({ a: ["[1]"], b: ["[1]"] });
    expect(stateOf(history.asOf(history.version, original))).toEqual({ a: [], b: [] });
    history.engine.replaceProgram(programOf("input b(x)\ninput c(x)"));
    history.transact([{ relation: "c", tuple: [3], weight: 1 }]);
    expect(stateOf(history.asOf(history.version))).toEqual({ b: ["[2]"], c: ["[3]"] });
    expect(history.changesBetween(0, history.version, "b")).toEqual({ inserted: [[2]], deleted: [] });
  });
});

test("rows that a program does not know keep a history from opening, or are dropped", () => {
  withFile((file) => {
    const both = openHistory({ file, program: programOf("input a(x)\ninput b(x)"), sync: "never" });
    both.transact(["a", "b"].map((relation) => ({ relation, tuple: [1], weight: 1 })));
    both.close();
    const options = { file, program: programOf("input a(x, y)\ninput c(x)\ninput b(x)"), sync: "never" } as const;
    expect(() => openHistory(options)).toThrow(/it holds rows of "a", which the program has not as input/);
    const dropping = openHistory({ ...options, unknownInputs: "drop" });
    expect([dropping.version, stateOf(dropping.engine)]).toEqual([2, { a: [], b: ["[1]"], c: [] }]);
    dropping.transact([{ relation: "a", tuple: [1, 2], weight: 1 }]);
    expect(dropping.changesBetween(0, 3, "a")).toEqual({ inserted: [[1, 2]], deleted: [] });
    dropping.close();
    using again = openHistory(options);
    expect(stateOf(again.engine)).toEqual({ a: ["[1,2]"], b: ["[1]"], c: [] });
  });
});

test("values of every kind come back as they were", () => {
  withFile((file) => {
    const program = programOf("input v(x: any)");
    const values: (Value | undefined)[] = [null, true, -1.5, 2n ** 60n, "\ud800 ' \u0000", [1, ["a", []], null]];
    values.push(
      { a: [1], __proto__: null },
      { int: "5" },
      {},
      "2001:db8::1",
      scalar("ip", "2001:db8::1"),
      scalar("bytes", "00ff"),
    );
    values.push(scalar("mac", "00-11-22-33-44-55"), scalar("prefix", "10.1.2.3/8"));
    values.push(scalar("time", "2026-01-02T03:04:05Z"), scalar("duration", "5m"));
    const tuples = values.map((value): Tuple => [value ?? false]);
    using history = openHistory({ file, program, sync: "never" });
    history.transact(tuples.map((tuple) => ({ relation: "v", tuple, weight: 1 })));
    const rows = (version: number): string[] =>
      history
        .asOf(version)
        .rows("v")
        .map((row) => formatAtom("v", row))
        .sort();
    expect(rows(1)).toEqual(tuples.map((row) => formatAtom("v", row)).sort());
    history.transact(tuples.map((tuple) => ({ relation: "v", tuple, weight: -1 })));
    history.checkpoint();
    expect([rows(2), history.changesBetween(0, 2, "v")]).toEqual([[], { inserted: [], deleted: [] }]);
  });
});

test("what listeners commit is recorded behind what they heard of", () => {
  withFile((file) => {
    const history = openHistory({ file, program: PROGRAM, sync: "never" });
    const { engine } = history;
    engine.onDelta((delta) => {
      const [[name, size] = ["", 9]] = delta.get("host")?.inserted ?? [];
      if (Number(size) < 3) engine.transact([host(String(name), Number(size) + 1)]);
      else if (Number(size) === 3) history.transact([host("last", 9)]);
    });
    history.transact([host("a", 1)]);
    expect([...history.entries()].map(({ delta }) => delta.get("host")?.inserted)).toEqual([
      [["a", 1]],
      [["a", 2]],
      [["a", 3]],
      [["last", 9]],
    ]);
    engine.onDelta((delta) => {
      if (delta.has("huge")) engine.transact([host("after", 1)]);
    });
    const huge = `${TEXT}\nhuge(n) :- host(n, s), s > 8`;
    history.replaceProgram(programOf(huge), { sources: [{ name: "test.dl", text: huge }] });
    const [program, after] = history.entries(4);
    expect([program?.hasNewProgram, program?.delta.size, after?.delta.get("host")?.inserted]).toEqual([true, 0, [["after", 1]]]);
    expect(history.sourcesAt(history.version)).toEqual([{ name: "test.dl", text: huge }]);
    const state = stateOf(engine);
    history.close();
    expect(stateOf(openHistory({ file, program: programOf(huge) }).engine)).toEqual(state);
  });
});

test("a closed history reads and writes no more, its engine goes on", () => {
  withFile((file) => {
    const history = openHistory({ file, program: PROGRAM, sync: "never" });
    history.transact([host("a", 9)]);
    history.close();
    history.close();
    expect(() => history.transact([host("b", 9)])).toThrow(/it is closed/);
    expect(() => history.asOf(1)).toThrow(/it is closed/);
    history.engine.transact([host("c", 9)]);
    expect(sorted(history.engine.rows("host"))).toEqual(['["a",9]', '["c",9]']);
  });
});

test("reading on in entries that were forgotten meanwhile is an error, not an end", () => {
  withFile((file) => {
    using history = openHistory({ file, program: PROGRAM, sync: "never", checkpointBytes: 500, retention: { versions: 5 } });
    history.transact([host("a", 0)]);
    const entries = history.entries(0);
    expect(entries.next().value?.version).toBe(1);
    for (let i = 1; i < 100; i++) history.transact([host("a", i)]);
    expect(() => [...entries]).toThrow(/it was shortened meanwhile/);
  });
});

test("what retention does not keep is forgotten, and the file stays small", () => {
  withFile((file) => {
    const options = { file, program: PROGRAM, sync: "never", checkpointBytes: 500, retention: { versions: 20 } } as const;
    const history = openHistory(options);
    for (let i = 0; i < 2000; i++) history.transact([host("a", i), host("a", i - 1, -1)]);
    expect(history.oldest).toBeGreaterThan(1900);
    expect(history.oldest).toBeLessThanOrEqual(1980);
    expect(statSync(file).size).toBeLessThan(8000);
    expect(() => history.asOf(5)).toThrow(/earlier|holds versions/);
    expect(history.asOf(1980).rows("host")).toEqual([["a", 1979]]);
    expect([...history.entries()].length).toBe(2000 - history.oldest);
    history.close();
    using again = openHistory(options);
    expect([again.version, again.engine.rows("host")]).toEqual([2000, [["a", 1999]]]);
  });
});

test("retention by age and by size", () => {
  withFile((file) => {
    const clock = new ManualClock(0);
    using byAge = openHistory({ file, program: PROGRAM, sync: "never", checkpointBytes: 300, retention: { ageMs: 50 }, clock });
    using bySize = openHistory({
      file: `${file}.2`,
      program: PROGRAM,
      sync: "never",
      checkpointBytes: 300,
      retention: { sizeBytes: 2000 },
    });
    for (let i = 0; i < 500; i++) {
      clock.advance(1);
      for (const history of [byAge, bySize]) history.transact([host("a", i), host("a", i - 1, -1)]);
    }
    expect(byAge.oldest).toBeGreaterThan(400);
    expect(byAge.versionAt(new Date(450))).toBe(450);
    expect(statSync(`${file}.2`).size).toBeLessThan(4000);
    expect(bySize.oldest).toBeGreaterThan(400);
  });
});

test("the disk is waited for as the policy says", () => {
  vi.useFakeTimers();
  withFile((file) => {
    const fdatasyncSync = vi.fn<(fd: number) => void>((fd) => nodeFs.fdatasyncSync(fd));
    const fs: HistoryFs = { ...nodeFs, fdatasyncSync };
    const nSyncs = (run: () => void): number => {
      fdatasyncSync.mockClear();
      run();
      return fdatasyncSync.mock.calls.length;
    };
    const each = openHistory({ file, program: PROGRAM, fs });
    expect(nSyncs(() => [1, 2, 3].forEach((n) => each.transact([host("a", n)])))).toBe(3);
    each.close();
    const never = openHistory({ file, program: PROGRAM, fs, sync: "never" });
    expect(nSyncs(() => never.transact([host("b", 1)]))).toBe(0);
    expect(nSyncs(() => never.sync())).toBe(1);
    never.close();
    using often = openHistory({ file, program: PROGRAM, fs, sync: { everyMs: 10 } });
    expect(nSyncs(() => [1, 2, 3].forEach((n) => often.transact([host("c", n)])))).toBe(0);
    expect(nSyncs(() => vi.advanceTimersByTime(25))).toBe(1);
  });
});
