import { compile, type Change, DivergenceError, Engine, formatProof, ProgramError } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const RULES = `input link(a, b, w)
input start(a)
input closed(a)
dist(a, 0) :- start(a)
dist(b, min(d + w)) :- dist(a, d), link(a, b, w), not closed(b)
near(n) :- n = count { a : dist(a, d), d < 3 }
widest(a, 9) :- start(a)
widest(b, max(min(v, w))) :- widest(a, v), link(a, b, w)`;
const N_NODES = 6;

type Edge = readonly [number, number, number];

/** Bellman and Ford, the plain way. */
function distances(links: readonly Edge[], starts: readonly number[], closed: readonly number[]): number[][] {
  const best = new Map(starts.map((node) => [node, 0]));
  for (let round = 0; round <= N_NODES; round++) {
    for (const [a, b, w] of links) {
      const d = best.get(a);
      if (d !== undefined && !closed.includes(b)) best.set(b, Math.min(best.get(b) ?? Number.POSITIVE_INFINITY, d + w));
    }
  }
  return [...best].sort(([a], [b]) => a - b);
}

function widths(links: readonly Edge[], starts: readonly number[]): number[][] {
  const best = new Map(starts.map((node) => [node, 9]));
  for (let round = 0; round <= N_NODES; round++) {
    for (const [a, b, w] of links) {
      const v = best.get(a);
      if (v !== undefined) best.set(b, Math.max(best.get(b) ?? -1, Math.min(v, w)));
    }
  }
  return [...best].sort(([a], [b]) => a - b);
}

const node = fc.integer({ min: 0, max: N_NODES - 1 });
const change = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant("link"), fc.tuple(node, node, fc.integer({ min: 0, max: 4 }))) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("start", "closed"), fc.tuple(node)) },
);
const transactions = fc.array(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 6 }), { maxLength: 12 });

test("distances through recursion agree with a plain algorithm after every transaction, and rows have proofs", {
  timeout: 60_000,
}, () => {
  const program = compile([{ name: "net.dl", text: RULES }]);
  fc.assert(
    fc.property(transactions, (steps) => {
      const engine = new Engine(program, { minValuesToSweep: 4, checks: true });
      const sorted = (relation: string) =>
        [...engine.rows(relation)].map((row) => row.map(Number)).sort(([x = 0], [y = 0]) => x - y);
      engine.transact([{ relation: "start", tuple: [0], weight: 1 }]);
      for (const step of steps) {
        const changes = step.map(([[relation, tuple], isIn]): Change => ({ relation, tuple, weight: isIn ? 1 : -1 }));
        const before = JSON.stringify(engine.rows("dist"));
        const { delta } = engine.whatIf(changes);
        const rows = new Set(engine.rows("dist").map((row) => JSON.stringify(row)));
        for (const row of delta.get("dist")?.deleted ?? []) expect(rows.delete(JSON.stringify(row))).toBe(true);
        for (const row of delta.get("dist")?.inserted ?? []) rows.add(JSON.stringify(row));
        expect(JSON.stringify(engine.rows("dist"))).toBe(before);
        engine.transact(changes);
        const links = engine.rows("link") as unknown as Edge[];
        const [starts, closed] = ["start", "closed"].map((name) => engine.rows(name).map(([a]) => Number(a)));
        const expected = distances(links, starts ?? [], closed ?? []);
        expect(sorted("dist")).toEqual(expected);
        expect([...rows].sort()).toEqual(expected.map((row) => JSON.stringify(row)).sort());
        expect(sorted("widest")).toEqual(widths(links, starts ?? []));
        expect(engine.rows("near")).toEqual(expected.length === 0 ? [[0]] : [[expected.filter(([, d = 0]) => d < 3).length]]);
        for (const row of [...engine.rows("dist"), ...engine.rows("widest")]) {
          const relation = engine.has("dist", row) ? "dist" : "widest";
          const proof = engine.explain(relation, row);
          expect(proof && formatProof(proof)).not.toContain("no derivation");
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("a cycle that gets better for ever is stopped and rolled back", () => {
  const engine = new Engine(compile([{ name: "net.dl", text: RULES }]), { maxTuples: 1000 });
  engine.transact([{ relation: "start", tuple: [0], weight: 1 }]);
  const loop = [0, 1].map((a): Change => ({ relation: "link", tuple: [a, 1 - a, -1], weight: 1 }));
  expect(() => engine.transact(loop)).toThrow(DivergenceError);
  expect(engine.rows("dist")).toEqual([[0, 0]]);
  engine.transact([{ relation: "link", tuple: [0, 1, 5], weight: 1 }]);
  expect(engine.match("dist", [1])).toEqual([[1, 5]]);
});

test.each([
  ["p(b, min(0 - d)) :- p(a, d), l(a, b)", "an expression that may fall when it rises"],
  ["p(b, min(d)) :- p(a, d), l(a, b), d > 3", "a condition that may cease to hold"],
  ["p(b, max(d)) :- p(a, d), l(a, b), d < 3", "a condition that may cease to hold"],
  ["p(b, min(d)) :- p(a, d), l(d, b)", 'the recursive value "d" is joined'],
  ["p(b, min(1)) :- p(a, 3), l(a, b)", "compared with a constant"],
  ["p(d, min(d)) :- p(a, d), l(a, _)", "stands outside the column that keeps min"],
  ["p(b, min(e)) :- p(a, d), l(a, b), e in [d]", "a condition that may cease to hold"],
  ["p(b, min(d)) :- q(a, d), l(a, b)\nq(a, d) :- p(a, d)", "whose tables must all keep the same extreme"],
  [
    "p(b, min(d)) :- p(a, d), l(a, b)\np(b, max(d)) :- p(a, d), l(a, b)",
    '"p" keeps min of column 1 through recursion, and max here',
  ],
  ["p(b, sum(d)) :- p(a, d), l(a, b)", "negation or aggregate inside a cycle"],
  ["p(b, min(d)) :- p(a, d), l(a, b), not p(b, 3)", "negation or aggregate inside a cycle"],
])("%s is refused", (rules, problem) => {
  const run = () => compile([{ name: "p.dl", text: `input l(a, b)\n${rules}` }]);
  expect(run).toThrow(ProgramError);
  expect(run).toThrow(problem);
});
