import { type Change, compareValues, compile, type Delta, Engine, scalar, type Tuple } from "@tenet/datalog";
import { expect, test } from "vitest";

test("values that print alike are different rows in the sum of several steps", () => {
  const engine = new Engine(compile([{ name: "test.dl", text: "input v(x: any)" }]));
  const rows: Tuple[] = [
    ["10.0.0.1"],
    [scalar("ip", "10.0.0.1") ?? null],
    [2n ** 60n],
    [String(2n ** 60n)],
    [[1, "2"]],
    ['[1,"2"]'],
  ];
  const transaction = engine.begin();
  for (const row of rows) {
    transaction.insert("v", row);
    transaction.evaluate();
  }
  transaction.delete("v", [2n ** 60n]);
  const delta = transaction.commit().get("v");
  const kept = rows.filter(([value]) => value !== 2n ** 60n);
  expect([delta?.inserted, delta?.deleted]).toEqual([kept.sort(([a = null], [b = null]) => compareValues(a, b)), []]);
});

const GRAPH = `input zone(x, y)
input edge(x, y)
reach(x, y) :- edge(x, y)
reach(x, z) :- reach(x, y), edge(y, z)
across(x, y, z) :- reach(x, y), zone(x, z), not zone(y, z)
busy(z, n) :- n = count { x : zone(x, z) }
also(n, z) :- busy(z, n)`;

/** What a delta says, with its order. */
function written(delta: Delta): string {
  return JSON.stringify([...delta].map(([name, { inserted, deleted }]) => [name, inserted, deleted]));
}

/** Changes with gaps and repetitions, the same for every engine. */
function changesOf(step: number): Change[] {
  const node = (n: number): string => `n${(n * 7919) % 37}`;
  return Array.from({ length: step === 0 ? 60 : 4 }, (_, i): Change => {
    const [a, b] = [node(step * 13 + i), node(step * 5 + i * 3)];
    return i % 4 === 3
      ? { relation: "zone", tuple: [a, (step + i) % 5], weight: 1 }
      : { relation: "edge", tuple: [a, b], weight: step > 0 && i % 2 === 0 ? -1 : 1 };
  });
}

test("a delta's order is that of names and values, however often and by whom the engine was looked at", () => {
  const program = compile([{ name: "graph.dl", text: GRAPH }]);
  const [quiet, watched] = [new Engine(program), new Engine(program)];
  watched.prepare();
  let nLarge = 0;
  for (let step = 0; step < 40; step++) {
    const changes = changesOf(step);
    watched.match("reach", [undefined, "n5"]);
    watched.match("zone", [undefined, 3]);
    watched.match("across", ["n1", undefined, 2]);
    watched.whyNot("reach", ["n0", "n99"]);
    watched.whatIf(changesOf(step + 1));
    const [tuple] = watched.rows("reach");
    if (tuple !== undefined) watched.explain("reach", tuple);
    const delta = watched.transact([...changes].reverse());
    expect(written(delta)).toBe(written(quiet.transact(changes)));
    for (const { inserted, deleted } of delta.values()) {
      nLarge += inserted.length > 256 ? 1 : 0;
      for (const rows of [inserted, deleted]) expect(rows).toEqual([...rows].sort(compareValues));
    }
    expect([...delta.keys()]).toEqual([...delta.keys()].sort());
  }
  expect(nLarge).toBeGreaterThan(0);
});

test("a transaction evaluated in parts has the delta of one that was not", () => {
  const program = compile([{ name: "graph.dl", text: GRAPH }]);
  const [once, inParts] = [new Engine(program), new Engine(program)];
  const transaction = inParts.begin();
  for (const change of changesOf(0)) {
    transaction.apply([change]);
    transaction.evaluate();
  }
  expect(written(transaction.commit())).toBe(written(once.transact(changesOf(0))));
});

test("a new program's delta has the same order", () => {
  const engine = new Engine(compile([{ name: "graph.dl", text: GRAPH }]));
  engine.transact(changesOf(0));
  const sources = [{ name: "graph.dl", text: GRAPH.replace("reach(x, y), edge(y, z)", "reach(x, y), edge(z, y)") }];
  const delta = engine.replaceProgram(compile(sources));
  expect([...delta.keys()]).toEqual(["across", "reach"]);
  for (const { inserted, deleted } of delta.values()) {
    expect(inserted.length + deleted.length).toBeGreaterThan(1);
    for (const rows of [inserted, deleted]) expect(rows).toEqual([...rows].sort(compareValues));
  }
});
