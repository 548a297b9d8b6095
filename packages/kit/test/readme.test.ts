import { readFileSync } from "node:fs";
import * as kit from "@tenet/kit";
import { expect, test } from "vitest";

test("the README's example runs and prints what its comments say", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\}/.exec(example)?.[1] ?? "";
  const body = example.replace(/import [^;]*;\n/, "");
  const printed: string[] = [];
  new Function("kit", "console", `const {${imports}} = kit;\n${body}`)(kit, { log: (text: string) => printed.push(text) });
  const promised = body.split("\n").flatMap((line) => (line.startsWith("// ") ? line.slice(3) : []));
  expect(promised).toHaveLength(5);
  expect(printed.join("\n").split("\n")).toEqual(promised);
});
