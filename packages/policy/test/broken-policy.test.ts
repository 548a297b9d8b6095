import { expect, test } from "vitest";
import { DB_ACCESS, openNorthbound, PII, policy, run, serve, tag } from "./three-tier.ts";

const BROKEN = PII.replace("nb:Logical_Switch(", "nb:Logical_Swich(");

test("a broken policy says where and what, and the others stay in force", async () => {
  const nb = await openNorthbound();
  await tag(nb, "db1", "db,pii");
  using service = serve(nb, [policy("pii", PII), policy("aaa", "error(x) :- nb:Nothing(x)")]);
  expect(service.policies()).toEqual([
    { name: "aaa", file: "/policies/aaa.dl", nRules: 0, status: "error", error: expect.stringContaining("aaa.dl:1:") },
    { name: "pii", file: "/policies/pii.dl", nRules: 3, status: "ok" },
  ]);
  expect(service.violations()).toHaveLength(1);
});

test("an edit that breaks a policy leaves its last good version in force", async () => {
  const nb = await openNorthbound();
  await tag(nb, "db1", "db,pii");
  using service = serve(nb, [policy("pii", PII)]);
  service.setPolicies([policy("pii", BROKEN)]);
  const [status] = service.policies();
  expect(status).toMatchObject({ status: "stale", nRules: 3 });
  expect(status?.error).toContain('did you mean "nb:Logical_Switch"?');
  expect(service.violations()).toHaveLength(1);
  service.setPolicies([policy("pii", PII)]);
  expect(service.policies()).toMatchObject([{ status: "ok" }]);
});

test("the last good version outlives several bad ones", async () => {
  using service = serve(await openNorthbound(), [policy("pii", PII)]);
  for (const bad of [BROKEN, "error(", "p(x) :- not p(x), nb:ACL(_uuid=x)"]) {
    service.setPolicies([policy("pii", bad)]);
    expect(service.policies()).toMatchObject([{ status: "stale", nRules: 3 }]);
  }
});

test("an edit that breaks another policy is not taken", async () => {
  using service = serve(await openNorthbound(), [
    policy("base", "risky(s) :- nb:Logical_Switch(name=s)"),
    policy("top", "error(s) :- base:risky(s)"),
  ]);
  service.setPolicies([policy("base", "risky(s, 1) :- nb:Logical_Switch(name=s)"), policy("top", "error(s) :- base:risky(s)")]);
  expect(service.policies()).toMatchObject([
    { name: "base", status: "stale", error: expect.stringContaining('would break policy "top"') },
    { name: "top", status: "ok" },
  ]);
  expect(service.violations()).toHaveLength(1);
});

test("a policy that needs a removed one is out of force and says so", async () => {
  using service = serve(await openNorthbound(), [
    policy("base", "risky(s) :- nb:Logical_Switch(name=s)"),
    policy("top", "error(s) :- base:risky(s)"),
  ]);
  service.setPolicies([policy("top", "error(s) :- base:risky(s)")]);
  expect(service.policies()).toMatchObject([{ name: "top", status: "error" }]);
  expect(service.violations()).toEqual([]);
});

test("a policy that comes as another loses what it needs is not blamed for that", async () => {
  using service = serve(await openNorthbound(), [
    policy("base", "risky(s) :- nb:Logical_Switch(name=s)"),
    policy("top", "error(s) :- base:risky(s)"),
  ]);
  service.setPolicies([policy("pii", PII), policy("top", "error(s) :- base:risky(s)")]);
  expect(service.policies()).toMatchObject([
    { name: "pii", status: "ok" },
    { name: "top", status: "error" },
  ]);
});

test("a policy whose rule fails on the rows that are there is left out", async () => {
  const nb = await openNorthbound();
  const endless = "far(0) :- nb:Logical_Switch(name=_)\nfar(n + 1) :- far(n)\nerror(n) :- far(n), n < 0";
  using service = serve(nb, [policy("endless", endless), policy("pii", PII)], { maxTuples: 2000 });
  expect(service.policies()).toMatchObject([
    { name: "endless", status: "error", error: expect.stringContaining("endless.dl:2") },
    { name: "pii", status: "ok" },
  ]);
});

test("a policy that fails on a later change is left out then, and the change stays", async () => {
  const nb = await openNorthbound();
  const loop = 'far(0) :- nb:Logical_Switch(name="loop")\nfar(n + 1) :- far(n)\nerror(n) :- far(n), n < 0';
  using service = serve(nb, [policy("loop", loop), policy("pii", PII)], { maxTuples: 2000 });
  expect(service.policies()).toMatchObject([{ status: "ok" }, { status: "ok" }]);
  await run(nb, [{ op: "insert", table: "Logical_Switch", row: { name: "loop" } }]);
  expect(service.policies()).toMatchObject([
    { name: "loop", status: "error" },
    { name: "pii", status: "ok" },
  ]);
  await tag(nb, "db1", "db,pii");
  expect(service.violations().map((violation) => violation.policy)).toEqual(["pii"]);
});

test("a policy cannot take the name of a source", async () => {
  using service = serve(await openNorthbound(), [
    policy("nb", "error(s) :- nb:Logical_Switch(name=s)"),
    policy("db-access", DB_ACCESS),
  ]);
  expect(service.policies()).toMatchObject([
    { name: "db-access", status: "ok" },
    { name: "nb", status: "error", error: expect.stringContaining("names a source") },
  ]);
});
