/**
 * Puts the database server into one file: reading a hundred and fifty modules takes node longer than all the rest of its start.
 *
 * packages/cli/bin/daemon.js takes the file while it is not older than the build.
 */
import { rolldown } from "rolldown";

const FOLDER = "packages/cli/dist/ovsdb-server";

const bundle = await rolldown({
  input: `${FOLDER}/main.js`,
  platform: "node",
  external: ["koffi", "pino"],
  // No module does anything by being loaded, so what is not used is left out.
  treeshake: { moduleSideEffects: false },
});
await bundle.write({ file: `${FOLDER}/bundle.js`, format: "esm", codeSplitting: false });
