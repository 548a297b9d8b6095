/**
 * Runs benchmarks: `npm run bench [-- NAME ...] [--write]`. Needs a build; peers that are missing are said and skipped.
 *
 * Tenet and its peer take turns in one run, so a machine whose speed drifts treats both alike; what is printed are medians
 * and their ratios. With `--write` the tables in docs/benchmarks.md are replaced by what was measured.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { acl } from "./acl.mjs";
import { datalog } from "./datalog.mjs";
import { forwarding } from "./forwarding.mjs";
import { memory } from "./memory.mjs";
import { ovsdb } from "./ovsdb.mjs";
import { startUp } from "./start-up.mjs";

const BENCHES = { "start-up": startUp, ovsdb, acl, forwarding, memory, datalog };
const DOCUMENT = "docs/benchmarks.md";

const names = process.argv.slice(2).filter((arg) => arg !== "--write");
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}"; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}

console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}, load ${loadavg()[0]?.toFixed(1)}`,
);
for (const name of names.length === 0 ? Object.keys(BENCHES) : names) {
  console.log(`\n${name}`);
  const { skipped, peer, rows } = await BENCHES[name]();
  if (skipped !== undefined) {
    console.log(`  skipped: ${skipped}`);
    continue;
  }
  const table = formatTable(peer, rows);
  console.log(table);
  if (process.argv.includes("--write")) writeTable(name, table);
}

function formatTable(peer, rows) {
  const cells = rows.map(({ figure, unit, tenet, peer: theirs, better }) => [
    figure,
    unit,
    formatNumber(tenet),
    theirs === undefined ? "" : formatNumber(theirs),
    theirs === undefined ? "" : `${(tenet / theirs).toFixed(2)} (${better} is better)`,
  ]);
  const all = [["figure", "unit", "Tenet", peer, "Tenet / peer"], ...cells];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const isNumber = (i) => i === 2 || i === 3;
  const line = (row) =>
    `| ${row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => "-".repeat(width + 1) + (isNumber(i) ? ":" : "-")).join("|")}|`;
  return [line(all[0]), rule, ...all.slice(1).map(line)].join("\n");
}

/** Three digits that say something, thousands apart. */
function formatNumber(value) {
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 3 });
}

function writeTable(name, table) {
  const text = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${DOCUMENT} has no place "${begin} ... ${end}"`);
  writeFileSync(DOCUMENT, `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`);
}
