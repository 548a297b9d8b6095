/**
 * Random transactions over the schemas of real databases give the same results, errors and rows as the original server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, parseSchema, stringifyExact, type TableSchema } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { arbitraryOperation } from "./support/arbitrary-operations.ts";
import { comparableResults } from "./support/comparable-results.ts";
import { openDatabase, type RawClient, rawClient, serve, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, peer, startOriginalServer } from "./support/peers.ts";

const NUM_TRANSACTIONS = 300 * inject("effort");
/** Transactions on one state, on average. */
const PER_RUN = 6;
const hasPeers = arePeersInstalled("ovsdb-server", "ovsdb-tool");

test.skipIf(!hasPeers).each([OVN_NORTHBOUND, OVN_SOUTHBOUND, OPEN_VSWITCH])(
  "random transactions over $name match the original server's",
  { timeout: 60_000 + NUM_TRANSACTIONS * 100 },
  async (source) => {
    await using scope = new Scope();
    const folder = temporaryFolder(scope);
    writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(source));
    await peer(folder, "ovsdb-tool", "create", join(folder, "t.db"), join(folder, "t.ovsschema"));
    const schema = parseSchema(source);
    const theirs = rawClient(scope, await startOriginalServer(scope, folder, join(folder, "t.db")));
    const ours = rawClient(scope, await serve(scope, [await openDatabase(scope, { schema: source })]));
    const tables = [...schema.tables.values()];
    const both = (operations: readonly Json[]) =>
      Promise.all([theirs, ours].map((client) => client.call("transact", [schema.name, ...operations])));
    const clear = tables.map(({ name }): Json => ({ op: "delete", table: name, where: [] }));
    // Tables that refer to each other, so that references, collection and indexes come into play.
    const chosen = fc.uniqueArray(fc.constantFrom(...tables), { minLength: 1, maxLength: 4 });
    const transactions = chosen.chain((some) => {
      const near = tables.filter((table) => some.includes(table) || some.some((other) => refersTo(other, table.name)));
      const operation = arbitraryOperation(schema, near);
      return fc.array(fc.array(operation, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 20 });
    });
    let nFailed = 0;
    let nTransactions = 0;
    await fc.assert(
      fc.asyncProperty(transactions, async (list) => {
        await both(clear);
        for (const operations of list) {
          const [expected, found] = await both(operations);
          expect(comparableResults(found?.result, operations)).toEqual(comparableResults(expected?.result, operations));
          nTransactions++;
          if (stringifyExact(expected?.result ?? null).includes('"error"')) nFailed++;
        }
        expect(await contentOf(ours, schema.name, [...schema.tables.keys()])).toEqual(
          await contentOf(theirs, schema.name, [...schema.tables.keys()]),
        );
      }),
      { numRuns: Math.ceil(NUM_TRANSACTIONS / PER_RUN) },
    );
    console.log(`${schema.name}: ${nTransactions} transactions, ${nFailed} of them refused by both`);
    expect(nFailed).toBeGreaterThan(0);
    expect(nFailed).toBeLessThan(nTransactions);
  },
);

function refersTo({ strongColumns, weakColumns }: TableSchema, name: string): boolean {
  return [...strongColumns, ...weakColumns].some(({ type }) => type.key.refTable === name || type.value?.refTable === name);
}

/** All rows, in an order of their own, without `_version`, which is random. */
async function contentOf(client: RawClient, database: string, tables: readonly string[]): Promise<unknown> {
  const selects = tables.map((table): Json => ({ op: "select", table, where: [] }));
  const { result } = await client.call("transact", [database, ...selects]);
  return (result as { rows: { _version: Json }[] }[]).map(({ rows }) =>
    rows.map(({ _version, ...row }) => stringifyExact(Object.fromEntries(Object.entries(row).toSorted()) as Json)).toSorted(),
  );
}
