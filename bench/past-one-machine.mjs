/**
 * The same rules on the engine and on PostgreSQL: `node bench/past-one-machine.mjs [--sql] [PROGRAM …]`. Needs a build.
 *
 * Each program is checked once; its core rules run on the engine and, as SQL, on a PostgreSQL of our own. All rows of all derived
 * tables must be equal. Times are wall time of the rules with all rows in place; then one row of an input is changed: the engine
 * follows, PostgreSQL derives everything again. `--sql` shows the statements. See docs/design/0005-past-one-machine.md.
 */
import { readFileSync } from "node:fs";
import { compile, Engine } from "@tenet/datalog";
import { policy, PROGRAMS, randomOf } from "./datalog-programs.mjs";
import { median } from "./support/measure.mjs";
import { findPostgres, startPostgres } from "./support/postgres-server.mjs";
import { programToSql, sqlTypeOf, tableName } from "./support/rules-to-sql.mjs";

const N_CHANGES = 21;

/** Switches with ports of which some hold personal data; the example's policy as it stands. */
function tags() {
  const next = randomOf(6);
  const facts = { "nb:Logical_Switch": [], "nb:Logical_Switch.ports": [], "nb:Logical_Switch_Port": [] };
  const ids = [];
  const chosen = ["web", "app", "pii", "pii,web", "db"];
  for (let s = 0; s < 5000; s++) {
    facts["nb:Logical_Switch"].push([`switch-${s}`, `s${s}`]);
    for (let p = 0; p < 20; p++) {
      const port = `port-${s}-${p}`;
      facts["nb:Logical_Switch.ports"].push([`switch-${s}`, port]);
      facts["nb:Logical_Switch_Port"].push([port, `p${s}-${p}`]);
      ids.push([port, "tags", chosen[s % 3 === 0 ? next(5) : next(2)]]);
    }
  }
  facts["nb:Logical_Switch_Port.external_ids"] = ids;
  const columns = {
    "nb:Logical_Switch.ports": ["_uuid", "value"],
    "nb:Logical_Switch_Port.external_ids": ["_uuid", "key", "value"],
  };
  const relations = Object.keys(facts).map((name) => ({
    name,
    columns: (columns[name] ?? ["_uuid", "name"]).map((column) => ({ name: column, type: "string" })),
  }));
  return { text: readFileSync(new URL("../examples/three-tier/policies/pii.dl", import.meta.url), "utf8"), facts, relations };
}

/** A closure by joining it with itself, and two tables that need each other: no WITH RECURSIVE says these. */
function mutual() {
  const next = randomOf(7);
  const e = [...new Set(Array.from({ length: 320 }, () => `${next(200)} ${next(200)}`))].map((edge) =>
    edge.split(" ").map(Number),
  );
  const text = `input e(a: int, b: int)
tc(x, y) :- e(x, y)
tc(x, z) :- tc(x, y), tc(y, z)
even(x, y) :- e(x, z), odd(z, y)
odd(x, y) :- e(x, y)
odd(x, y) :- e(x, z), even(z, y)`;
  return { text, facts: { e } };
}

/** Each program with the input of which rows are changed. */
const ALL = {
  policy: { make: () => policy(300_000), changed: "stat" },
  tags: { make: tags, changed: "nb:Logical_Switch_Port.external_ids" },
  closure: { make: PROGRAMS.random, changed: "e" },
  "same-generation": { make: PROGRAMS["same-generation"], changed: "par" },
  network: { make: PROGRAMS.network, changed: "link" },
  mutual: { make: mutual, changed: "e" },
};

