import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { check } from "../src/commands/check.ts";
import { fmt } from "../src/commands/fmt.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tenet-language-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test("check knows the tables of the databases and the functions of policies", () => {
  const { text, isSound } = check(["examples"], "text", true);
  expect(text).toBe("2 files: no errors, no warnings\n");
  expect(isSound).toBe(true);
});

test("check fails on errors, and on warnings when it is strict", () => {
  const file = write("a.dl", "p(s) :- nb:Logical_Switch(_uuid=s, name=n)");
  expect(check([file], "text", false).isSound).toBe(true);
  const strict = check([file], "text", true);
  expect(strict.isSound).toBe(false);
  expect(strict.text).toContain('a.dl:1:41: warning: variable "n" is used once');
  expect(strict.text).toContain("1 file: no errors, 1 warning\n");
  write("b.dl", "p(s) :- nb:Logical_Swich(_uuid=s)");
  const faulty = check([folder], "json", false);
  expect(faulty.isSound).toBe(false);
  const { files, diagnostics } = JSON.parse(faulty.text) as { files: string[]; diagnostics: object[] };
  expect(files).toHaveLength(2);
  expect(diagnostics[1]).toMatchObject({ line: 1, column: 9, severity: "error", hint: 'did you mean "nb:Logical_Switch"?' });
});

test("fmt writes what has another layout, also behind a link, and --check only looks", () => {
  const file = write("a.dl", "p(1);q( 2 )");
  write("b.dl", "p(1)\n");
  symlinkSync(file, join(folder, "c.dl"));
  expect(fmt([folder], true)).toEqual({ changed: [file, join(folder, "c.dl")], nFiles: 3 });
  expect(readFileSync(file, "utf8")).toBe("p(1);q( 2 )");
  fmt([join(folder, "c.dl")], false);
  expect(readFileSync(file, "utf8")).toBe("p(1)\nq(2)\n");
  expect(lstatSync(join(folder, "c.dl")).isSymbolicLink()).toBe(true);
  expect(fmt([folder], true).changed).toEqual([]);
});

test("fmt writes nothing when one file has an error", () => {
  const good = write("a.dl", "p( 1 )");
  write("b.dl", "p( 1");
  expect(() => fmt([folder], false)).toThrow("b.dl:1:5: unexpected end of file");
  expect(readFileSync(good, "utf8")).toBe("p( 1 )");
});
