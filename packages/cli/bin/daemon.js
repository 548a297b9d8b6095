/** Loads the database server: all in one file, which starts twice as fast, or its modules when they are newer. */
import { existsSync, statSync } from "node:fs";

const BUNDLE = new URL("../dist/ovsdb-server/bundle.js", import.meta.url);
const PARTS = ["kit", "linux", "ovsdb", "cli"].map((name) => new URL(`../../${name}/dist/.tsbuildinfo`, import.meta.url));

/** The module with `main`. */
export function loadDaemon() {
  return isFresh() ? import(BUNDLE.href) : import("../dist/ovsdb-server/main.js");
}

function isFresh() {
  if (!existsSync(BUNDLE)) return false;
  const madeAt = statSync(BUNDLE).mtimeMs;
  return PARTS.every((part) => (statSync(part, { throwIfNoEntry: false })?.mtimeMs ?? 0) <= madeAt);
}
