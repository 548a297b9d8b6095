import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UserDatapath } from "@tenet/datapath";
import { FIELDS, makeFlowKey } from "@tenet/net";

test("the README's example runs and prints what its comments say", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  // `await using` is newer than the oldest supported runtime; the test disposes by hand.
  const body = example.replace(/import [^;]*;\n/g, "").replace("await using", "const");
  const printed: string[] = [];
  const log = (...values: unknown[]): number => printed.push(values.join(" "));
  const run = new Function("UserDatapath", "FIELDS", "makeFlowKey", "console", `${body}\nreturn datapath;`);
  const datapath: UserDatapath = run(UserDatapath, FIELDS, makeFlowKey, { log });
  await datapath[Symbol.asyncDispose]();
  expect(printed).toEqual(["60 bytes arrived", "60 bytes arrived", "1 1"]);
});
