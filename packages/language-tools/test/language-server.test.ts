import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Surroundings } from "@tenet/language-tools";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Session, uriOf } from "./language-session.ts";

const SURROUNDINGS: Surroundings = {
  relations: [
    {
      name: "nb:ACL",
      columns: [
        { name: "_uuid", type: "uuid" },
        { name: "match", type: "string" },
        { name: "priority", type: "int" },
      ],
    },
    {
      name: "nb:Logical_Switch.acls",
      columns: [
        { name: "_uuid", type: "uuid" },
        { name: "value", type: "uuid" },
      ],
    },
  ],
  functions: [{ name: "match_refers", nArgs: 1, isSet: true, call: () => [] }],
  hasNamespaces: true,
};

// The mark | is the cursor.
const TEXT = `// What is wrong.
output error(acl, why)

// ACLs that nobody uses.
unused(acl) :- nb:ACL(_uuid=acl), not nb:Logical_Switch.acls(_, acl)
unused(null)

error(acl, "\${m} of \${acl} is lost") :- unused(acl), nb:ACL(_uuid=acl, match=m), starts_with(m, "ip")
`;

let folder = "";
let session: Session;
let file = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tenet-lsp-"));
  file = join(folder, "mine.dl");
  session = new Session(SURROUNDINGS);
  await session.initialize();
});
afterEach(async () => {
  session.notify("exit");
  await session.ended;
  rmSync(folder, { recursive: true });
});

/** Where a piece of the text begins, plus some characters. */
function at(
  text: string,
  piece: string,
  plus = 0,
): { textDocument: { uri: string }; position: { line: number; character: number } } {
  const before = text.slice(0, text.indexOf(piece) + plus).split("\n");
  return { textDocument: { uri: uriOf(file) }, position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 } };
}

/** The text where ranges of edits are replaced. */
function apply(
  text: string,
  edits: readonly {
    range: { start: { line: number; character: number }; end: { line: number; character: number } };
    newText: string;
  }[],
): string {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const offset = ({ line, character }: { line: number; character: number }): number => (starts[line] ?? 0) + character;
  return edits
    .toSorted((a, b) => offset(b.range.start) - offset(a.range.start))
    .reduce(
      (result, { range, newText }) => result.slice(0, offset(range.start)) + newText + result.slice(offset(range.end)),
      text,
    );
}

/** The labels that are proposed at the mark. */
async function labels(marked: string): Promise<string[]> {
  const text = marked.replace("|", "");
  await session.change(file, text);
  const items = await session.request<{ label: string }[]>("textDocument/completion", at(marked, "|"));
  return items.map(({ label }) => label);
}

describe("findings", () => {
  test("come when a document is opened and changed, with the range of the word", async () => {
    expect(await session.open(file, TEXT)).toEqual([]);
    const [finding] = await session.change(file, TEXT.replace("starts_with", "start_with"));
    const start = at(TEXT, "starts_with").position;
    expect(finding).toMatchObject({ severity: 1, range: { start, end: { line: start.line, character: start.character + 10 } } });
    expect(finding?.message).toContain('did you mean "starts_with"?');
    const warnings = await session.change(file, TEXT.replace("match=m)", "match=m, priority=n)"));
    expect(warnings.map(({ severity, message }) => [severity, message.split("\n")[0]])).toEqual([
      [2, 'variable "n" is used once'],
    ]);
  });

  test("a change in part of the text", async () => {
    await session.open(file, "p(1)\nq(x) :- p(x)\n");
    const published = session.published(file);
    const range = { start: { line: 1, character: 8 }, end: { line: 1, character: 9 } };
    session.notify("textDocument/didChange", { textDocument: { uri: uriOf(file) }, contentChanges: [{ range, text: "r" }] });
    expect((await published)[0]?.message).toContain('"mine:r"');
  });

  test("neighbours on disk and open ones belong to the program", async () => {
    const other = join(folder, "other.dl");
    writeFileSync(other, "seen(1)\n");
    expect(await session.open(file, "p(x) :- other:seen(x)\n")).toEqual([]);
    const published = session.published(file);
    await session.open(other, "hidden(1)\n");
    expect((await published)[0]?.message).toContain("other:seen");
    const again = session.published(file);
    session.notify("textDocument/didClose", { textDocument: { uri: uriOf(other) } });
    expect(await again).toEqual([]);
  });
});

