/** Loads the database server: all in one file, which starts twice as fast, or its modules when they are newer. */
import { statSync } from "node:fs";
import { join } from "node:path";

const PACKAGES = join(import.meta.dirname, "../..");
const PARTS = ["kit", "linux", "ovsdb", "cli"].map((name) => join(PACKAGES, name, "dist/.tsbuildinfo"));

/** The module with `main`. */
export function loadDaemon() {
  return isFresh() ? import("../dist/ovsdb-server/bundle.js") : import("../dist/ovsdb-server/main.js");
}

function isFresh() {
  const madeAt = timeOf(join(PACKAGES, "cli/dist/ovsdb-server/bundle.js"));
  return madeAt > 0 && PARTS.every((part) => timeOf(part) <= madeAt);
}

/** When a file was written; 0 when there is none. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
