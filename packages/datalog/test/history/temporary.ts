/** Files for the tests of histories. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, type Engine, formatValue, type Program, type Tuple } from "@tenet/datalog";

/** Calls `run` with the name of a file in a folder that is removed afterwards. */
export function withFile<R>(run: (file: string) => R): R {
  const folder = mkdtempSync(join(tmpdir(), "tenet-history-"));
  try {
    return run(join(folder, "deltas"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A program of one source. */
export function programOf(text: string): Program {
  return compile([{ name: "test.dl", text }]);
}

/** Rows, each as text that tells an address from a string, in an order that does not depend on the engine. */
export function sorted(rows: readonly Tuple[]): string[] {
  return rows.map((row) => `[${row.map(formatValue).join(",")}]`).sort();
}

/** All rows of an engine. */
export function stateOf(engine: Engine): Record<string, string[]> {
  return Object.fromEntries(engine.relations().map(({ name }) => [name, sorted(engine.rows(name))]));
}
