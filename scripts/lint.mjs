/**
 * Judges the code without running it: mistakes, format, package order, things that nobody uses.
 *
 * The first class that fails ends the run with what it found and what to do. Needs the packages built (`npm run build`).
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { checkSources } from "./lint/check-sources.mjs";

/** More findings than this help nobody. */
const MAX_LINES = 60;

const CLASSES = [
  {
    name: "types of the tests",
    judge: () => tool("typescript/bin/tsc", "-p", "tsconfig.tests.json"),
    mend: "mend the types; the sources themselves are checked by the build",
  },
  {
    name: "mistakes",
    judge: () => tool("oxlint/bin/oxlint", "--format=unix", "--type-aware", "--tsconfig=tsconfig.base.json"),
    mend: "mend each line; `npx oxlint --fix` does the simple ones",
  },
  {
    name: "format",
    judge: () => tool("@biomejs/biome/bin/biome", "format", "--reporter=summary", "."),
    mend: "run `npm run format`",
  },
  {
    name: "order of packages, in sources and manifests",
    judge: () => checkSources(".").join("\n"),
    mend: "move the code down to the package that both sides may import, or pass it in as a parameter",
  },
  {
    name: "order of packages, cycles, in the built code",
    judge: () =>
      tool(
        "dependency-cruiser/bin/dependency-cruise.mjs",
        "--config=.dependency-cruiser.mjs",
        "--output-type=err",
        ...builtFiles(),
      ),
    mend: "break the import named; after a change run `npm run build` first",
  },
  {
    name: "unused files, exports, dependencies",
    judge: () => tool("knip/bin/knip.js", "--no-config-hints"),
    mend: "remove what is unused; what users need stays when a package's index exports it",
  },
];

for (const { name, judge, mend } of CLASSES) {
  const start = performance.now();
  const findings = judge();
  const verdict = findings === "" ? "ok  " : "FAIL";
  console.log(`${verdict}  ${name.padEnd(46)} ${((performance.now() - start) / 1000).toFixed(1).padStart(5)} s`);
  if (findings === "") continue;
  const lines = findings.trim().split("\n");
  const shown = lines.slice(0, MAX_LINES).join("\n");
  const more = lines.length > MAX_LINES ? `\n... and ${lines.length - MAX_LINES} more lines` : "";
  console.log(`\n${shown}${more}\n\nWhat to do: ${mend}`);
  process.exit(1);
}

/** Runs a tool of node_modules; returns "" when it is content, else all that it printed. */
function tool(path, ...args) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [`node_modules/${path}`, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw error;
  return status === 0 ? "" : `${stdout}${stderr}`.trim() || `${path} ended with ${status}`;
}

/** The built file of every source: what the compiler left behind from deleted sources is not judged. */
function builtFiles() {
  return readdirSync("packages").flatMap((name) => {
    if (!existsSync(`packages/${name}/dist/index.js`)) return [];
    const built = readdirSync(`packages/${name}/src`, { recursive: true })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `packages/${name}/dist/${file.replace(/\.ts$/, ".js")}`);
    const missing = built.find((file) => !existsSync(file));
    if (missing !== undefined) throw new Error(`Cannot lint: "${missing}" is not built; run "npm run build" first`);
    return built;
  });
}
