/** Sets everything up, then starts Tenet. */
import { spawn } from "node:child_process";
import "./setup.mjs";

const child = spawn(
  process.execPath,
  ["packages/cli/bin/tenet.js", "up", "examples/three-tier/policies", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
