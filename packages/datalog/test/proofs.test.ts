import { type Change, compile, Engine, formatProof, type Proof } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const edge = (a: number, b: number): Change => ({ relation: "e", tuple: [a, b], weight: 1 });
const CLOSURE = "input e(a, b)  input off(a)  tc(x, y) :- e(x, y), not off(x)  tc(x, z) :- tc(x, y), tc(y, z)";

const sizeOf = ({ because }: Proof): number => because.reduce((sum, inner) => sum + sizeOf(inner), 1);

function engineOf(text: string, changes: readonly Change[]): Engine {
  const engine = new Engine(compile([{ name: "proofs.dl", text }]));
  engine.transact(changes);
  return engine;
}

test("proofs come smallest first, with all that they rest on", () => {
  const engine = engineOf(CLOSURE, [edge(1, 2), edge(2, 3), edge(3, 4), edge(1, 4), edge(4, 1)]);
  const proofs = [...engine.proofs("tc", [1, 4])];
  expect(proofs.map(sizeOf)).toEqual(proofs.map(sizeOf).toSorted((a, b) => a - b));
  expect(formatProof(proofs[0] as Proof)).toBe(`tc(1, 4)
  by proofs.dl:1: tc(x, y) :- e(x, y), not off(x)
  e(1, 4)   (input)
  absent: off(1)`);
  expect([...engine.proofs("tc", [4, 5])]).toEqual([]);
  expect([...engine.proofs("e", [1, 2])]).toEqual([{ relation: "e", tuple: [1, 2], because: [], note: "input" }]);
});

test("beyond a depth or number of rows a proof says that it goes on", () => {
  const engine = engineOf(
    "input e(a, b)  tc(x, y) :- e(x, y)  tc(x, z) :- tc(x, y), e(y, z)",
    [1, 2, 3, 4, 5, 6].map((i) => edge(i, i + 1)),
  );
  const [proof] = engine.proofs("tc", [1, 7], { maxDepth: 2 });
  expect(formatProof(proof as Proof)).toContain("tc(1, 4)   (derived; the proof goes on)");
  const [short] = engine.proofs("tc", [1, 7], { maxRows: 1 });
  expect(formatProof(short as Proof)).toContain("tc(1, 6)   (derived; the proof goes on)");
});

test("there may be any number of proofs: the first ones come at once", () => {
  const changes = Array.from({ length: 144 }, (_, i) => edge(i % 12, Math.floor(i / 12)));
  const engine = engineOf(CLOSURE, changes);
  const sizes: number[] = [];
  for (const proof of engine.proofs("tc", [0, 1])) {
    sizes.push(sizeOf(proof));
    if (sizes.length === 200) break;
  }
  expect(sizes).toHaveLength(200);
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
});

/** All proofs by plain recursion: each row is derived in one way in a proof, and never from itself. */
function allProofs(edges: ReadonlySet<string>, nodes: readonly number[], x: number, y: number): string[] {
  const found = new Set<string>();
  const close = (open: readonly string[], chosen: ReadonlyMap<string, string>): void => {
    const next = open.find((row) => !chosen.has(row));
    if (next === undefined) {
      found.add([...chosen].map(String).toSorted().join(" "));
      return;
    }
    const [a, b] = next.split(">").map(Number) as [number, number];
    if (edges.has(next)) close(open, new Map(chosen).set(next, "edge"));
    for (const via of nodes) {
      const rows = [`${a}>${via}`, `${via}>${b}`];
      const after = new Map(chosen).set(next, rows.join());
      const leads = (row: string): boolean =>
        row === next ||
        (after
          .get(row)
          ?.split(",")
          .some((inner) => inner !== "edge" && leads(inner)) ??
          false);
      if (!rows.some(leads)) close([...open, ...rows], after);
    }
  };
  close([`${x}>${y}`], new Map());
  return [...found];
}

/** The choices of a proof, written as above. */
function choicesOf(proof: Proof): string {
  const choices = new Map<string, string>();
  const visit = ({ relation, tuple, because }: Proof): void => {
    if (relation !== "tc") return;
    const parts = because.filter((inner) => inner.relation === "tc").map((inner) => inner.tuple.join(">"));
    choices.set(tuple.join(">"), parts.length === 0 ? "edge" : parts.join());
    because.forEach(visit);
  };
  visit(proof);
  return [...choices].map(String).toSorted().join(" ");
}

test("all proofs are found, and none twice", { timeout: 60_000 }, () => {
  const edges = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 4,
    selector: String,
  });
  fc.assert(
    fc.property(edges, (pairs) => {
      const engine = engineOf(
        CLOSURE,
        pairs.map(([a, b]) => edge(a, b)),
      );
      const reached = engine.rows("tc").slice(0, 4);
      const known = new Set(engine.rows("tc").map((row) => row.join(">")));
      for (const [x, y] of reached as [number, number][]) {
        const found: string[] = [];
        for (const proof of engine.proofs("tc", [x, y])) if (found.push(choicesOf(proof)) > 2000) return;
        const wanted = allProofs(new Set(pairs.map((pair) => pair.join(">"))), [0, 1, 2, 3], x, y).filter((text) =>
          text.split(" ").every((choice) => known.has(choice.split(",")[0] as string)),
        );
        expect(found.toSorted(), JSON.stringify({ pairs, x, y })).toEqual(wanted.toSorted());
      }
    }),
    { numRuns: 40 },
  );
});
