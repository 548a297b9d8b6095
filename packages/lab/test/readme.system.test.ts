import { readFileSync } from "node:fs";
import { silentLogger } from "@tenet/kit";
import * as lab from "@tenet/lab";
import { expect, test } from "vitest";
import { startStack } from "./support/stack.ts";

const root = new URL("../../../", import.meta.url).pathname;

test("the README's example runs and prints what its comment says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\} from "@tenet\/lab";/.exec(example)?.[1] ?? "";
  const body = example.replace(/import [^;]*;\n/, "").replace("examples/", `${root}examples/`);
  const printed: unknown[][] = [];
  const given = "nb, vswitch, openLink, log, signal";
  const run = new Function(
    "lab",
    "given",
    "console",
    `const {${imports}} = lab, {${given}} = given;\nreturn (async () => {${body}})();`,
  );
  const stack = await startStack({ datapathType: "dummy" });
  try {
    const { nb, vswitch, openLink } = stack;
    const { signal } = new AbortController();
    const console = { log: (...values: unknown[]) => printed.push(values) };
    await run(lab, { nb, vswitch, openLink, log: silentLogger, signal }, console);
  } finally {
    await stack[Symbol.asyncDispose]();
  }
  expect(printed[0]?.[0]).toMatch(/^from \\ to +web1 +web2 +app1 /);
  expect(printed[1]).toEqual(["Logical_Switch prod", []]);
});