const args = process.argv.slice(2);
const showsSql = args.includes("--sql");
const names = args.filter((arg) => arg !== "--sql");
const unknown = names.find((name) => !Object.hasOwn(ALL, name));
if (unknown !== undefined) throw new Error(`There is no program "${unknown}"; there are: ${Object.keys(ALL).join(", ")}`);
const bin = findPostgres();
if (bin === undefined) console.log("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
else await compareAll(names.length === 0 ? Object.keys(ALL) : names);

async function compareAll(programs) {
  const settings = {
    shared_buffers: "512MB",
    work_mem: "256MB",
    max_parallel_workers_per_gather: 0,
    jit: "off",
    autovacuum: "off",
  };
  const postgres = await startPostgres(bin, settings);
  try {
    console.log("program            derived rows   Tenet s   PostgreSQL s   one row: Tenet ms   PostgreSQL ms   answers");
    for (const name of programs) console.log(compareOne(postgres, name));
  } finally {
    await postgres.close();
  }
}

function compareOne(postgres, name) {
  const { make, changed } = ALL[name];
  const { text, facts, relations = [] } = make();
  const program = compile([{ name: `${name}.dl`, text }], { relations });
  const engine = new Engine(program, { maxTuples: 50_000_000 });
  const seconds = runEngine(engine, facts);
  postgres.run("drop schema public cascade; create schema public;");
  const inputTypes = new Map(Object.entries(facts).map(([relation, tuples]) => [relation, tuples[0].map(sqlTypeOf)]));
  for (const [relation, types] of inputTypes) postgres.load(tableName(relation), types, facts[relation]);
  const statements = programToSql(program, inputTypes);
  if (showsSql) console.log(statements.join("\n\n"));
  const theirSeconds = runPostgres(postgres, statements);
  const derived = engine.relations().filter(({ kind }) => kind === "derived");
  let nRows = 0;
  for (const { name: relation, columns } of derived) nRows += requireEqual(postgres, engine, relation, columns.length);
  const changes = changeOneRow(engine, changed, facts[changed]);
  const cells = [
    nRows.toLocaleString("en-US"),
    seconds.toFixed(2),
    theirSeconds.toFixed(2),
    changes.toFixed(changes < 10 ? 3 : 0),
    (theirSeconds * 1000).toFixed(0),
  ];
  const widths = [12, 9, 14, 19, 15];
  return `${name.padEnd(18)} ${cells.map((cell, i) => cell.padStart(widths[i])).join(" ")}   equal`;
}

/** Rows go in first; the clock is for the rules. */
function runEngine(engine, facts) {
  const transaction = engine.begin();
  for (const [relation, tuples] of Object.entries(facts))
    transaction.apply(tuples.map((tuple) => ({ relation, tuple, weight: 1 })));
  const start = performance.now();
  transaction.commit();
  return (performance.now() - start) / 1000;
}

function runPostgres(postgres, statements) {
  const clock = "select extract(epoch from clock_timestamp());";
  const printed = postgres.run(`${clock}\n${statements.join("\n")}\n${clock}`).filter((line) => line !== "");
  return Number(printed.at(-1)) - Number(printed[0]);
}

/** All rows of both, as JSON. */
function requireEqual(postgres, engine, relation, nColumns) {
  const list = Array.from({ length: nColumns }, (_, i) => `c${i}`).join(", ");
  const theirs = postgres
    .run(`select json_build_array(${list}) from ${tableName(relation)};`)
    .map((line) => JSON.stringify(JSON.parse(line)));
  const ours = engine.rows(relation).map((row) => JSON.stringify(row));
  const rest = new Set(ours);
  const extra = theirs.find((row) => !rest.delete(row));
  if (extra === undefined && rest.size === 0) return ours.length;
  const [missing] = rest;
  throw new Error(`${relation} differs: PostgreSQL has ${theirs.length} rows, Tenet ${ours.length}; e.g. ${extra ?? missing}`);
}

/** Takes rows of an input out and puts them in again; median time of a transaction in milliseconds. */
function changeOneRow(engine, relation, tuples) {
  const next = randomOf(8);
  const times = [];
  for (let i = 0; i < N_CHANGES; i++) {
    const tuple = tuples[next(tuples.length)];
    for (const weight of [-1, 1]) {
      const start = performance.now();
      engine.transact([{ relation, tuple, weight }]);
      times.push(performance.now() - start);
    }
  }
  return median(times);
}
