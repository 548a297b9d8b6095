/** What the server says it is. */
import { createRequire } from "node:module";

/** Scripts look for the number of the Open vSwitch that it stands in for. */
export const VERSION_LINE = "ovsdb-server (Open vSwitch) 3.1.0";

/** The version of Tenet. */
export function tenetVersion(): string {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  return version;
}
