import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as net from "@tenet/net";

test("the README's example runs and prints what its comment says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\} from "@tenet\/net";/.exec(example)?.[1] ?? "";
  const body = example.replace(/import [^;]*;\n/, "");
  const printed: unknown[] = [];
  const run = new Function("net", "console", `const {${imports}} = net;\n${body}`);
  run(net, { log: (...values: unknown[]) => printed.push(values.join(" ")) });
  expect(printed).toEqual(["10.0.0.2 53"]);
});
