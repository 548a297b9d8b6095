import { readFileSync } from "node:fs";
import { Scope, silentLogger } from "@tenet/kit";
import * as ovsdb from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/fixtures.ts";

type Run = (given: object, folder: string, log: object, signal: AbortSignal, console: object) => Promise<void>;

test("the README's example runs and prints what it says", async () => {
  await using scope = new Scope();
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\} from "@tenet\/ovsdb";/.exec(example)?.[1] ?? "";
  const body = example.replace(/import [^;]*;\n/, "");
  const printed: string[] = [];
  const code = `const {${imports}} = given; return (async () => {${body}})();`;
  const run = new Function("given", "folder", "log", "signal", "console", code) as Run;
  await run(ovsdb, temporaryFolder(scope), silentLogger, scope.signal, {
    log: (...values: unknown[]) => printed.push(values.join(" ")),
  });
  expect(printed).toEqual(["changed: 2", "sw0 me first switch", "policy violation: not this name"]);
});
