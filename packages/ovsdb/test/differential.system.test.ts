/** Random transactions give the same results, errors and rows as the original server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { connect, parseExact, type Replica, stringifyExact } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { comparableResults } from "./support/comparable-results.ts";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";
import { openDatabase, rawClient, SCHEMA, serve, temporaryFolder } from "./support/fixtures.ts";

/** A uuid tells its table: 0..3 Root, 4..9 Kid, 10..11 Few. */
const ids = Array.from({ length: 12 }, (_, n) => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, "0")}`);
const tables = { Root: ids.slice(0, 4), Kid: ids.slice(4, 10), Few: ids.slice(10) } as const;
type Table = keyof typeof tables;

const setOf = (atom: fc.Arbitrary<Json>, maxLength: number) =>
  fc.uniqueArray(atom, { maxLength, selector: (json) => stringifyExact(json) }).map((atoms): Json => ["set", atoms]);
const mapOf = (key: fc.Arbitrary<Json>, value: fc.Arbitrary<Json>) =>
  fc.uniqueArray(fc.tuple(key, value), { maxLength: 3, selector: ([k]) => k }).map((pairs): Json => ["map", pairs]);
const kid = fc.constantFrom(...tables.Kid).map((id): Json => ["uuid", id]);
const text = fc.oneof(
  { arbitrary: fc.constantFrom<Json>("a", "b", "c", "d", "é€", 'q"te'), weight: 20 },
  { arbitrary: fc.constantFrom<Json>("toolong", ""), weight: 1 },
);
/** Powers of two only: the original prints reals with 15 digits, we with as many as they have. */
const integer = fc.oneof({ arbitrary: fc.nat(20), weight: 20 }, { arbitrary: fc.constantFrom(-5, 100, 120), weight: 1 });
/** Near the ends of 64 bits and of what a double holds, so that arithmetic meets them. */
const large: fc.Arbitrary<Json> = fc.oneof(
  integer,
  fc
    .tuple(
      fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 62n, 2n ** 63n - 4n, -(2n ** 63n) + 3n, 3037000500n),
      fc.bigInt(-3n, 3n),
    )
    .map(([near, offset]) => parseExact(String(near + offset))),
);
const color = fc.oneof(
  { arbitrary: fc.constantFrom<Json>("red", "green", "blue"), weight: 20 },
  { arbitrary: fc.constant<Json>("pink"), weight: 1 },
);
const wrong = fc.constantFrom<Json>(
  ["set", ["a", "a"]],
  [
    "map",
    [
      ["a", 1],
      ["a", 2],
    ],
  ],
  ["set", ["a", "b", "c", "d"]],
  5,
  "x",
  true,
  null,
  ["set", 5],
  ["uuid", "x"],
  ["map", [1]],
  {},
  0.25,
  ["set", [1, "x"]],
);
const mostly = (good: fc.Arbitrary<Json>) => fc.oneof({ arbitrary: good, weight: 60 }, { arbitrary: wrong, weight: 1 });

const columns: { readonly [table in Table]: { readonly [column: string]: fc.Arbitrary<Json> } } = {
  Root: {
    name: text,
    i: fc.oneof(integer, setOf(integer, 1)),
    r: fc.constantFrom<Json>(0, 0.5, -2, 1024),
    b: fc.boolean(),
    u: fc.constantFrom(...ids).map((id): Json => ["uuid", id]),
    e: fc.oneof(color, setOf(color, 3)),
    m: mapOf(text, integer),
    s: fc.oneof(text, setOf(text, 3)),
    kids: setOf(kid, 3),
    pals: setOf(kid, 3),
    imm: text,
    eph: large,
  },
  Kid: { name: text, n: fc.nat(2), next: setOf(kid, 1), pal1: setOf(kid, 1) },
  Few: { x: large },
};

const table = fc.constantFrom<Table>("Root", "Root", "Kid", "Kid", "Few");
const columnOf = (name: Table) =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...Object.keys(columns[name])), weight: 60 },
    { arbitrary: fc.constant("zork"), weight: 1 },
  );
const valueOf = (name: Table, column: string) => mostly(columns[name][column] ?? fc.constant(5));
const row = (name: Table) =>
  fc
    .uniqueArray(columnOf(name), { maxLength: 4 })
    .chain((chosen) => fc.tuple(...chosen.map((column) => valueOf(name, column).map((value) => [column, value] as const))))
    .map((pairs) => Object.fromEntries(pairs) as Json);
const numbers = ["i", "r", "eph", "n", "x"];
const comparison = (column: string) => {
  const usual = fc.constantFrom("==", "!=", "includes", "excludes", ...(numbers.includes(column) ? ["<", "<=", ">", ">="] : []));
  return fc.oneof({ arbitrary: usual, weight: 30 }, { arbitrary: fc.constantFrom("<", ">=", "~"), weight: 1 });
};
const clause = (name: Table): fc.Arbitrary<Json> =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...tables[name]).map((id): Json => ["_uuid", "==", ["uuid", id]]), weight: 4 },
    {
      arbitrary: columnOf(name).chain((column) => fc.tuple(fc.constant(column), comparison(column), valueOf(name, column))),
      weight: 4,
    },
    { arbitrary: fc.boolean(), weight: 1 },
  );
const where = (name: Table) => fc.array(clause(name), { maxLength: 2 });
const mutator = (column: string) => {
  const usual = numbers.includes(column) ? fc.constantFrom("+=", "-=", "*=", "/=", "%=") : fc.constantFrom("insert", "delete");
  return fc.oneof({ arbitrary: usual, weight: 30 }, { arbitrary: fc.constantFrom("+=", "%=", "insert", "zap"), weight: 1 });
};
const mutable = {
  Root: ["i", "r", "e", "m", "s", "kids", "pals", "eph", "i", "e", "m", "kids", "pals", "imm"],
  Kid: ["n", "next", "pal1"],
  Few: ["x"],
};
const mutation = (name: Table) =>
  fc
    .constantFrom(...mutable[name])
    .chain((column) => fc.tuple(fc.constant(column), mutator(column), valueOf(name, column)))
    // The original dies of SIGFPE when it multiplies a negative number by zero, and misses the overflow of two of them.
    .filter(([, op, argument]) => op !== "*=" || !(Number(argument) <= 0));

const operation: fc.Arbitrary<Json> = table.chain((name) =>
  fc.oneof(
    {
      arbitrary: fc.record({
        op: fc.constant("insert"),
        table: fc.constant(name),
        uuid: fc.constantFrom(...tables[name]),
        row: row(name),
      }),
      weight: 6,
    },
    {
      arbitrary: fc.record({ op: fc.constant("update"), table: fc.constant(name), where: where(name), row: row(name) }),
      weight: 4,
    },
    {
      arbitrary: fc.record({
        op: fc.constant("mutate"),
        table: fc.constant(name),
        where: where(name),
        mutations: fc.array(mutation(name), { maxLength: 2 }),
      }),
      weight: 4,
    },
    { arbitrary: fc.record({ op: fc.constant("delete"), table: fc.constant(name), where: where(name) }), weight: 2 },
    {
      arbitrary: fc.record({
        op: fc.constant("select"),
        table: fc.constant(name),
        where: where(name),
        columns: fc.uniqueArray(columnOf(name), { maxLength: 3 }),
      }),
      weight: 3,
    },
    {
      arbitrary: fc.record({
        op: fc.constant("wait"),
        table: fc.constant(name),
        where: where(name),
        columns: fc.uniqueArray(columnOf(name), { maxLength: 2 }),
        until: fc.constantFrom("==", "!="),
        rows: fc.array(row(name), { maxLength: 1 }),
        timeout: fc.constant(0),
      }),
      weight: 1,
    },
    {
      arbitrary: fc.constantFrom<Json>({ op: "abort" }, { op: "comment", comment: "x" }, { op: "nosuch" }, { op: "comment" }, 5),
      weight: 1,
    },
  ),
);

function contentOf(replica: Replica): object {
  return Object.fromEntries(
    Object.keys(tables).map((name) => [
      name,
      [...replica.table(name)].sort().map(([uuid, { _version, ...rest }]) => [uuid, rest]),
    ]),
  );
}

test.skipIf(!arePeersInstalled("ovsdb-server", "ovsdb-tool"))("random transactions match the original server's", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
  const remotes = {
    theirs: await startOriginalServer(scope, folder, join(folder, "t.db")),
    ours: await serve(scope, [await openDatabase(scope)]),
  };
  const theirs = rawClient(scope, remotes.theirs);
  const ours = rawClient(scope, remotes.ours);
  // Our replica follows both, so that differences of its own would show as well.
  const replicas = await Promise.all(
    [remotes.theirs, remotes.ours].map((remote) => connect(remote, { database: "T" }, scope.signal)),
  );
  for (const replica of replicas) scope.use(replica);
  const [theirReplica, ourReplica] = replicas;
  if (theirReplica === undefined || ourReplica === undefined) return;
  const clear = ["Root", "Kid", "Few"].map((name): Json => ({ op: "delete", table: name, where: [] }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(operation, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 }),
      async (transactions) => {
        await Promise.all([theirs.call("transact", ["T", ...clear]), ours.call("transact", ["T", ...clear])]);
        for (const operations of transactions) {
          const params = ["T", ...operations];
          const [expected, found] = await Promise.all([theirs.call("transact", params), ours.call("transact", params)]);
          expect(comparableResults(found.result, operations)).toEqual(comparableResults(expected.result, operations));
        }
        await Promise.all([theirReplica.transact([]), ourReplica.transact([])]);
        expect(contentOf(ourReplica)).toEqual(contentOf(theirReplica));
      },
    ),
    { numRuns: 400 },
  );
});