test("aggregates are proposed and explained; what stands in one is renamed once", async () => {
  const text =
    "mean(h, m) :- m = avg { cost : link(h, cost) }, least(h, m)\nlink(1, 2)\nleast(h, n) :- link(h, _), n = min { c : link(h, c) }\n";
  expect(await session.open(file, text)).toEqual([]);
  const hover = async (piece: string): Promise<string> =>
    (await session.request<{ contents: { value: string } }>("textDocument/hover", at(text, piece))).contents.value;
  expect(await hover("avg")).toBe("```dl\navg { v : body }\n```\n\naggregate: the mean of the values, once per way");
  expect(await hover("min {")).toContain("aggregate: the least value");
  const { changes } = await session.request<{ changes: Record<string, { range: object }[]> }>("textDocument/rename", {
    ...at(text, "cost :"),
    newName: "price",
  });
  expect(changes[uriOf(file)]).toHaveLength(2);
  expect(await labels("p(h) :- link(h, _), n = arg|")).toEqual(["argmin", "argmax"]);
  const proposed = await labels("p(h) :- link(h, _), n = |");
  const reference = readFileSync("docs/reference/language.md", "utf8");
  const named = [...reference.matchAll(/`(\w+) \{ [^`]*body \}`/g)].map(([, name = ""]) => name);
  const aggregates = named.filter((name) => name !== "name");
  expect(aggregates.length).toBeGreaterThan(12);
  expect(aggregates.filter((name) => !proposed.includes(name))).toEqual([]);
});

test("a program with its own functions beside policies: findings, hover, definition", async () => {
  writeFileSync(join(folder, "part.dl"), "part(1)\n");
  writeFileSync(join(folder, "policy.dl"), "part(2)\n");
  const text = 'program own\nimport "part.dl"\n// Two of it.\nfunction double(n)\nto_nb:ACL(x) :- part(n), x = double(n)\n';
  expect(await session.open(file, text)).toEqual([]);
  const hover = await session.request<{ contents: { value: string } }>("textDocument/hover", at(text, "double(n)\n", 1));
  expect(hover.contents.value).toBe(
    "```dl\nfunction double(n)\n```\n\nTwo of it.\n\nfunction of the program that runs these rules",
  );
  const use = at(text, "= double", 3);
  const [place] = await session.request<{ range: { start: object } }[]>("textDocument/definition", use);
  expect(place?.range.start).toEqual({ line: 3, character: 9 });
  const faulty = await session.change(file, text.replace("double(n)\n", "double(n): set\n"));
  expect(faulty[0]?.message).toContain("gives a set of values");
});

describe("completion", () => {
  beforeEach(() => session.open(file, TEXT));

  test("columns of the table, those with a value left out", async () => {
    const proposed = await labels("bad(a) :- nb:ACL(_uuid=a, |");
    expect(proposed.slice(0, 2)).toEqual(["match", "priority"]);
    expect(await labels("bad(a) :- nb:ACL(pri|")).toEqual(["priority"]);
  });

  test("tables by the service's prefix, also with a dot", async () => {
    expect(await labels("bad(a) :- nb:|")).toEqual(["nb:ACL", "nb:Logical_Switch.acls"]);
    expect(await labels("bad(a) :- nb:Logical_Switch.|")).toEqual(["nb:Logical_Switch.acls"]);
  });

  test("own tables, variables and functions in a body", async () => {
    const proposed = await labels("mine(1)\nbad(acl) :- nb:ACL(_uuid=acl), |\nlast(2)\n");
    expect(proposed).toEqual(expect.arrayContaining(["acl", "mine", "last", "starts_with", "match_refers", "count", "not"]));
    expect(proposed).not.toContain("input");
    expect(await labels("bad(acl) :- nb:ACL(_uuid=acl), a|")).toEqual(expect.arrayContaining(["acl", "abs", "and"]));
  });

  test("variables inside a string's braces, nothing in its text and in comments", async () => {
    expect(await labels('bad("${w|}") :- nb:ACL(match=why)')).toContain("why");
    expect(await labels('bad("w|") :- nb:ACL(match=why)')).toEqual([]);
    expect(await labels("bad(1) // w|")).toEqual([]);
    expect(await labels("/* w|")).toEqual([]);
  });

  test("types in declarations, words at the start of a statement", async () => {
    expect(await labels("input t(a: |")).toEqual(expect.arrayContaining(["string", "uuid"]));
    expect(await labels("in|")).toContain("input");
    expect(await labels("a(1)\n|\nb(1)")).toEqual(expect.arrayContaining(["input", "a", "b"]));
  });

  test("an item replaces the whole name, its service too", async () => {
    const text = "bad(a) :- nb:A";
    await session.change(file, text);
    const [item] = await session.request<{ textEdit: { range: object; newText: string } }[]>(
      "textDocument/completion",
      at(`${text}|`, "|"),
    );
    expect(item?.textEdit).toEqual({
      newText: "nb:ACL",
      range: { start: { line: 0, character: 10 }, end: { line: 0, character: 14 } },
    });
  });
});

describe("names", () => {
  beforeEach(() => session.open(file, TEXT));

  async function hover(piece: string, plus = 0): Promise<string | undefined> {
    const answer = await session.request<{ contents: { value: string } } | null>("textDocument/hover", at(TEXT, piece, plus));
    return answer?.contents.value;
  }

  test("hover: a table with comment and rules, one from outside, a column, a variable, a function", async () => {
    expect(await hover("unused(acl), nb")).toBe(
      "```dl\nrelation mine:unused(acl: string)\n```\n\nACLs that nobody uses.\n\n1 rule, 1 fact",
    );
    expect(await hover("nb:ACL")).toContain(
      "input nb:ACL(_uuid: uuid, match: string, priority: int)\n```\n\nrows come from outside",
    );
    expect(await hover("match=m")).toContain("match: string");
    expect(await hover("match=m", 6)).toContain("variable, here column `match` of `nb:ACL`");
    expect(await hover("starts_with")).toContain("starts_with(a, b)");
    expect(await hover("\n")).toBeUndefined();
  });

  test("definition: the declaration, else the rules; a variable's first place in the body", async () => {
    const define = async (piece: string, plus = 0): Promise<number[]> =>
      (
        await session.request<{ range: { start: { line: number; character: number } } }[]>(
          "textDocument/definition",
          at(TEXT, piece, plus),
        )
      ).map(({ range }) => range.start.line);
    expect(await define('error(acl, "')).toEqual([1]);
    expect(await define("unused(acl), nb")).toEqual([4, 5]);
    const [m] = await session.request<object[]>("textDocument/definition", at(TEXT, "${m}", 2));
    expect(m).toMatchObject({ range: { start: at(TEXT, "match=m", 6).position } });
    expect(await define("nb:ACL")).toEqual([]);
  });

  test("references of a variable stay in its rule, those inside strings too", async () => {
    const found = await session.request<object[]>("textDocument/references", {
      ...at(TEXT, "${acl}", 2),
      context: { includeDeclaration: true },
    });
    expect(found).toHaveLength(4);
  });

  test("rename: a variable, and a table in every file", async () => {
    const rename = (
      piece: string,
      newName: string,
      plus = 0,
    ): Promise<{ changes: Record<string, { range: never; newText: string }[]> }> =>
      session.request("textDocument/rename", { ...at(TEXT, piece, plus), newName });
    const variable = await rename("${m}", "text", 2);
    expect(apply(TEXT, variable.changes[uriOf(file)] ?? [])).toBe(
      TEXT.replace("${m}", "${text}").replace("match=m)", "match=text)").replace("starts_with(m,", "starts_with(text,"),
    );
    const other = join(folder, "other.dl");
    await session.open(other, "p(x) :- mine:unused(x)\n");
    const table = await rename("unused(acl), nb", "idle");
    expect(apply(TEXT, table.changes[uriOf(file)] ?? [])).toBe(TEXT.replaceAll("unused(", "idle("));
    expect(apply("p(x) :- mine:unused(x)\n", table.changes[uriOf(other)] ?? [])).toBe("p(x) :- mine:idle(x)\n");
    await expect(rename("nb:ACL", "x")).rejects.toThrow("comes from outside");
    await expect(rename("unused(acl), nb", "error")).rejects.toThrow("the name is taken");
    await expect(rename("${m}", "acl", 2)).rejects.toThrow("the name is taken");
    await expect(rename("${m}", "not", 2)).rejects.toThrow("is no name");
    await expect(rename("starts_with", "begins")).rejects.toThrow("Cannot rename the function");
  });

  test("symbols and layout", async () => {
    const symbols = await session.request<{ name: string; kind: number }[]>("textDocument/documentSymbol", at(TEXT, ""));
    expect(symbols.map(({ name, kind }) => [name, kind])).toEqual([
      ["error", 11],
      ["unused", 12],
      ["unused", 14],
      ["error", 12],
    ]);
    const format = (): Promise<{ range: never; newText: string }[] | null> =>
      session.request("textDocument/formatting", at(TEXT, ""));
    expect(await format()).toEqual([]);
    const loose = TEXT.replace("(null)", "( null ) .");
    await session.change(file, loose);
    expect(apply(loose, (await format()) ?? [])).toBe(TEXT);
    await session.change(file, "p(");
    expect(await format()).toBeNull();
  });
});

