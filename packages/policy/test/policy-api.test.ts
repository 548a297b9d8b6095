import { request } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@tenet/kit";
import type { Database } from "@tenet/ovsdb";
import { type PolicyApi, type PolicyService, startPolicyApi } from "@tenet/policy";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DB_ACCESS, openNorthbound, PII, serve, tag } from "./three-tier.ts";

let path = "";
let nb: Database;
let service: PolicyService;
let api: PolicyApi;
const stop = new AbortController();

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "tenet-policy-"));
  await writeFile(join(path, "pii.dl"), PII);
  await writeFile(join(path, "db-access.dl"), DB_ACCESS);
  nb = await openNorthbound();
  service = serve(nb);
  service.openFolder(path);
  api = await startPolicyApi(service, { port: 0 }, silentLogger, stop.signal);
});
afterEach(async () => {
  await api.close();
  service[Symbol.dispose]();
  nb.close();
  await rm(path, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly location: string | null;
}

async function call(method: string, url: string, body?: unknown): Promise<Answer> {
  const init =
    body === undefined ? { method } : { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${api.url}${url}`, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text), location: response.headers.get("location") };
}

function resultsOf({ body }: Answer): readonly Readonly<Record<string, unknown>>[] {
  return body["results"] as readonly Readonly<Record<string, unknown>>[];
}

test("the versions are listed", async () => {
  const versions = { versions: [{ id: "v1", status: "CURRENT" }] };
  expect((await call("GET", "/")).body).toMatchObject(versions);
  expect((await call("GET", "/v1/")).body).toMatchObject(versions);
});

test("policies are listed, and found by name and by id", async () => {
  const policies = resultsOf(await call("GET", "/v1/policies"));
  expect(policies).toMatchObject([
    { name: "db-access", kind: "nonrecursive", abbreviation: "db-ac", description: "Only app hosts talk to databases." },
    { name: "pii", abbreviation: "pii", status: "ok", error: null },
  ]);
  for (const key of ["pii", policies[1]?.["id"]]) {
    expect((await call("GET", `/v1/policies/${String(key)}`)).body).toEqual(policies[1]);
  }
});

test("a policy that is not in force is listed with its fault and the place of it", async () => {
  await writeFile(join(path, "broken.dl"), "error(x :- nb:ACL(_uuid=x)");
  service.folder?.rescan();
  const [broken] = resultsOf(await call("GET", "/v1/policies"));
  expect(broken).toMatchObject({ name: "broken", status: "error", error: expect.stringMatching(/broken\.dl:1:9: /) });
  expect(resultsOf(await call("GET", "/v1/policies/pii/tables"))).not.toEqual([]);
});

test("a policy's tables and rows are shown, with their proof on demand", async () => {
  expect(resultsOf(await call("GET", "/v1/policies/pii/tables"))).toEqual([{ id: "error" }, { id: "on" }, { id: "pii" }]);
  expect((await call("GET", "/v1/policies/pii/tables/error/rows")).body).toEqual({ results: [] });
  await tag(nb, "db1", "db,pii");
  const data = ["db1", "db1 carries personal data and shares switch tiers with app1, web1"];
  expect((await call("GET", "/v1/policies/pii/tables/error/rows")).body).toEqual({ results: [{ data }] });
  const { body } = await call("GET", "/v1/policies/pii/tables/error/rows?trace=true");
  expect(body).toMatchObject({
    results: [
      { data, proof: expect.arrayContaining([expect.objectContaining({ table: "nb:Logical_Switch_Port", name: "db1" })]) },
    ],
    trace: expect.stringContaining("by pii.dl:10"),
  });
});

test("a policy is created, gets rules, loses them, and is deleted; its file follows", async () => {
  const rules = [{ rule: 'error(s) :- nb:Logical_Switch(name=s), s == "tiers"' }];
  const created = await call("POST", "/v1/policies", { name: "names", description: "About names.", rules });
  expect(created).toMatchObject({ status: 201, body: { name: "names", description: "About names." } });
  expect(created.location).toBe(`/v1/policies/${String(created.body["id"])}`);
  expect(service.violations().map(({ policy }) => policy)).toEqual(["names"]);

  const added = await call("POST", "/v1/policies/names/rules", {
    rule: "warning(s) :- nb:Logical_Switch(name=s)",
    comment: "mild",
  });
  expect(added).toMatchObject({ status: 201, body: { comment: "mild", line: 4 } });
  expect(await readFile(join(path, "names.dl"), "utf8")).toContain("// mild\nwarning(s)");
  const listed = resultsOf(await call("GET", "/v1/policies/names/rules"));
  expect(listed).toHaveLength(2);
  expect((await call("GET", `/v1/policies/names/rules/${String(added.body["id"])}`)).body).toEqual(listed[1]);

  expect((await call("DELETE", `/v1/policies/names/rules/${String(listed[0]?.["id"])}`)).status).toBe(200);
  expect(service.violations().map(({ kind }) => kind)).toEqual(["warning"]);
  expect((await call("DELETE", "/v1/policies/names")).status).toBe(200);
  expect(service.violations()).toEqual([]);
  expect((await call("GET", "/v1/policies/names")).status).toBe(404);
});

test.each([
  ["an unknown policy", "GET", "/v1/policies/pi", undefined, 404, 1020],
  ["an unknown table", "GET", "/v1/policies/pii/tables/erorr/rows", undefined, 404, 404],
  ["an unknown path", "GET", "/v1/nothing", undefined, 404, 404],
  ["a policy that exists", "POST", "/v1/policies", { name: "pii" }, 409, 409],
  ["a policy without a name", "POST", "/v1/policies", {}, 400, 1010],
  ["a policy under an impossible name", "POST", "/v1/policies", { name: "../x" }, 400, 400],
  ["a rule with a fault", "POST", "/v1/policies/pii/rules", { rule: "error(x) :- nb:Nothing(x)" }, 400, 1002],
  ["two rules at once", "POST", "/v1/policies/pii/rules", { rule: 'pii("a") pii("b")' }, 400, 1003],
  [
    "a rule that exists",
    "POST",
    "/v1/policies/pii/rules",
    { rule: PII.slice(PII.indexOf("pii(port)"), PII.indexOf('error(port, "')) },
    409,
    1008,
  ],
  ["a rule that others need", "DELETE", "/v1/policies/pii/rules/none", undefined, 404, 404],
  ["a body that is no object", "POST", "/v1/policies", [1], 400, 400],
  ["a verb that does not fit", "PUT", "/v1/policies/pii", undefined, 501, 501],
  ["an unknown action", "POST", "/v1/policies/pii?action=dance", {}, 501, 501],
  ["a simulation without a query", "POST", "/v1/policies/pii?action=simulate", { sequence: "" }, 400, 1004],
  [
    "a simulation with a faulty sequence",
    "POST",
    "/v1/policies/pii?action=simulate",
    { query: "error(x, y)", sequence: "nb:ACL+(" },
    400,
    1006,
  ],
])("%s is answered in Congress's form", async (_what, method, url, body, status, code) => {
  const answer = await call(method, url, body);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ error: { message: expect.any(String), error_code: code } });
  expect(Object.keys(answer.body["error"] ?? {})).toEqual(["message", "error_code", "error_data"]);
});

test("a simulation shows what would be, and leaves no trace", async () => {
  const lsp = [...nb.table("Logical_Switch_Port").values()].find((row) => row["name"] === "db1")?._uuid ?? "";
  const sequence = `nb:Logical_Switch_Port.external_ids-("${lsp}", "tags", "db") nb:Logical_Switch_Port.external_ids+("${lsp}", "tags", "pii")`;
  const row = 'error("db1", "db1 carries personal data and shares switch tiers with app1, web1")';
  const plain = await call("POST", "/v1/policies/pii?action=simulate", { query: "error(p, why)", sequence });
  expect(plain.body).toEqual({ result: [row] });
  const delta = await call("POST", "/v1/policies/pii?action=simulate&delta=true&trace=true", {
    query: "error(port=p)",
    sequence,
  });
  expect(delta.body).toMatchObject({
    result: [row.replace("error(", "error+(")],
    trace: expect.stringContaining("external_ids:tags=pii"),
  });
  const other = await call("POST", "/v1/policies/pii?action=simulate", { query: 'error("web1", _)', sequence });
  expect(other.body).toEqual({ result: [] });
  expect(service.violations()).toEqual([]);
});

test("no sequence, however wild, is more than a bad request", async () => {
  const part = fc.constantFrom(
    "nb:ACL",
    "+",
    "-",
    "(",
    ")",
    ",",
    "=",
    '"',
    "'",
    "\\",
    "[",
    "]",
    "_uuid",
    "null",
    "1e9",
    " ",
    "\n",
    "é",
    ":",
  );
  const wild = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 20 }).map((parts) => parts.join("")),
  );
  await fc.assert(
    fc.asyncProperty(wild, wild, async (query, sequence) => {
      expect([200, 400]).toContain((await call("POST", "/v1/policies/pii?action=simulate", { query, sequence })).status);
    }),
    { numRuns: 150 },
  );
}, 30_000);

test("data sources show their schema, tables, rows and freshness", async () => {
  service.pushTable({ name: "lab:host", columns: [{ name: "name" }] }, [["web1"]]);
  expect(resultsOf(await call("GET", "/v1/data-sources"))).toMatchObject([
    { name: "nb", driver: "ovsdb", enabled: true },
    { name: "lab", driver: "push" },
  ]);
  const switches = resultsOf(await call("GET", "/v1/data-sources/nb/tables/Logical_Switch/rows"));
  expect(switches).toMatchObject([{ data: [expect.any(String), "tiers", null] }]);
  expect(resultsOf(await call("GET", "/v1/data-sources/nb/tables/Logical_Switch.ports/rows"))).toHaveLength(3);
  expect(resultsOf(await call("GET", "/v1/data-sources/lab/tables/host/rows"))).toEqual([{ data: ["web1"] }]);
  expect((await call("GET", "/v1/data-sources/nb/tables/Logical_Switch/spec")).body).toMatchObject({
    table_id: "Logical_Switch",
  });
  await tag(nb, "db1", "db,old");
  expect((await call("GET", "/v1/data-sources/nb/status")).body).toMatchObject({ number_of_updates: "1", initialized: "True" });
  expect((await call("GET", "/v1/data-sources/nx/tables")).status).toBe(404);
});

test.each([
  [{ host: "evil.example:1789" }, 403],
  [{ host: "localhost:1789" }, 200],
  [{ host: "[::1]:1789" }, 200],
  [{ host: "127.0.0.1", origin: "http://evil.example" }, 403],
  [{ host: "127.0.0.1", origin: "null" }, 403],
  [{ host: "127.0.0.1", origin: "http://127.0.0.1:8089" }, 200],
])("a request with %o is answered with %i", async (headers, status) => {
  const answered = new Promise<number | undefined>((resolve, reject) => {
    const asked = request(`${api.url}/v1/policies`, { headers }, (response) => resolve(response.resume().statusCode));
    asked.on("error", reject).end();
  });
  expect(await answered).toBe(status);
});

test("a body over the limit, and one that is no JSON, are refused in the same form", async () => {
  const large = await call("POST", "/v1/policies", { name: "x".repeat(2_000_000) });
  expect(large).toMatchObject({ status: 413, body: { error: { error_code: 413 } } });
  const response = await fetch(`${api.url}/v1/policies`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{",
  });
  expect(response.status).toBe(400);
});

test("a taken address is an error with a hint", async () => {
  const port = Number(new URL(api.url).port);
  await expect(startPolicyApi(service, { port }, silentLogger, stop.signal)).rejects.toMatchObject({
    code: "IO_ERROR",
    hint: "Another program uses it; choose another with --policy-port",
  });
});

test("typed values and large whole numbers are served as text, lists and maps as JSON", async () => {
  await writeFile(
    join(path, "typed.dl"),
    'error(x, why) :- x in [9007199254740993, ip("10.0.0.1"), [1, "a"], {"k": 2}], why = "row ${x}"\n',
  );
  await expect.poll(async () => (await call("GET", "/v1/policies/typed")).status).toBe(200);
  const rows = resultsOf(await call("GET", "/v1/policies/typed/tables/error/rows?trace=true"));
  const values = rows.map(({ data }) => (data as unknown[])[0]);
  expect(new Set(values.map((value) => JSON.stringify(value)))).toEqual(
    new Set(['"9007199254740993"', '"10.0.0.1"', '[1,"a"]', '{"k":2}']),
  );
  expect(service.violations().filter(({ policy }) => policy === "typed")).toHaveLength(4);
});
