/** SWI-Prolog with tabling. CPU time is that of its process, all threads, with all facts consulted. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingProgram } from "../support/measure.mjs";

export const SWI_PROLOG = {
  title: "SWI-Prolog, tabling",
  whyMissing: () =>
    missingProgram("swipl") === undefined ? undefined : "not installed (Debian: apt-get install swi-prolog-nox)",
  batch,
};

async function batch({ facts, prolog }, isSummed) {
  const folder = mkdtempSync(join(tmpdir(), "tenet-prolog-"));
  try {
    const files = ["facts.pl", "program.pl"].map((name) => join(folder, name));
    writeFileSync(files[0], Object.entries(facts).map(clauses).join("\n"));
    writeFileSync(files[1], `${prolog.text}\n${main(prolog, isSummed)}\n`);
    const options = ["--stack-limit=8g", "--table-space=8g", "-g", "main", "-t", "halt"];
    const printed = execFileSync("swipl", [...options, ...files], { encoding: "utf8" });
    const [seconds, n, sum] = printed.trim().split(" ").map(Number);
    return { seconds, n, sum };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function clauses([relation, tuples]) {
  const term = (value) => (typeof value === "number" ? value : `'${value}'`);
  return tuples.map((tuple) => `${relation}(${tuple.map(term).join(", ")}).`).join("\n");
}

/** Derives everything, counts, and prints. */
function main({ make, count, sum }, isSummed) {
  const goals = [...make.map((goal) => `forall(${goal}, true)`), `aggregate_all(count, ${count}, Count)`];
  const [weight, goal] = sum;
  const summing = isSummed ? `aggregate_all(sum(${weight}), ${goal}, Sum)` : "Sum = 0";
  return `main :- statistics(process_cputime, T0), ${goals.join(", ")}, statistics(process_cputime, T1),
  T is T1 - T0, ${summing}, format("~w ~w ~w~n", [T, Count, Sum]).`;
}
