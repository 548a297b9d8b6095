/** Joins of addresses and prefixes: what a trie finds is what nested loops find, in both directions, and the rest is not looked at. */
import { type Change, compile, Engine, scalar, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";

/** An address or prefix as its text and its bits, which is all that the oracle needs. */
interface Net {
  readonly text: string;
  readonly bits: string;
}

const RULES = `at(n, m)     :- host(n, a), net(m, p), ip_in_prefix(a, p)
within(m, k) :- net(m, p), net(k, q), m != k, ip_in_network(p, q)
meets(m, k)  :- net(m, p), sub(k, q), prefixes_overlap(p, q)
same(n, m)   :- tagged(n, g, a), scope(m, g, p), ip_in_prefix(a, p)
best(n, l)   :- host(n, a), p = longest { q : net(_, q), ip_in_prefix(a, q) }, l = prefix_length(p)
chosen(n, a, longest(p)) :- host(n, a), net(_, p), ip_in_prefix(a, p)
also(n, l)   :- chosen(n, _, p), l = prefix_length(p)
lone(n)      :- host(n, a), not (net(_, p), ip_in_prefix(a, p))
n_at(m, count()) :- net(m, p), host(_, a), ip_in_prefix(a, p)
sub(m, p)       :- net(m, p), m >= 40
tagged(n, g, a) :- host(n, a), g = n % 2
scope(m, g, p)  :- net(m, p), g = m % 2`;
const DECLARATIONS = ["input host(n: int, a: ip)\ninput net(m: int, p: prefix)\n", "input host(n, a)\ninput net(m, p)\n"];

/** Few distinct bits, so that networks nest and addresses fall into them. */
function netOf(isV6: boolean, high: number, low: number, length: number | undefined): Net {
  const nBits = isV6 ? 128 : 32;
  const bits = BigInt(isV6 ? "0x20010db8" : "0x0a000000")
    .toString(2)
    .padStart(32, "0")
    .slice(0, isV6 ? 32 : 8);
  const tail = high.toString(2).padStart(8, "0") + low.toString(2).padStart(16, "0");
  const all = bits + tail.padStart(nBits - bits.length, "0");
  const text = isV6
    ? (all.match(/.{16}/g) ?? []).map((word) => Number.parseInt(word, 2).toString(16)).join(":")
    : (all.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)).join(".");
  const kept = length === undefined ? nBits : isV6 ? 96 + length : length;
  return { text: length === undefined ? text : `${text}/${kept}`, bits: `${isV6 ? 6 : 4}${all.slice(0, kept)}` };
}

const part = fc.constantFrom(0, 1, 2, 3, 128, 255);
const length = fc.constantFrom(0, 8, 9, 15, 16, 17, 23, 24, 31, 32);
const host = fc.tuple(fc.boolean(), part, part).map(([isV6, high, low]) => netOf(isV6, high, low, undefined));
const net = fc.tuple(fc.boolean(), part, part, length).map(([isV6, high, low, n]) => netOf(isV6, high, low, n));
const change = fc.oneof(fc.tuple(fc.constant("host"), fc.nat(79), host), fc.tuple(fc.constant("net"), fc.nat(79), net));
const transaction = fc.tuple(fc.nat(2), fc.array(fc.tuple(change, fc.boolean()), { maxLength: 20 }));

type Row = readonly [relation: string, n: number, address: Net];

/** The inputs. Texts of one network are one value in a typed column only. */
class Tables {
  readonly #rows = new Map<string, Row>();
  readonly #isTyped: boolean;

  constructor(isTyped: boolean) {
    this.#isTyped = isTyped;
  }

  apply(row: Row, isIn: boolean): void {
    const [relation, n, { text, bits }] = row;
    const key = `${relation} ${n} ${this.#isTyped ? bits : text}`;
    if (isIn) this.#rows.set(key, row);
    else this.#rows.delete(key);
  }

