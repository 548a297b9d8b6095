/**
 * Writes the TypeScript of the schemas that `@tenet/ovsdb` carries, as `tenet db types` does for other schemas.
 *
 * To be run after a change of a schema or of that command; a test holds the files against it. Needs the packages built.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND } from "@tenet/ovsdb";
import { libraryTypes } from "../packages/cli/dist/db/schema-types.js";

const FOLDER = "packages/ovsdb/src/schemas/types";

for (const [name, schema] of Object.entries({
  "open-vswitch": OPEN_VSWITCH,
  "ovn-northbound": OVN_NORTHBOUND,
  "ovn-southbound": OVN_SOUTHBOUND,
})) {
  writeFileSync(`${FOLDER}/${name}.ts`, libraryTypes(schema));
}
spawnSync(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "format", "--write", FOLDER], { stdio: "inherit" });
