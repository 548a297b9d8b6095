import { readFile } from "node:fs/promises";
import { Database, OVN_NORTHBOUND } from "@tenet/ovsdb";
import { PolicyService } from "@tenet/policy";
import { expect, test } from "vitest";

type Run = (given: object, log: (...values: unknown[]) => void) => Promise<void>;

test("the example of the README does what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const code =
    /```ts\n([\s\S]*?)```/
      .exec(readme)?.[1]
      ?.replace(/^import .*$/gm, "")
      .replaceAll("console.log", "log") ?? "";
  const names = ["Database", "OVN_NORTHBOUND", "PolicyService"];
  const run = new Function("given", "log", `const { ${names.join(", ")} } = given; return (async () => {${code}})();`) as Run;
  const printed: unknown[] = [];
  await run({ Database, OVN_NORTHBOUND, PolicyService }, (...values) => printed.push(...values));
  expect(printed[0]).toMatchObject({
    error: "policy violation",
    details: expect.stringMatching(/^policy 'names' \(rule names\.dl:2\) forbids it: /),
  });
  expect(printed.slice(1)).toEqual([[], [{ name: "names", file: "names.dl", nRules: 1, status: "ok" }]]);
});
