import { createRequire } from "node:module";

/** The version of Tenet. */
export function tenetVersion(): string {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  return version;
}
