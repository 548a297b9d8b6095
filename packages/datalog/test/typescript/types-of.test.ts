/** The text that `typesOf` gives: read by people, and by the compiler. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { analyze, compile, type RelationDecl, RelationError, TYPES, typesOf } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const TEXT = `
// Links, as they are wired.
// Both ends are names.
input link(a: string, b: string, cost: int)
input at(a: string, address: ip)

/* What is reached,
 * and over how many links. */
output net:reach(from: string, to: string)   // no loops
net:reach(from=a, to=b) :- link(a, b, _)
half(a=x) :- link(x, _, _)

relation report(who: string, "why not": json)
ready :- link(_, _, _)
`.replace('"why not"', "why");

test("types read as the declarations do", () => {
  const sources = [{ name: "reach.dl", text: TEXT }];
  expect(typesOf(compile(sources), { sources })).toBe(`import type { Scalar, Table, Value } from "@tenet/datalog";

/**
 * A row of the input \`link\`.
 *
 * Links, as they are wired.
 * Both ends are names.
 */
export interface Link {
  readonly a: string;
  readonly b: string;
  readonly cost: number;
}

/** The relation \`link\`. */
export const link: Table<Link> = { relation: "link", columns: ["a", "b", "cost"] };

/** A row of the input \`at\`. */
export interface At {
  readonly a: string;
  readonly address: Scalar;
}

/** The relation \`at\`. */
export const at: Table<At> = { relation: "at", columns: ["a", "address"] };

/**
 * A row of the output \`net:reach\`.
 *
 * What is reached,
 * and over how many links.
 * no loops
 */
export interface NetReach {
  readonly from: string;
  readonly to: string;
}

/** The relation \`net:reach\`, derived. */
export const netReach: Table<NetReach> = { relation: "net:reach", columns: ["from", "to"] };

/** A row of the derived relation \`report\`. */
export interface Report {
  readonly who: string;
  readonly why: Value;
}

/** The relation \`report\`, derived. */
export const report: Table<Report> = { relation: "report", columns: ["who", "why"] };

/** A row of the derived relation \`half\`. */
export interface Half {
  readonly a: string;
}

/** The relation \`half\`, derived. */
export const half: Table<Half> = { relation: "half", columns: ["a"] };

/** A row of the derived relation \`ready\`. */
export type Ready = { readonly [column: string]: never };

/** The relation \`ready\`, derived. */
export const ready: Table<Ready> = { relation: "ready", columns: [] };

/** Rows by relation. */
export interface Relations {
  readonly "link": Link;
  readonly "at": At;
  readonly "net:reach": NetReach;
  readonly "report": Report;
  readonly "half": Half;
  readonly "ready": Ready;
}
`);
});

test("a column that a rule leaves out may be null; large integers when asked for", () => {
  const program = compile([{ name: "t.dl", text: "input a(x: int)\nrelation b(x: int, y: string)\nb(x=x) :- a(x)" }]);
  const text = typesOf(program, { hasLargeIntegers: true, module: "./rules.ts" });
  expect(text).toContain("readonly x: number | bigint;\n  readonly y: string | null;");
  expect(text).toContain('import type { Table } from "./rules.ts";');
});

test("derived columns have the types that all their rules give them, through tables in between", () => {
  const text = typesOf(
    compile([
      {
        name: "t.dl",
        text: `input link(a: string, b: string, cost: int, at: ip)
