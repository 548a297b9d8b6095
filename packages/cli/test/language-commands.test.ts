import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { check } from "../src/commands/check.ts";
import { fmt } from "../src/commands/fmt.ts";
import { test as runTests } from "../src/commands/test.ts";
import { types, writeChanged } from "../src/commands/types.ts";

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

test("the rule files of this repository have the layout; npx tenet fmt packages examples gives it", () => {
  expect(fmt(["packages", "examples"], true).changed).toEqual([]);
});

test("fmt writes nothing when one file has an error", () => {
  const good = write("a.dl", "p( 1 )");
  write("b.dl", "p( 1");
  expect(() => fmt([folder], false)).toThrow("b.dl:1:5: unexpected end of file");
  expect(readFileSync(good, "utf8")).toBe("p( 1 )");
});

const TESTED = `lost(p) :- nb:Logical_Switch_Port(_uuid=p), not nb:Logical_Switch.ports(_, p)
named(p) :- nb:Logical_Switch_Port(_uuid=p, name="x")
test "a port of no switch is lost" {
  nb:Logical_Switch_Port(_uuid="p1", name="web")
  nb:Logical_Switch_Port(_uuid="p2")
  nb:Logical_Switch.ports("s", "p2")
  expect lost("p1")
  expect not lost("p2")
}
`;

test("test runs the test blocks over tables of the databases, and tells which rules they reach", () => {
  const file = write("a.dl", TESTED);
  const { text, isSound } = runTests([folder], "text", true);
  expect(isSound).toBe(true);
  expect(text).toContain("ok    a port of no switch is lost\n");
  expect(text).toContain(`no test reaches ${file}:2: named(p) :- nb:Logical_Switch_Port(_uuid=p, name="x")`);
  expect(text).toContain("1 of 1 tests hold; they reach 1 of 2 rules\n");
});

test("a test that fails says where and why, and one that cannot run says what is wrong", () => {
  const file = write("a.dl", TESTED.replace('not lost("p2")', 'lost("p2")'));
  const failed = runTests([file], "text", false);
  expect(failed.isSound).toBe(false);
  expect(failed.text).toContain("FAIL  a port of no switch is lost\n");
  expect(failed.text).toContain(`${file}:8:10: expect lost("p2")\n`);
  expect(failed.text).toContain("0 of 1 tests hold");
  write("a.dl", TESTED.replace('expect lost("p1")', 'expect lots("p1")'));
  const broken = runTests([file], "json", false);
  expect(broken.isSound).toBe(false);
  expect((JSON.parse(broken.text) as { errors: string[] }).errors[0]).toContain("a.dl:7:10");
});

test("a file that others import is judged as a part of them", () => {
  mkdirSync(join(folder, "lib"));
  write("lib/net.dl", "module net\nlost(p) :- nb:Logical_Switch_Port(_uuid=p), not nb:Logical_Switch.ports(_, p)\n");
  write("lib/shared.dl", "twice(x, 2 * x) :- mine(x)\n");
  write("a.dl", 'import "lib/net.dl"\nimport "lib/shared.dl"\nerror(p) :- net:lost(p)\nmine(1)\nfour(y) :- twice(_, y)\n');
  expect(check([folder], "text", true).text).toBe("3 files: no errors, no warnings\n");
  write("b.dl", 'import "lib/none.dl"\n');
  expect(check([folder], "text", true).text).toContain("b.dl:1:1: error: imported file");
});

test("the rule files of northd and the controller are programs of their own, without a false error", () => {
  expect(check(["packages/ovn/rules"], "text", true).text).toBe("3 files: no errors, no warnings\n");
  expect(check(["packages/ovn/rules/switch-pipeline.dl"], "text", true).isSound).toBe(true);
});

test("a file with a program line is a program beside the policies of its folder", () => {
  write("a.dl", "shared(1)\n");
  const own = write("own.dl", 'program own\nimport "part.dl"\nfunction twice(n)\nto_nb:ACL(twice(n)) :- part(n)\n');
  write("part.dl", "part(1)\n");
  expect(check([folder], "text", true).text).toBe("3 files: no errors, no warnings\n");
  writeFileSync(own, "program own\nt(n) :- a:shared(n), match_overlaps(n, n)\n");
  const { text } = check([folder], "text", true);
  expect(text).toContain('own.dl:2:9: error: unknown table "a:shared"');
  expect(text).toContain('own.dl:2:22: error: unknown table "match_overlaps"');
});

test("types writes TypeScript for the tables that the files of a program name", () => {
  write("lib.dl", "// Who is up.\ninput host(name: string, up: bool)\n");
  const file = write("p.dl", 'program p\nimport "lib.dl"\nlost(s) :- nb:Logical_Switch(_uuid=s), not host(s, true)\n');
  const text = types([file], false);
  expect(text).toContain("Who is up.\n */\nexport interface Host {\n  readonly name: string;\n  readonly up: boolean;\n}");
  expect(text.match(/export interface \w+/g)).toEqual(
    ["NbLogicalSwitch", "Host", "Lost", "Relations"].map((name) => `export interface ${name}`),
  );
  write("n.dl", "program n\ninput count(n: int)\n");
  expect(types([join(folder, "n.dl")], true)).toContain("readonly n: number | bigint;");
  const out = join(folder, "p.types.ts");
  expect([writeChanged(out, text), writeChanged(out, text)]).toEqual([true, false]);
  expect(readFileSync(out, "utf8")).toBe(text);
});

test("types of files with errors are the errors, and several programs have no one file of types", () => {
  const file = write("p.dl", "program p\nlost(s) :- nb:Logical_Swich(_uuid=s)\n");
  expect(() => types([file], false)).toThrow(
    /p\.dl:2:12: error: unknown table "nb:Logical_Swich"[^]*did you mean "nb:Logical_Switch"/,
  );
  write("q.dl", "program q\nt(1)\n");
  expect(() => types([folder], false)).toThrow("the files make several programs");
});
