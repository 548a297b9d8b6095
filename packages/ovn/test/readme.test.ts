import { readFileSync } from "node:fs";
import { Northd } from "@tenet/ovn";
import { expect, test } from "vitest";

test("the README's example runs and prints what its comment says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const body = example.replace(/^import [^;]*;\n/, "");
  const printed: string[] = [];
  const run = new Function("Northd", "console", body);
  run(Northd, { log: (...values: unknown[]) => printed.push(values.join(" ")) });
  expect(printed).toEqual(['ingress 25 outport = "web"; output;']);
});