reach(a, b) :- link(a, b, _, _)
reach(a, c) :- reach(a, b), link(b, c, _, _)
fan(a, n) :- n = count { b : reach(a, b) }
mixed(x) :- link(x, _, _, _)
mixed(x) :- link(_, _, x, _)
left(a=x, b=null) :- link(x, _, _, _)
left(a=x, b=y) :- link(x, y, _, _)
passed(y) :- left(_, y)
joined(y) :- left(_, y), link(y, _, _, _)
counted(y, n) :- n = count { x : left(x, y) }
places(at) :- link(_, _, _, at)`,
      },
    ]),
  );
  const columnsOf = (type: string): string =>
    new RegExp(`interface ${type} \\{\n([^}]*)\\}`).exec(text)?.[1]?.replace(/\s+/g, " ").trim() ?? "";
  expect(columnsOf("Reach")).toBe("readonly a: string; readonly b: string;");
  expect(columnsOf("Fan")).toBe("readonly a: string; readonly n: number;");
  expect(columnsOf("Mixed")).toBe("readonly x: Value;");
  expect(columnsOf("Left")).toBe("readonly a: string; readonly b: string | null;");
  expect(columnsOf("Passed")).toBe("readonly y: string | null;");
  expect(columnsOf("Joined")).toBe("readonly y: string;");
  expect(columnsOf("Counted")).toBe("readonly y: string | null; readonly n: number;");
  expect(columnsOf("Places")).toBe("readonly at: Scalar;");
});

test("every type of the language has one of TypeScript; only json and any are any value", () => {
  const columns = TYPES.map((type) => ({ name: type, type }));
  const text = typesOf(compile([], { relations: [{ name: "t", columns }] }));
  const ofAnyValue = [...text.matchAll(/readonly (\w+): Value;/g)].map((match) => match[1]);
  expect(ofAnyValue).toEqual(["json", "any"]);
});

test("two columns of one name have no type", () => {
  const relations = [{ name: "t", columns: [{ name: "x" }, { name: "x" }] }];
  expect(() => typesOf(compile([], { relations }))).toThrow(RelationError);
});

test("the compiler accepts the types of our rule files, of random declarations, and the use of both", {
  timeout: 300_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "tenet-types-"));
  try {
    const files = ruleFiles();
    expect(files.length).toBeGreaterThan(3);
    for (const [i, file] of files.entries()) {
      const sources = [{ name: file, text: readFileSync(join(ROOT, file), "utf8") }];
      const { relations, program } = analyze(sources, { isImplicitInput: () => true });
      writeFileSync(join(folder, `file${i}.ts`), typesOf({ relations, rules: program?.rules ?? [] }, { sources }));
    }
    for (const [i, relations] of fc.sample(declarations, { numRuns: 150, seed: 7 }).entries()) {
      writeFileSync(join(folder, `random${i}.ts`), typesOf(compile([], { relations }), { hasLargeIntegers: i % 2 === 0 }));
    }
    writeFileSync(join(folder, "types.ts"), typesOf(compile([{ name: "reach.dl", text: TEXT }])));
    writeFileSync(join(folder, "use.ts"), USE);
    expect(compileFolder(folder)).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Rule files of this repository. */
function ruleFiles(): string[] {
  const folders = ["packages", "examples"];
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".dl") && !path.includes("node_modules"))
      .map((path) => join(folder, path)),
  );
}

const anyName = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((name) => !name.startsWith("$")),
  fc.constantFrom(
    "class",
    "Value",
    "Table",
    "Scalar",
    "Relations",
    "a_b",
    "aB",
    "AB",
    "a:b",
    "*/",
    "1x",
    "_",
    "__proto__",
    "constructor",
  ),
);
const column = fc.record({ name: anyName, type: fc.constantFrom(...TYPES) }, { requiredKeys: ["name"] });
const declarations: fc.Arbitrary<RelationDecl[]> = fc.uniqueArray(
  fc.record({
    name: anyName,
    columns: fc.uniqueArray(column, { selector: ({ name }) => name, maxLength: 5 }),
    role: fc.constantFrom<"input" | "relation" | "output">("input", "relation", "output"),
  }),
  { selector: ({ name }) => name, maxLength: 12 },
);

/** Lines that must not compile are marked; the compiler complains if they do. */
const USE = `
import { type Engine, relation } from "@tenet/datalog";
import { at, link, netReach, type Link, type Relations } from "./types.ts";

export function use(engine: Engine): string[] {
  const links = relation(engine, link);
  engine.transact([links.insert({ a: "x", b: "y", cost: 1 }), links.delete({ a: "x", b: "y", cost: 2 })]);
  engine.transact([relation(engine, at).insert({ a: "x", address: "10.0.0.1" })]);
  const addresses: string[] = relation(engine, at).rows().map(({ address }) => address.text);
  // @ts-expect-error: a column is missing
  links.insert({ a: "x", b: "y" });
  // @ts-expect-error: a column of another type
  links.insert({ a: "x", b: "y", cost: "1" });
  // @ts-expect-error: no such column
  links.find({ c: "x" });
  const costs: number[] = links.find({ a: "x" }).map((row) => row.cost);
  const byName = relation<Relations["net:reach"]>(engine, "net:reach");
  const stop = relation(engine, netReach).onDelta(({ inserted }) => inserted.map(({ from }) => from), { to: "y" });
  stop();
  const first: Link | undefined = links.rows()[0];
  return [...addresses, ...costs.map(String), ...byName.rows().map(({ to }) => to), first?.a ?? ""];
}
`;

/** What the compiler has to say. */
function compileFolder(folder: string): string {
  const options = {
    strict: true,
    noUnusedLocals: true,
    noEmit: true,
    isolatedDeclarations: true,
    declaration: true,
    erasableSyntaxOnly: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    target: "ES2022",
    lib: ["ES2023", "ESNext.Disposable"],
    module: "NodeNext",
    customConditions: ["source"],
    allowImportingTsExtensions: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    paths: { "@tenet/datalog": [join(ROOT, "packages/datalog/src/index.ts")] },
  };
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  mkdirSync(join(folder, "out"));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  return (stdout + stderr).slice(0, 4000);
}
