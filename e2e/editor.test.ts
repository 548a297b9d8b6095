/** The language server in a real editor: nvim, headless, with its own client for the protocol. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { isInstalled, run } from "./support/tenet.ts";

const TEXT = `// Switches that two ports use.
busy(switch)  :-  on(p, switch), on(q, switch), p != q
on(p, s) :- nb:Logical_Swich(_uuid=s, name=name), nb:Logical_Switch.ports(s, p), name != ""
pair(switch, other) :- busy(switch), busy(other), switch < other
`;

const hasEditor = isInstalled("nvim");
if (!hasEditor) console.log("skipped: nvim is not installed (apt-get install neovim)");

test.skipIf(!hasEditor)("nvim shows findings, hovers, jumps, renames, lays out, completes", () => {
  const folder = mkdtempSync(join(tmpdir(), "tenet-editor-"));
  const file = join(folder, "switches.dl");
  writeFileSync(file, TEXT);
  const { status, out } = run("nvim", ["--headless", "--clean", "-n", "-c", `luafile ${resolve("e2e/editor.lua")}`], {
    TENET_BIN: resolve("packages/cli/bin/tenet.js"),
    TENET_NODE: process.execPath,
    TENET_FILE: file,
  });
  rmSync(folder, { recursive: true });
  const said = new Map(
    out
      .split(/\r?\n/)
      .filter((line) => line.startsWith('{"'))
      .map((line) => JSON.parse(line) as { what: string; value: unknown })
      .map(({ what, value }) => [what, value] as const),
  );
  expect(said.get("timeout"), out).toBeUndefined();
  expect(status, out).toBe(0);
  expect(said.get("diagnostics")).toEqual([
    { line: 3, message: expect.stringContaining('did you mean "nb:Logical_Switch"?') as unknown },
  ]);
  expect(said.get("mended")).toEqual([]);
  expect(said.get("hover")).toContain("name: string");
  expect(said.get("definition")).toBe(2);
  expect(said.get("renamed")).toContain("pair(name, other) :- busy(name), busy(other), name < other");
  expect(said.get("formatted")).toContain("busy(switch) :- on(p, switch), on(q, switch), p != q");
  expect((said.get("completion") as string[])[0]).toBe("name");
});
