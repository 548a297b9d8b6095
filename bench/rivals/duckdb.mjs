/** DuckDB on one thread. CPU time is that of the process, with all tables filled. */
import { importRival, whyNoModule } from "./find-module.mjs";

export const DUCKDB = {
  title: "DuckDB, 1 thread",
  whyMissing: () => whyNoModule("@duckdb/node-api", "DUCKDB_MODULE"),
  batch,
};

async function batch({ facts, sql }, isSummed) {
  const { DuckDBInstance } = await importRival("@duckdb/node-api", "DUCKDB_MODULE");
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  for (const [relation, tuples] of Object.entries(facts)) await fill(connection, relation, tuples);
  const figure = async (query) => Number((await connection.runAndReadAll(query)).getRows()[0]?.[0] ?? 0);
  globalThis.gc();
  const start = process.cpuUsage();
  for (const statement of sql.make) await connection.run(statement);
  const n = await figure(sql.count);
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6, n, sum: isSummed ? await figure(sql.sum) : undefined };
}

async function fill(connection, relation, tuples) {
  const columns = tuples[0].map((value, i) => `c${i} ${typeof value === "number" ? "integer" : "varchar"}`);
  await connection.run(`create table "${relation}" (${columns.join(", ")})`);
  const appender = await connection.createAppender(relation);
  for (const tuple of tuples) {
    for (const value of tuple) {
      if (typeof value === "number") appender.appendInteger(value);
      else appender.appendVarchar(value);
    }
    appender.endRow();
  }
  appender.closeSync();
}
