import { compile, type Change, Engine } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const TYPED = "input host(n: int, a: ip)\ninput net(m: int, p: prefix)\n";
const RULES = `inside(n, m) :- host(n, a), net(m, p), ip_in_prefix(a, p)
route(n, m)  :- host(n, _), m = argmax { i, prefix_length(p) : host(n, a), net(i, p), ip_in_prefix(a, p) }
wider(m, k)  :- net(m, p), net(k, q), ip_in_prefix(p, q), m != k`;

const octet = fc.constantFrom(0, 1, 2, 128);
const ip = fc.oneof(
  fc.tuple(octet, octet).map(([c, d]) => `10.0.${c}.${d}`),
  fc.tuple(octet, octet).map(([c, d]) => `2001:db8::${c}:${d}`),
);
const prefix = fc.tuple(ip, fc.constantFrom(0, 8, 23, 24, 25, 30, 32)).map(([a, n]) => `${a}/${a.includes(":") ? n + 96 : n}`);
const change = fc.oneof(fc.tuple(fc.constant("host"), fc.nat(4), ip), fc.tuple(fc.constant("net"), fc.nat(4), prefix));
const steps = fc.array(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 8 }), { maxLength: 6 });

test("joins over typed columns give what a scan over untyped ones gives, after every transaction", () => {
  // Without a type nothing tells that the column holds prefixes, and every pair is tested.
  const plain = "input host(n, a)\ninput net(m, p)\n";
  fc.assert(
    fc.property(steps, (transactions) => {
      const typed = new Engine(compile([{ name: "p.dl", text: TYPED + RULES }]));
      const scanned = new Engine(compile([{ name: "p.dl", text: plain + RULES }]));
      for (const transaction of transactions) {
        for (const [[relation, n, address], isIn] of transaction) {
          typed.transact([{ relation, tuple: [n, address], weight: isIn ? 1 : -1 }]);
        }
        const rows = ["host", "net"].flatMap((relation) => typed.rows(relation).map((tuple) => ({ relation, tuple })));
        const now = new Set(rows.map((row) => JSON.stringify(row)));
        const before = ["host", "net"].flatMap((relation) => scanned.rows(relation).map((tuple) => ({ relation, tuple })));
        const gone = before.filter((row) => !now.has(JSON.stringify(row)));
        scanned.transact([
          ...gone.map((row): Change => ({ ...row, weight: -1 })),
          ...rows.map((row): Change => ({ ...row, weight: 1 })),
        ]);
        for (const relation of ["inside", "route", "wider"]) {
          expect(sorted(typed, relation)).toEqual(sorted(scanned, relation));
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("an address meets few of many prefixes", () => {
  let nTests = 0;
  const seen = { name: "seen", nArgs: 1, call: (p: unknown) => (nTests++, p !== null) };
  const rule = "at(n, m) :- host(n, a), net(m, p), seen(p), ip_in_prefix(a, p)";
  const engine = new Engine(compile([{ name: "p.dl", text: TYPED + rule }], { functions: [seen] }));
  const nets = Array.from(
    { length: 5000 },
    (_, i): Change => ({ relation: "net", tuple: [i, `10.${i >> 8}.${i & 255}.0/24`], weight: 1 }),
  );
  engine.transact(nets);
  nTests = 0;
  engine.transact([{ relation: "host", tuple: [1, "10.3.7.9"], weight: 1 }]);
  expect(engine.rows("at")).toEqual([[1, 3 * 256 + 7]]);
  expect(nTests).toBeLessThan(40);
});

function sorted(engine: Engine, relation: string): string[] {
  return engine
    .rows(relation)
    .map((row) => JSON.stringify(row))
    .sort();
}