describe("protocol", () => {
  test("unknown methods, bad JSON and questions about files that are not there are answered with errors", async () => {
    await expect(session.request("workspace/none", {})).rejects.toThrow("-32601");
    await expect(session.request("textDocument/hover", at("", ""))).rejects.toThrow("-32803 Cannot read");
    await expect(session.request("textDocument/hover", {})).rejects.toThrow("-32603");
    session.notify("$/unknown", {});
    const bad = Buffer.from("{");
    session.toServer.write(`Content-Length: ${bad.length}\r\n\r\n{`);
    expect(await session.open(file, "p(1)")).toEqual([]);
  });

  test("a message may come in pieces, several may come at once", async () => {
    const text =
      '{"jsonrpc":"2.0","id":900,"method":"textDocument/documentSymbol","params":{"textDocument":{"uri":"untitled:ü"}}}';
    await session.open(file, "p(1)");
    for (const byte of Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`))
      session.toServer.write(Buffer.from([byte]));
    expect(await session.request("textDocument/documentSymbol", at("", ""))).toHaveLength(1);
  });

  test("nothing before initialize, nothing after shutdown; the exit code tells whether it was asked for", async () => {
    const fresh = new Session(SURROUNDINGS);
    await expect(fresh.request("textDocument/hover", at("", ""))).rejects.toThrow("-32002");
    await fresh.initialize();
    expect(await fresh.request("shutdown")).toBeNull();
    await expect(fresh.request("textDocument/hover", at("", ""))).rejects.toThrow("-32600");
    fresh.notify("exit");
    expect(await fresh.ended).toBe(0);
    const rude = new Session(SURROUNDINGS);
    rude.notify("exit");
    expect(await rude.ended).toBe(1);
    const cut = new Session(SURROUNDINGS);
    cut.toServer.end();
    expect(await cut.ended).toBe(1);
    const aborted = new Session(SURROUNDINGS);
    aborted.abort.abort();
    expect(await aborted.ended).toBe(1);
    const stranger = new Session(SURROUNDINGS);
    stranger.toServer.write("GET / HTTP/1.1\r\n\r\n");
    await expect(stranger.ended).rejects.toThrow("no Content-Length");
  });
});
