/**
 * Puts what the `tenet` command runs into a few files, parted where commands load what they need: reading the hundreds of modules of the
 * build takes node longer than most commands work.
 */
import { rmSync } from "node:fs";
import { rolldown } from "rolldown";

const DIST = "packages/cli/dist";

const bundle = await rolldown({
  input: {
    tenet: `${DIST}/main.js`,
    "ovsdb-server": `${DIST}/ovsdb-server/main.js`,
    vswitchd: `${DIST}/vswitchd/main.js`,
    dpctl: `${DIST}/dpctl/main.js`,
    "switch-worker": `${DIST}/up/switch-worker.js`,
  },
  platform: "node",
  external: ["koffi", "pino"],
  // Our modules do nothing by being loaded, so what is not used is left out.
  treeshake: { moduleSideEffects: (id) => !/packages\/[\w-]+\/dist\//.test(id) },
});
rmSync(`${DIST}/bundle`, { recursive: true, force: true });
await bundle.write({ dir: `${DIST}/bundle`, format: "esm" });
