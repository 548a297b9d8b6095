import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import * as linux from "@tenet/linux";

const { canUseNamespaces, missing } = linux.probe();
if (!canUseNamespaces) console.log(`skipped: ${missing.join(", ")}`);

afterEach(() => {
  if (canUseNamespaces) linux.deleteLeftovers("demo-");
});

test.skipIf(!canUseNamespaces)("the README's example runs and prints what its comment says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\} from "@tenet\/linux";/.exec(example)?.[1] ?? "";
  const printed: unknown[] = [];
  const body = example.replace(/import [^;]*;\n/, "");
  const run = new Function("linux", "console", `const {${imports}} = linux;\nreturn (async () => {${body}})();`);
  await run(linux, { log: (...values: unknown[]) => printed.push(values.join(" ")) });
  expect(printed).toEqual(["reply"]);
});
