/** Installs what the lock file names when it is not there yet, and builds what changed. */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const installed = "node_modules/.package-lock.json";
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync("package-lock.json").mtimeMs) {
  run("npm", ["ci", "--no-audit", "--no-fund"], "installing packages");
}
run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"], "building");
run("npm", ["run", "--silent", "build", "-w", "@tenet/console"], "building the console");

function run(command, args, what) {
  process.stderr.write(`tenet: ${what} ...\n`);
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    process.stderr.write(`tenet: ${what} failed${error === undefined ? "" : `: ${error.message}`}\n`);
    process.exit(1);
  }
}
