/**
 * Runs benchmarks: `npm run bench [-- NAME ...] [--write] [--full]`. Needs a build; peers that are missing are said and skipped.
 * `--full` adds what takes minutes.
 *
 * Tenet and its peer take turns in one run, so a machine whose speed drifts treats both alike; what is printed are medians
 * and their ratios. With `--write` the tables in docs/benchmarks.md are replaced by what was measured.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { acl } from "./acl.mjs";
import { classifier } from "./classifier.mjs";
import { datalog } from "./datalog.mjs";
import { megaflows } from "./megaflows.mjs";
import { fastpath } from "./fastpath.mjs";
import { fastpathTunnels } from "./fastpath-tunnels.mjs";
import { firstPackets } from "./first-packets.mjs";
import { memory } from "./memory.mjs";
import { millionRules } from "./million-rules.mjs";
import { ovsdb } from "./ovsdb.mjs";
import { ovsdbEtcd } from "./ovsdb-etcd.mjs";
import { ovsdbStart } from "./ovsdb-start.mjs";
import { startUp } from "./start-up.mjs";
import { besidePeer, formatTable } from "./support/table.mjs";
import { switches } from "./switch.mjs";
import { switchSetup } from "./switch-setup.mjs";
import { upcallDelay } from "./upcall-delay.mjs";

const BENCHES = {
  "start-up": startUp,
  ovsdb,
  "ovsdb-etcd": ovsdbEtcd,
  "ovsdb-start": ovsdbStart,
  acl,
  classifier,
  megaflows,
  switch: switches,
  fastpath,
  "fastpath-tunnels": fastpathTunnels,
  "switch-setup": switchSetup,
  "upcall-delay": upcallDelay,
  "first-packets": firstPackets,
  "million-rules": millionRules,
  memory,
  datalog,
};
const DOCUMENT = "docs/benchmarks.md";

const names = process.argv.slice(2).filter((arg) => arg !== "--write" && arg !== "--full");
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
  const result = await BENCHES[name]();
  if (result.skipped !== undefined) console.log(`  skipped: ${result.skipped}`);
  else if ("rows" in result) show(besidePeer(name, result));
  else for await (const table of result) show(table);
}

/** Prints a table, and puts it into the document if that is wanted. */
function show(table) {
  const text = formatTable(table);
  console.log(`${text}\n`);
  if (process.argv.includes("--write")) writeTable(table.name, text);
}

function writeTable(name, table) {
  const text = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${DOCUMENT} has no place "${begin} ... ${end}"`);
  writeFileSync(DOCUMENT, `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`);
}
