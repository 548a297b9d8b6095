/** PostgreSQL without parallel workers. CPU time is that of the session's server process, as it reads it from /proc itself. */
import { cpuSecondsOf } from "../support/measure.mjs";
import { findPostgres, startPostgres } from "../support/postgres-server.mjs";

/** Nothing is logged ahead, so that tables cost what making them costs. */
const SETTINGS = {
  shared_buffers: "512MB",
  work_mem: "512MB",
  max_parallel_workers_per_gather: 0,
  jit: "off",
  autovacuum: "off",
  wal_level: "minimal",
  max_wal_senders: 0,
};

export const POSTGRES = {
  title: "PostgreSQL",
  whyMissing: () => (findPostgres() === undefined ? "not installed (Debian: apt-get install postgresql)" : undefined),
  batch,
};

async function batch({ facts, sql }, isSummed) {
  const server = await startPostgres(findPostgres(), SETTINGS);
  try {
    for (const [relation, tuples] of Object.entries(facts)) {
      const types = tuples[0].map((value) => (typeof value === "number" ? "integer" : "text"));
      server.load(`"${relation}"`, types, tuples);
    }
    const clock = "select pg_read_file('/proc/self/stat')";
    const statements = [clock, ...sql.make, sql.count, clock, ...(isSummed ? [sql.sum] : [])];
    const [before, n, after, sum] = server.run(`${statements.join(";\n")};`).filter((line) => line !== "");
    return { seconds: cpuSecondsOf(after) - cpuSecondsOf(before), n: Number(n), sum: isSummed ? Number(sum) : undefined };
  } finally {
    await server.close();
  }
}
