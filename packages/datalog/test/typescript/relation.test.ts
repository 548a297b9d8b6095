import { Engine, formatProof, relation, RelationError, type RowDelta, type Scalar, type Table } from "@tenet/datalog";
import { expect, test } from "vitest";
import { programOf } from "../history/temporary.ts";

interface Link {
  readonly a: string;
  readonly b: string;
}
const link: Table<Link> = { relation: "link", columns: ["a", "b"] };
const PROGRAM = programOf("input link(a: string, b: string)\nreach(a, b) :- link(a, b)\nreach(a, c) :- reach(a, b), link(b, c)");

function start(): Engine {
  const engine = new Engine(PROGRAM);
  const links = relation(engine, link);
  engine.transact([links.insert({ a: "x", b: "y" }), links.insert({ b: "z", a: "y" })]);
  return engine;
}

test("rows are objects, whatever the order of their properties", () => {
  const engine = start();
  const reach = relation<Link>(engine, "reach");
  expect([reach.size, relation(engine, link).rows().length, reach.name]).toEqual([3, 2, "reach"]);
  expect(reach.find({ b: "z" }).sort((l, r) => (l.a < r.a ? -1 : 1))).toEqual([
    { a: "x", b: "z" },
    { a: "y", b: "z" },
  ]);
  expect(reach.find({}).length).toBe(3);
  expect([reach.has({ b: "z", a: "x" }), reach.has({ a: "z", b: "x" })]).toEqual([true, false]);
  const proof = reach.explain({ a: "x", b: "z" });
  expect(proof === undefined ? "" : formatProof(proof)).toContain('reach("x", "z")');
  expect(reach.whyNot({ a: "z" }).attempts.length).toBeGreaterThan(0);
});

test("deltas are objects, of the rows asked for", () => {
  const engine = start();
  const heard: RowDelta<Link>[] = [];
  const stop = relation<Link>(engine, "reach").onDelta((delta) => heard.push(delta), { a: "x" }, { hasFirst: true });
  expect(heard.map(({ inserted }) => inserted.length)).toEqual([2]);
  engine.transact([relation(engine, link).delete({ a: "y", b: "z" })]);
  expect(heard.slice(1)).toEqual([{ inserted: [], deleted: [{ a: "x", b: "z" }] }]);
  stop();
  engine.transact([relation(engine, link).delete({ a: "x", b: "y" })]);
  expect(heard.length).toBe(2);
});

test("wrong relations and columns are named", () => {
  const engine = start();
  expect(() => relation<Link>(engine, "lnk")).toThrow(RelationError);
  const links = relation<{ a: string; b?: string; c?: string }>(engine, "link");
  expect(() => links.insert({ a: "x" })).toThrow(/column "b" is missing/);
  expect(() => links.find({ c: "x" })).toThrow(/Cannot find column "c" of "link"/);
  expect(() => relation<{ to: string }>(engine, { relation: "link", columns: ["to"] })).toThrow(
    'Cannot use "link(to)": the program has link(a, b)',
  );
});

test("a new program's columns count at once", () => {
  const engine = start();
  const byName = relation<Record<string, unknown>>(engine, "reach");
  const byTable = relation<Link>(engine, { relation: "reach", columns: ["a", "b"] });
  engine.replaceProgram(programOf("input link(a: string, b: string)\nreach(to=b, from=a, n=1) :- link(a, b)"));
  expect(byName.find({ from: "x" })).toEqual([{ to: "y", from: "x", n: 1 }]);
  expect(() => byTable.rows()).toThrow(/the program has reach\(to, from, n\)/);
});

test("columns named like parts of objects are columns", () => {
  const engine = new Engine(programOf("input t(__proto__, constructor)"));
  const t = relation<{ constructor: string }>(engine, "t");
  expect(() => t.insert({ constructor: "x" })).toThrow(/column "__proto__" is missing/);
  expect(() => t.insert({} as { constructor: string })).toThrow(RelationError);
  engine.transact([{ relation: "t", tuple: ["a", "b"], weight: 1 }]);
  expect(t.rows().map((row) => Object.entries(row))).toEqual([
    [
      ["__proto__", "a"],
      ["constructor", "b"],
    ],
  ]);
});

test("columns of typed values take texts and give values", () => {
  const engine = new Engine(programOf("input host(name: string, address: ip)"));
  const hosts = relation<{ name: string; address: Scalar }>(engine, "host");
  engine.transact([hosts.insert({ name: "a", address: "2001:DB8::1" })]);
  expect(hosts.rows().map(({ address }) => [address.type, address.text])).toEqual([["ip", "2001:db8::1"]]);
  engine.transact([hosts.delete({ name: "a", address: "2001:db8:0::1" })]);
  expect(hosts.size).toBe(0);
});
