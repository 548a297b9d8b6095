/** The rule files of this package. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { SourceText } from "@tenet/datalog";

const PACKAGE = dirname(createRequire(import.meta.url).resolve("@tenet/ovn/package.json"));

/** The text of a file in `rules/`, with its name. */
export function readRules(name: string): SourceText {
  return { name, text: readFileSync(join(PACKAGE, "rules", name), "utf8") };
}
