import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Change, compile, type Delta, Engine, type MappedState, type Program, scalar, type Tuple } from "@tenet/datalog";
import { mapFile } from "@tenet/linux";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { applyTo, Generator, INPUTS } from "./generate.ts";
import { type Db, print } from "./naive.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenet-state-"));
  file = join(folder, "state");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a file holds, in memory of its own. */
const inMemory = (path: string): MappedState => ({ file: path, bytes: new Uint8Array(readFileSync(path)).buffer });

/** The ways to start from a file. */
const STARTS = [(path: string): string => path, inMemory];

const programOf = (text: string): Program => compile([{ name: "state.dl", text }]);

function stateOf(engine: Engine): Map<string, readonly string[]> {
  return new Map(
    engine.relations().map(({ name }) => [
      name,
      engine
        .rows(name)
        .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)))
        .toSorted(),
    ]),
  );
}

function plain(delta: Delta): object {
  return Object.fromEntries([...delta].map(([name, { inserted, deleted }]) => [name, { inserted, deleted }]));
}

test("an engine that starts from a state goes on as the one that wrote it, whatever the program", { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g);
      const { levels } = generator.program();
      const text = ["input a(x, y)  input b(x)  input c(x, y)", ...levels.flat().map(print)].join("\n");
      let program: Program;
      try {
        program = programOf(text);
      } catch {
        return;
      }
      const engine = new Engine(program, { minValuesToSweep: 4 });
      let inputs: Db = new Map([...INPUTS.keys()].map((name) => [name, []]));
      const next = (isLoad: boolean): readonly Change[] => {
        const changes = generator.changes(isLoad);
        inputs = applyTo(inputs, changes);
        return changes;
      };
      engine.transact(next(true));
      engine.transact(next(false));
      engine.save(file);
      const copies = STARTS.map((start) => new Engine(program, { state: start(file), checks: true, minValuesToSweep: 4 }));
      for (const copy of copies) expect(stateOf(copy), text).toEqual(stateOf(engine));
      for (let i = 0; i < 4; i++) {
        const changes = next(false);
        const delta = plain(engine.transact(changes));
        for (const copy of copies) expect(plain(copy.transact(changes)), text).toEqual(delta);
      }
      for (const copy of copies) expect(stateOf(copy), text).toEqual(stateOf(engine));
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

const CLOSURE = `input e(a, b)  input size(a, n: int)
tc(x, y) :- e(x, y)  tc(x, z) :- tc(x, y), e(y, z)
reached(x, n) :- e(x, _), n = count { y : tc(x, y) }
largest(x, n) :- e(x, _), n = max { s : tc(x, y), size(y, s) }`;

const edge = (i: number, weight: 1 | -1 = 1): Change => ({ relation: "e", tuple: [`n${i}`, `n${i + 1}`], weight });

const SEARCHES = `input rule(lo: int, hi: int, n: int)  input point(p: int)  input net(to: prefix)  input host(a: ip)
hit(p, n) :- point(p), rule(lo, hi, n), p in lo..hi
best(a, p) :- host(a), p = longest { q : net(q), ip_in_prefix(a, q) }`;

/** An engine with indexes for ranges and networks of both versions, and numbers of rows that are free. */
function searches(): Engine {
  const engine = new Engine(programOf(SEARCHES));
  const row = (relation: string, tuple: Tuple, weight: 1 | -1 = 1): Change => ({ relation, tuple, weight });
  const address = (i: number): string => (i % 5 === 0 ? `2001:db8::${i.toString(16)}` : `10.${i % 7}.${i % 50}.${i}`);
  const net = (i: number): string =>
    i % 5 === 0 ? `2001:db8::${i.toString(16)}/${100 + (i % 28)}` : `${address(i)}/${12 + (i % 20)}`;
  for (let i = 0; i < 250; i++) {
    const rows = [row("rule", [i * 10, i * 10 + (i % 35), i]), row("point", [(i * 37) % 2500])];
    const typed = [row("host", [scalar("ip", address(i)) ?? null]), row("net", [scalar("prefix", net(i)) ?? null])];
    engine.transact([...rows, ...typed]);
  }
  engine.prepare();
  const [rule, network] = [engine.rows("rule"), engine.rows("net")];
  engine.transact([3, 40, 41, 90].flatMap((i) => [row("rule", rule[i] as Tuple, -1), row("net", network[i] as Tuple, -1)]));
  return engine;
}

/** An engine with indexes, nested sets, large blocks, groups and numbers of rows that are free. */
function closure(): Engine {
  const engine = new Engine(programOf(CLOSURE));
  const sizes = Array.from({ length: 90 }, (_, i): Change => ({ relation: "size", tuple: [`n${i}`, (i * 31) % 70], weight: 1 }));
  engine.transact([...Array.from({ length: 90 }, (_, i) => edge(i)), ...sizes]);
  engine.prepare();
  engine.transact([84, 86, 88].map((i) => edge(i, -1)));
  return engine;
}

/** Both engines do the same from here on. */
function expectSameFuture(copy: Engine, engine: Engine): void {
  expect(stateOf(copy)).toEqual(stateOf(engine));
  for (const { relation, tuple } of changesOf(engine)) {
    for (const weight of engine.has(relation, tuple) ? ([-1, 1] as const) : ([1, -1] as const)) {
      const change = { relation, tuple, weight };
      expect(plain(copy.transact([change]))).toEqual(plain(engine.transact([change])));
    }
  }
  const [derived = ""] = engine.relations().flatMap(({ name, kind }) => (kind === "derived" ? [name] : []));
  const row = copy.rows(derived)[0] as Tuple;
  expect(copy.explain(derived, row)).toEqual(engine.explain(derived, row));
}

/** Some rows of each input, and some edges that are not there. */
function changesOf(engine: Engine): { relation: string; tuple: Tuple }[] {
  const inputs = engine.relations().filter(({ kind }) => kind === "input");
  const present = inputs.flatMap(({ name }) =>
    engine
      .rows(name)
      .slice(-4)
      .map((tuple) => ({ relation: name, tuple })),
  );
  return engine.program.relations.has("e") ? [...present, ...[84, 86, 90].map((i) => edge(i))] : present;
}

/** Programs that together have arrays of every kind, each started in both ways. */
const CASES = [closure, searches].flatMap((engineOf) => STARTS.map((start) => ({ engineOf, start })));

test.each(CASES)("indexes of all kinds, nested sets, blocks and free numbers: $engineOf.name", ({ engineOf, start }) => {
  const engine = engineOf();
  engine.save(file);
  const copy = new Engine(engine.program, { state: start(file), checks: true });
  copy.save(`${file}.again`);
  expect(readFileSync(`${file}.again`).equals(readFileSync(file)), "saved again, it is the same file").toBe(true);
  expectSameFuture(copy, engine);
});

test.skipIf(process.platform !== "linux")(
  "what an engine does with a mapped file stays in memory, and the file may be replaced",
  () => {
    const engine = closure();
    engine.save(file);
    const before = readFileSync(file);
    const copy = new Engine(engine.program, { state: mapFile(file), checks: true });
    copy.transact([edge(90)]);
    expect(readFileSync(file).equals(before)).toBe(true);
    copy.save(file);
    copy.transact([edge(90, -1)]);
    expectSameFuture(copy, engine);
    expect(new Engine(engine.program, { state: mapFile(file), checks: true }).has("e", edge(90).tuple)).toBe(true);
  },
);

/** Arrays that a state has if it is what its test says. */
const ARRAYS = {
  closure: ["data", "flags", "slots", "arena", "positions", "keys", "directory", "tables", "texts"],
  searches: ["order", "blocks", "nodes", "next", "previous"],
};

test.each(CASES)(
  "a byte that is not as it was written is found in every array, and what is in no array does not matter: $engineOf.name",
  ({ engineOf, start }) => {
    const engine = engineOf();
    engine.save(file);
    const whole = readFileSync(file);
    const arrays = arraysIn(whole);
    const names = new Set(arrays.map(({ name }) => name.replace(/^.*\./, "")));
    for (const name of ARRAYS[engineOf.name as keyof typeof ARRAYS]) expect(names, name).toContain(name);
    const between = Buffer.alloc(whole.length, 0xff);
    for (const { name, at, nBytes } of arrays) {
      whole.copy(between, at, at, at + nBytes);
      if (nBytes === 0) continue;
      const damaged = Buffer.from(whole);
      const place = at + (nBytes >> 1);
      damaged.writeUInt8(damaged.readUInt8(place) ^ 0x10, place);
      writeFileSync(`${file}.bad`, damaged);
      expect(() => new Engine(engine.program, { state: start(`${file}.bad`) }), name).toThrow(
        `Cannot read the state in "${file}.bad": the ${nBytes} bytes at byte ${at} are not as they were written`,
      );
    }
    const directoryAt = directoryIn(whole).at;
    whole.copy(between, directoryAt, directoryAt);
    writeFileSync(file, between);
    expectSameFuture(new Engine(engine.program, { state: start(file), checks: true }), engine);
  },
);

interface ArrayInFile {
  readonly name: string;
  readonly at: number;
  readonly nBytes: number;
}

/** Where the directory is, and what it says, as the format has it. */
function directoryIn(whole: Buffer): { at: number; sections: Record<string, { form: string; at: number; length: number }> } {
  const at = Number(whole.readBigUInt64LE(whole.length - 24));
  const text = whole.toString("utf8", at, at + whole.readUInt32LE(whole.length - 16));
  const { sections } = JSON.parse(text) as { sections: Record<string, { form: string; at: number; length: number }> };
  return { at, sections };
}

function arraysIn(whole: Buffer): ArrayInFile[] {
  const bytesOf: Record<string, number> = { ints: 4, words: 2, bytes: 1 };
  return Object.entries(directoryIn(whole).sections).map(([name, { form, at, length }]) => {
    return { name, at, nBytes: length * (bytesOf[form] ?? 0) };
  });
}

test("bytes in memory belong to one engine, which must have their program", () => {
  const engine = closure();
  engine.save(file);
  const state = inMemory(file);
  expect(() => new Engine(programOf("input t(x)"), { state })).toThrow("was written under other rules");
  expectSameFuture(new Engine(engine.program, { state }), engine);
  expect(() => new Engine(engine.program, { state })).toThrow("an engine has these bytes already");
});

test("values that no row holds are forgotten when the engine that wrote them would have done so", () => {
  const program = programOf("input t(x)");
  const engine = new Engine(program, { minValuesToSweep: 4 });
  const row = (i: number, weight: 1 | -1): Change => ({ relation: "t", tuple: [`text ${i}`], weight });
  engine.transact(Array.from({ length: 20 }, (_, i) => row(i, 1)));
  engine.transact([row(3, -1), row(4, -1)]);
  engine.save(file);
  const copy = new Engine(program, { state: file, minValuesToSweep: 4 });
  for (const each of [engine, copy]) each.transact([row(20, 1)]);
  engine.save(file);
  copy.save(`${file}.copy`);
  expect(readFileSync(`${file}.copy`).equals(readFileSync(file))).toBe(true);
});

test("values of every type come back", () => {
  const program = programOf("input t(x)  twice([x, x]) :- t(x)  all(s) :- s = list { x : t(x) }");
  const values = [
    null,
    true,
    -0.5,
    2n ** 62n,
    2 ** 40,
    "",
    "häuser\u{1f600}",
    "half \ud800",
    ["a", ["b", { c: [1, "a"] }]],
    { "": null, k: ["a"] },
    scalar("ip", "fe80::1") ?? null,
    scalar("prefix", "10.0.0.0/8") ?? null,
    scalar("time", "2026-01-02T03:04:05Z") ?? null,
  ];
  const engine = new Engine(program);
  engine.transact(values.map((value) => ({ relation: "t", tuple: [value], weight: 1 })));
  engine.transact([{ relation: "t", tuple: [""], weight: -1 }]);
  engine.save(file);
  const copy = new Engine(program, { state: file, checks: true });
  expect(stateOf(copy)).toEqual(stateOf(engine));
  for (const value of values) expect(copy.has("t", [value])).toBe(value !== "");
  const last = values.map((value) => ({ relation: "t", tuple: [value], weight: -1 as const }));
  expect(plain(copy.transact(last))).toEqual(plain(engine.transact(last)));
});

test("a state of other rules, a damaged one, and none are told apart; a state that cannot be written leaves the old one", () => {
  const program = programOf(CLOSURE);
  const engine = new Engine(program);
  engine.transact([{ relation: "e", tuple: ["a", "b"], weight: 1 }]);
  engine.save(file);
  expect(() => new Engine(programOf(`${CLOSURE}\nmore(x) :- e(x, _)`), { state: file })).toThrow("was written under other rules");
  expect(() => new Engine(program, { state: `${file}.none` })).toThrow("Cannot read");
  const whole = readFileSync(file);
  const trailer = Array.from({ length: 24 }, (_, i) => whole.length - 24 + i);
  for (const at of [10, whole.length >> 1, whole.length - 30, ...trailer]) {
    const damaged = Buffer.from(whole);
    damaged.writeUInt8((damaged[at] ?? 0) ^ 0x41, at);
    writeFileSync(`${file}.bad`, damaged);
    for (const start of STARTS) {
      expect(() => new Engine(program, { state: start(`${file}.bad`) }), `byte ${at}`).toThrow(
        `Cannot read the state in "${file}.bad"`,
      );
    }
  }
  writeFileSync(`${file}.bad`, Buffer.concat([whole.subarray(0, -1), Buffer.from("1")]));
  expect(() => new Engine(program, { state: `${file}.bad` })).toThrow("another version of the engine wrote it");
  for (const length of [0, 7, 20, whole.length - 1]) {
    writeFileSync(`${file}.bad`, whole.subarray(0, length));
    expect(() => new Engine(program, { state: `${file}.bad` }), `${length} bytes`).toThrow(
      `Cannot read the state in "${file}.bad"`,
    );
  }
  const transaction = engine.begin();
  expect(() => engine.save(file)).toThrow("a transaction is open");
  transaction.rollback();
  expect(() => engine.save(join(folder, "none", "state"))).toThrow("Cannot write");
  expect(readFileSync(file)).toEqual(whole);
  expect(readdirSync(folder).toSorted()).toEqual(["state", "state.bad"]);
});