  of(relation: string): (readonly [number, Net])[] {
    return [...this.#rows.values()].filter((row) => row[0] === relation).map(([, n, address]) => [n, address]);
  }
}

/** Enough rows that indexes are worth it. */
function manyRows(seed: number): Row[] {
  return fc.sample(change, { seed, numRuns: 200 });
}

/** The rows of every derived table, by nested loops over strings of bits. */
function derive(tables: Tables): Map<string, Set<string>> {
  const [hosts, nets] = [tables.of("host"), tables.of("net")];
  const isIn = (inner: Net, outer: Net): boolean => inner.bits.startsWith(outer.bits);
  const join = <L extends readonly [number, Net], R extends readonly [number, Net]>(
    left: readonly L[],
    right: readonly R[],
    holds: (l: L, r: R) => boolean,
  ): Set<string> => new Set(left.flatMap((l) => right.filter((r) => holds(l, r)).map((r) => `${l[0]} ${r[0]}`)));
  const counts = new Map<number, number>();
  for (const [m, p] of nets) counts.set(m, (counts.get(m) ?? 0) + hosts.filter(([, a]) => isIn(a, p)).length);
  const best = new Set(
    hosts.flatMap(([n, a]) => {
      const lengths = nets.flatMap(([, p]) => (isIn(a, p) ? [p.bits.length - 1] : []));
      return lengths.length === 0 ? [] : [`${n} ${Math.max(...lengths)}`];
    }),
  );
  return new Map([
    ["at", join(hosts, nets, ([, a], [, p]) => isIn(a, p))],
    ["within", join(nets, nets, ([m, p], [k, q]) => m !== k && isIn(p, q))],
    [
      "meets",
      join(
        nets,
        nets.filter(([k]) => k >= 40),
        ([, p], [, q]) => isIn(p, q) || isIn(q, p),
      ),
    ],
    ["best", best],
    ["also", best],
    ["same", join(hosts, nets, ([n, a], [m, p]) => n % 2 === m % 2 && isIn(a, p))],
    ["lone", new Set(hosts.filter(([, a]) => !nets.some(([, p]) => isIn(a, p))).map(([n]) => String(n)))],
    ["n_at", new Set([...counts].filter(([, n]) => n > 0).map((pair) => pair.join(" ")))],
  ]);
}

test.each(["typed columns", "columns of texts"])(
  "%s: joins give what nested loops give, through changes, forks and rollbacks",
  { timeout: 300_000 * inject("effort") },
  (kind) => {
    const isTyped = kind === "typed columns";
    const program = compile([{ name: "networks.dl", text: DECLARATIONS[isTyped ? 0 : 1] + RULES }]);
    fc.assert(
      fc.property(fc.nat(), fc.array(transaction, { maxLength: 6 }), (seed, transactions) => {
        const engine = new Engine(program, { minValuesToSweep: 4 });
        const tables = new Tables(isTyped);
        const toChange = ([relation, n, { text }]: Row, isIn: boolean): Change => {
          return { relation, tuple: [n, text], weight: isIn ? 1 : -1 };
        };
        const rows = manyRows(seed);
        for (const row of rows) tables.apply(row, true);
        engine.transact(rows.map((row) => toChange(row, true)));
        expectState(engine, tables);
        for (const [how, changes] of transactions) {
          const all = changes.map(([row, isIn]) => toChange(row, isIn));
          if (how === 1) engine.fork(all).delta();
          else if (how === 2) tryInParts(engine, all);
          else {
            engine.transact(all);
            for (const [row, isIn] of changes) tables.apply(row, isIn);
          }
          expectState(engine, tables);
        }
      }),
      { numRuns: 10 * inject("effort") },
    );
  },
);

function tryInParts(engine: Engine, changes: readonly Change[]): void {
  const open = engine.begin();
  for (const each of changes) {
    open.apply([each]);
    open.evaluate();
  }
  open.rollback();
}

function expectState(engine: Engine, tables: Tables): void {
  for (const [relation, rows] of derive(tables)) {
    const found = engine.rows(relation).map((row) => row.join(" "));
    expect(found.sort(), relation).toEqual([...rows].sort());
  }
}

test("values that are no networks are no part of a join of networks, and do no harm", () => {
  const text = "input host(n, a)\ninput net(m, p)\nat(n, m) :- host(n, a), net(m, p), ip_in_prefix(a, p)";
  const engine = new Engine(compile([{ name: "networks.dl", text }]));
  const odd: Value[] = [null, true, 7, "10.0.0.0/33", "10.0.0", "fe80::1%eth0", ["10.0.0.0/8"], ""];
  const nets = Array.from({ length: 200 }, (_, i): Change => ({ relation: "net", tuple: [i, `10.${i}.0.7/16`], weight: 1 }));
  engine.transact([...nets, ...odd.map((p, i): Change => ({ relation: "net", tuple: [1000 + i, p], weight: 1 }))]);
  engine.transact(odd.map((a, i): Change => ({ relation: "host", tuple: [1000 + i, a], weight: 1 })));
  engine.transact([{ relation: "host", tuple: [1, "10.9.1.1"], weight: 1 }]);
  expect(engine.rows("at")).toEqual([[1, 9]]);
  engine.transact(odd.map((p, i): Change => ({ relation: "net", tuple: [1000 + i, p], weight: -1 })));
  engine.transact([{ relation: "net", tuple: [9, "10.9.0.7/16"], weight: -1 }]);
  expect(engine.rows("at")).toEqual([]);
});

test("of the longest prefixes a change meets the addresses inside it, and an address the prefixes around it", () => {
  let nSeen = 0;
  const seen = { name: "seen", nArgs: 2, call: (a: Value, p: Value): boolean => ++nSeen > 0 && a !== null && p !== null };
  const text = `input host(a: ip)
input net(p: prefix)
best(a, p) :- host(a), p = longest { q : net(q), seen(a, q), ip_in_prefix(a, q) }`;
  const engine = new Engine(compile([{ name: "networks.dl", text }], { functions: [seen] }));
  const load: Change[] = [{ relation: "net", tuple: ["10.0.0.0/8"], weight: 1 }];
  for (let i = 0; i < 20_000; i++) {
    load.push({ relation: "host", tuple: [`10.${i >> 8}.${i & 255}.7`], weight: 1 });
    load.push({ relation: "net", tuple: [`10.${i >> 8}.${i & 255}.0/24`], weight: 1 });
  }
  engine.transact(load);
  expect(nSeen).toBe(40_000);
  const bestOf = (a: string): string => String(engine.rows("best").find((row) => String(row[0]) === a)?.[1]);
  const changed = (relation: string, value: string, weight: 1 | -1): [nSeen: number, nChanged: number] => {
    nSeen = 0;
    const delta = engine.transact([{ relation, tuple: [value], weight }]).get("best");
    return [nSeen, (delta?.inserted.length ?? 0) + (delta?.deleted.length ?? 0)];
  };
  expect(changed("host", "10.3.4.9", 1)).toEqual([2, 1]);
  expect(changed("net", "10.3.4.8/29", 1)).toEqual([1, 2]);
  expect(bestOf("10.3.4.9")).toBe("10.3.4.8/29");
  expect(changed("net", "10.3.0.0/16", 1)).toEqual([257, 0]);
  expect(changed("net", "10.3.4.0/24", -1)[1]).toBe(2);
  expect(bestOf("10.3.4.7")).toBe("10.3.0.0/16");
  const proof = engine.explain("best", [scalar("ip", "10.3.4.9"), scalar("prefix", "10.3.4.8/29")] as Value[]);
  expect(proof?.because.map(({ relation }) => relation)).toContain("host");
  expect(engine.whyNot("best", [scalar("ip", "10.3.4.9"), scalar("prefix", "10.0.0.0/8")] as Value[]).attempts).toHaveLength(1);
});
