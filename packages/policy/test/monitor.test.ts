import type { Json } from "@tenet/kit";
import { expect, test } from "vitest";
import { DB_ACCESS, openNorthbound, PII, policy, run, serve, tag } from "./three-tier.ts";

test("an error row comes and goes with the rows it follows from", async () => {
  const nb = await openNorthbound();
  using service = serve(nb, [policy("pii", PII)]);
  const seen: string[] = [];
  service.onViolations(({ appeared, gone }) => {
    seen.push(...appeared.map(({ row }) => `+${String(row[0])}`), ...gone.map(({ row }) => `-${String(row[0])}`));
  });
  expect(service.violations()).toEqual([]);
  await tag(nb, "db1", "db,pii");
  expect(service.violations().map(({ row }) => row)).toEqual([
    ["db1", "db1 carries personal data and shares switch tiers with app1, web1"],
  ]);
  await tag(nb, "web1", "web,pii");
  await tag(nb, "app1", "app,pii");
  expect(service.violations()).toEqual([]);
  expect([...seen.slice(0, 3).sort(), ...seen.slice(3).sort()]).toEqual(["+db1", "+db1", "+web1", "-db1", "-db1", "-web1"]);
});

test("a violation names its policy, its rule and the rows that prove it", async () => {
  const nb = await openNorthbound();
  using service = serve(nb, [policy("pii", PII)]);
  await tag(nb, "db1", "db,pii");
  const [violation] = service.violations();
  expect(violation).toMatchObject({ policy: "pii", kind: "error", columns: ["port", "why"], rule: { file: "pii.dl", line: 10 } });
  expect(violation?.rule.text).toContain("pii(port), on(port, switch)");
  const proof = violation?.proofText ?? "";
  expect(proof).toMatch(/^nb:Logical_Switch_Port db1 \([0-9a-f]{8}\) external_ids:tags=db,pii$/m);
  expect(proof).toMatch(/^nb:Logical_Switch tiers \([0-9a-f]{8}\) ports=\{[0-9a-f]{8}, [0-9a-f]{8}, [0-9a-f]{8}\}$/m);
});

test("deny rows that are there already are violations, too", async () => {
  const nb = await openNorthbound();
  await run(nb, [{ op: "insert", table: "Logical_Switch", row: { name: "other" } }]);
  using service = serve(nb, [policy("guard", 'output deny(switch)\ndeny(s) :- nb:Logical_Switch(name=s), s == "other"')]);
  expect(service.violations().map(({ kind, row }) => [kind, row])).toEqual([["deny", ["other"]]]);
});

test("a table that is pushed counts like any other", async () => {
  const nb = await openNorthbound();
  using service = serve(nb);
  const host = { name: "lab:host", columns: [{ name: "name" }, { name: "port" }] };
  service.pushTable(host, [["web1", "web1"]]);
  service.setPolicies([
    policy("plugged", "output warning(host)\nwarning(h) :- lab:host(h, p), not nb:Logical_Switch_Port(name=p)"),
  ]);
  expect(service.violations()).toEqual([]);
  service.pushTable(host, [
    ["web1", "web1"],
    ["web9", "gone"],
  ]);
  expect(service.violations().map(({ kind, row, proofText }) => [kind, row, proofText])).toEqual([
    ["warning", ["web9"], "lab:host name=web9 port=gone\nno row nb:Logical_Switch_Port name=gone"],
  ]);
  service.pushTable(host, []);
  expect(service.violations()).toEqual([]);
});

test("closed, the service neither follows nor guards", async () => {
  const nb = await openNorthbound();
  const service = serve(nb, [policy("pii", PII), policy("db-access", DB_ACCESS)]);
  service[Symbol.dispose]();
  await tag(nb, "db1", "db,pii");
  expect(service.violations()).toEqual([]);
  expect(nb.judge).toBeUndefined();
});

test("changes of tables that no rule reads never reach the engine", async () => {
  const nb = await openNorthbound();
  using service = serve(nb, [policy("pii", PII)]);
  const { version } = service.live.engine;
  await run(nb, [{ op: "insert", table: "Address_Set", row: { name: "a1" } }]);
  expect(service.live.engine.version).toBe(version);
});

test("a database that gets another schema is read anew, and policies over its new columns come into force", async () => {
  const nb = await openNorthbound();
  const { json } = nb.schema;
  const text = 'error(s) :- nb:Logical_Switch(name=s, colour="red")';
  using service = serve(nb, [policy("colours", text), policy("ports", "error(p) :- nb:Logical_Switch_Port(name=p)")]);
  expect(service.policies()).toMatchObject([{ name: "colours", status: "error" }, { status: "ok" }]);
  const { tables } = json as { tables: Record<string, { columns: Record<string, unknown> }> };
  const columns = { ...tables["Logical_Switch"]?.columns, colour: { type: "string" } };
  const withColour = { ...tables, Logical_Switch: { ...tables["Logical_Switch"], columns } };
  await nb.convert({ ...(json as object), tables: withColour } as Json, { remote: "test" });
  expect(service.policies()).toMatchObject([{ status: "ok" }, { status: "ok" }]);
  await run(nb, [{ op: "update", table: "Logical_Switch", where: [], row: { colour: "red" } }]);
  const violations = service.violations().map(({ policy: name, row }) => `${name} ${String(row[0])}`);
  expect(violations.toSorted()).toEqual(["colours tiers", "ports app1", "ports db1", "ports web1"]);
});
