/**
 * The same programs on a relational database: generated rules, compiled to SQL, give the same rows there, after a load and after each
 * transaction. Needs Debian's postgresql; a server of our own is started and removed.
 */
import { type Change, compile, Engine, type Program, ProgramError } from "@tenet/datalog";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findPostgres, type Postgres, startPostgres } from "../../../bench/support/postgres-server.mjs";
import { programToSql, tableName } from "../../../bench/support/rules-to-sql.mjs";
import { applyTo, type Generated, Generator, INPUTS } from "./generate.ts";
import { sourcesOf } from "./generated-sources.ts";
import type { Db } from "./naive.ts";

const N_PROGRAMS = 100 * inject("effort");
const N_TRANSACTIONS = 1;
/** Programs that go to the server in one script. */
const N_PER_SCRIPT = 25;

const postgres = findPostgres();
let server: Postgres | undefined;

beforeAll(async () => {
  // Compiling a plan takes longer than running it on a few rows.
  if (postgres !== undefined) server = await startPostgres(postgres, { jit: "off" });
}, 60_000);

afterAll(() => server?.close());

/** A state of the engine, and the script that computes and prints the same one. */
interface Case {
  readonly text: string;
  readonly inputs: Db;
  readonly rows: readonly string[];
  readonly script: string;
}

test.skipIf(postgres === undefined)(
  "generated programs give the rows that PostgreSQL gives (skipped without Debian's postgresql)",
  { timeout: N_PROGRAMS * 6_000 },
  () => {
    const draws = fc.sample(fc.gen(), N_PROGRAMS * 2);
    const cases: Case[] = [];
    for (const g of draws) {
      if (cases.length < N_PROGRAMS * (N_TRANSACTIONS + 1)) cases.push(...casesOf(new Generator(g, { isRelational: true })));
    }
    expect(cases.length, "programs that are not refused").toBeGreaterThan(N_PROGRAMS);
    expect(cases.filter(({ rows }) => rows.length > 10).length, "states with rows").toBeGreaterThan(cases.length / 4);
    for (let from = 0; from < cases.length; from += N_PER_SCRIPT) {
      const batch = cases.slice(from, from + N_PER_SCRIPT);
      const shown = server?.run(batch.map(({ script }) => script).join("\n")) ?? [];
      const starts = shown.flatMap((line, at) => (line === "state" ? [at] : []));
      expect(starts).toHaveLength(batch.length);
      for (const [i, { text, inputs, rows }] of batch.entries()) {
        const found = shown.slice((starts[i] ?? 0) + 1, starts[i + 1]).sort();
        expect(found, `${text}\n${JSON.stringify([...inputs])}`).toEqual(rows);
      }
    }
  },
);

function casesOf(generator: Generator): Case[] {
  const generated = generator.program();
  const text = sourcesOf({ ...generated, hasModules: false }).sources[0]?.text ?? "";
  const program = compiled(text);
  if (program === undefined) return [];
  const engine = new Engine(program);
  let inputs: Db = new Map([...INPUTS.keys()].map((name) => [name, []]));
  return Array.from({ length: N_TRANSACTIONS + 1 }, (_, i): Case => {
    const changes: Change[] = i === 0 ? [...generator.changes(true), ...generator.changes(true)] : generator.changes();
    engine.transact(changes);
    inputs = applyTo(inputs, changes);
    const script = scriptOf(program, generated, inputs);
    return {
      text,
      inputs,
      rows: derivedOf(generated)
        .flatMap((name) => printed(name, engine.rows(name)))
        .sort(),
      script,
    };
  });
}

function compiled(text: string): Program | undefined {
  try {
    return compile([{ name: "generated.dl", text }]);
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

function derivedOf({ levels }: Generated): string[] {
  return [...new Set(levels.flat().map(({ rel }) => rel))];
}

function printed(name: string, rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => [name, ...row].join("|"));
}

/** Computes a program, prints all rows of what it derives, and takes everything back. */
function scriptOf(program: Program, generated: Generated, inputs: Db): string {
  const types = new Map([...INPUTS].map(([name, arity]) => [name, Array.from({ length: arity }, () => "bigint")]));
  const tables = [...INPUTS].map(([name, arity]) => {
    const columns = Array.from({ length: arity }, (_, i) => `c${i} bigint`).join(", ");
    const rows = (inputs.get(name) ?? []).map((row) => `(${row.join(", ")})`);
    const insert = rows.length > 0 ? `insert into ${tableName(name)} values ${rows.join(", ")};` : "";
    return `create unlogged table ${tableName(name)} (${columns}); ${insert}`;
  });
  const selects = derivedOf(generated).map((name) => `select '${name}', * from ${tableName(name)};`);
  // Tables of a few rows are worth neither files that stay nor statistics.
  const derive = programToSql(program, types).map((statement) => statement.replaceAll(/\banalyze "[^;]*";/g, ""));
  const compute = [...tables, ...derive].map((statement) =>
    statement.replaceAll("create unlogged table", "create temporary table"),
  );
  return ["begin;", ...compute, "select 'state';", ...selects, "rollback;"].join("\n");
}
