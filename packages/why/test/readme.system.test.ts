/** The README's example, run on a small cloud. */
import { readFileSync } from "node:fs";
import * as tenetWhy from "@tenet/why";
import { expect, test } from "vitest";
import { has, LiveCloud } from "./live-cloud.ts";

type Run = (given: object, runDir: string, signal: AbortSignal, console: object) => Promise<void>;

const canRun = has("ovn-nbctl");
if (!canRun) console.log("readme.system.test.ts: skipped, needs ovn-nbctl");

test.skipIf(!canRun)("the README's example runs and prints what it says", async () => {
  await using cloud = await LiveCloud.start();
  await cloud.plug("web1", "db1");
  await cloud.nbctl("ls-add", "prod", "--", "lsp-add", "prod", "web1", "--", "lsp-add", "prod", "db1");
  await cloud.nbctl("lsp-set-addresses", "web1", "0a:00:00:00:00:01 10.0.0.1");
  await cloud.nbctl("lsp-set-addresses", "db1", "0a:00:00:00:00:02 10.0.0.2");
  await cloud.nbctl("acl-add", "prod", "to-lport", "1001", 'outport == "db1" && tcp', "drop");

  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const imports = /import \{([^}]*)\} from "@tenet\/why";/.exec(example)?.[1] ?? "";
  const body = example
    .replace(/import [^;]*;\n/, "")
    // Node 20 reads no `await using`; the example's resource is disposed of below instead.
    .replace("await using sources =", "const sources = opened.sources =");
  const printed: string[] = [];
  const opened: { sources?: AsyncDisposable } = {};
  const code = `const {${imports}, opened} = given; return (async () => {${body}})();`;
  const run = new Function("given", "runDir", "signal", "console", code) as Run;
  const log = (...values: unknown[]): number => printed.push(values.join(" "));
  await run({ ...tenetWhy, opened }, cloud.dir, new AbortController().signal, { log });
  await opened.sources?.[Symbol.asyncDispose]();

  const said = /\/\/ (dropped .*)/.exec(example)?.[1];
  expect(printed[0]).toBe(said);
  expect(printed[1]).toMatch(/^DROPPED {2}web1 -> db1 tcp 5432\nweb1 cannot reach db1 on tcp 5432: ACL /);
});
