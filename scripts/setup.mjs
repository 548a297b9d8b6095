/** Installs what the lock file names when it is not there yet, and builds when a source has changed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const INSTALLED = "node_modules/.package-lock.json";
/** What the last build was made from. */
const BUILT = "node_modules/.tenet-built";
const OUTPUTS = ["packages/cli/dist/bundle/tenet.js", "packages/console/dist/index.html"];

if (!existsSync(INSTALLED) || statSync(INSTALLED).mtimeMs < statSync("package-lock.json").mtimeMs) {
  run("npm", ["ci", "--no-audit", "--no-fund"], "installing packages");
}
const sources = fingerprint();
if (!OUTPUTS.every(existsSync) || !existsSync(BUILT) || readFileSync(BUILT, "utf8") !== sources) {
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"], "building");
  run(process.execPath, ["scripts/bundle.mjs"], "bundling the command");
  run("npm", ["run", "--silent", "build", "-w", "@tenet/console"], "building the console");
  writeFileSync(BUILT, sources);
}

/** Path, time and size of every file that the build reads. */
function fingerprint() {
  const lines = ["package-lock.json", "tsconfig.base.json", "scripts/bundle.mjs"].map(describe);
  for (const name of readdirSync("packages")) {
    for (const entry of readdirSync(join("packages", name), { withFileTypes: true })) {
      const path = join("packages", name, entry.name);
      if (entry.isFile() && entry.name !== "README.md") lines.push(describe(path));
      if (!entry.isDirectory() || !["src", "public"].includes(entry.name)) continue;
      for (const file of readdirSync(path, { recursive: true })) lines.push(describe(join(path, file)));
    }
  }
  return lines.sort().join("\n");
}

function describe(path) {
  const { mtimeMs, size } = statSync(path);
  return `${path} ${mtimeMs} ${size}`;
}

function run(command, args, what) {
  process.stderr.write(`tenet: ${what} ...\n`);
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    process.stderr.write(`tenet: ${what} failed${error === undefined ? "" : `: ${error.message}`}\n`);
    process.exit(1);
  }
}
