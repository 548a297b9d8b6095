import { expect, test } from "vitest";
import { addAcl, DB_ACCESS, errorOf, openNorthbound, PII, policy, run, serve, tag } from "./three-tier.ts";

const OPEN_DB = 'outport == "db1" && tcp.dst == 5432';

test("a change that would add a deny row is refused, and nothing of it is done", async () => {
  const nb = await openNorthbound();
  using service = serve(nb, [policy("db-access", DB_ACCESS), policy("pii", PII)]);
  const refusal = errorOf(await addAcl(nb, OPEN_DB));
  expect(refusal?.error).toBe("policy violation");
  expect(nb.table("ACL").size).toBe(0);
  expect(service.violations()).toEqual([]);
});

test("the refusal names the policy, the rule, the row, the rows that prove it, and a way out", async () => {
  const nb = await openNorthbound();
  using _service = serve(nb, [policy("db-access", DB_ACCESS)]);
  const details = errorOf(await addAcl(nb, OPEN_DB))?.details ?? "";
  expect(details).toMatch(
    /^policy 'db-access' \(rule db-access\.dl:8\) forbids it: lets web1 reach db1 on tcp 5432\. Because nb:ACL /,
  );
  expect(details).toMatch(/Because nb:ACL [0-9a-f]{8} match='outport == 'db1' && tcp\.dst == 5432' action=allow;/);
  expect(details).toMatch(/; nb:Logical_Switch_Port web1 \([0-9a-f]{8}\) .*addresses='0a:00:00:00:00:01 10\.0\.0\.11'/);
  expect(details).toMatch(/\. Alter or leave out nb:ACL [0-9a-f]{8} \(inserted here\), or change the policy in db-access\.dl$/);
  expect(details).not.toMatch(/["\n]/);
});

test("what the policy allows passes", async () => {
  const nb = await openNorthbound();
  using _service = serve(nb, [policy("db-access", DB_ACCESS)]);
  expect(errorOf(await addAcl(nb, `${OPEN_DB} && ip4.src == 10.0.0.21`))).toBeUndefined();
  expect(errorOf(await addAcl(nb, OPEN_DB, "drop"))).toBeUndefined();
  expect(nb.table("ACL").size).toBe(2);
});

test("the same change passes once the policy is removed, and what it broke does not block other changes later", async () => {
  const nb = await openNorthbound();
  using service = serve(nb, [policy("db-access", DB_ACCESS)]);
  expect(errorOf(await addAcl(nb, OPEN_DB))).toBeDefined();
  service.setPolicies([]);
  expect(errorOf(await addAcl(nb, OPEN_DB))).toBeUndefined();
  service.setPolicies([policy("db-access", DB_ACCESS)]);
  expect(service.violations().map(({ kind }) => kind)).toEqual(["deny"]);
  expect(errorOf(await addAcl(nb, "tcp.dst == 80"))).toBeUndefined();
  expect(errorOf(await addAcl(nb, OPEN_DB, "allow", 7))).toBeDefined();
});

test("a change of another row can break the policy as well", async () => {
  const nb = await openNorthbound();
  using _service = serve(nb, [policy("db-access", DB_ACCESS)]);
  await addAcl(nb, `${OPEN_DB} && ip4.src == 10.0.0.21`);
  const refusal = errorOf(await tag(nb, "app1", "web"));
  expect(refusal?.details).toMatch(/Alter or leave out nb:Logical_Switch_Port [0-9a-f]{8} \(modified here\)/);
});

test("of two changes that are fine alone but not together, only the first passes", async () => {
  const nb = await openNorthbound();
  const text = `output deny(n)\ndeny(n) :- n = count { s : nb:Logical_Switch(_uuid=s) }, n > 2`;
  using _service = serve(nb, [policy("few", text)]);
  const insert = (name: string) => run(nb, [{ op: "insert", table: "Logical_Switch", row: { name } }]);
  const results = await Promise.all([insert("a"), insert("b"), insert("c")]);
  expect(results.map((result) => errorOf(result)?.error)).toEqual([undefined, "policy violation", "policy violation"]);
  expect(nb.table("Logical_Switch").size).toBe(2);
});

test("several new deny rows are counted, the first ones told", async () => {
  const nb = await openNorthbound();
  using _service = serve(nb, [policy("names", 'output deny(s)\ndeny(s) :- nb:Logical_Switch(name=s), starts_with(s, "bad")')]);
  const rows = ["bad1", "bad2", "bad3", "bad4", "bad5"].map((name) => ({ op: "insert", table: "Logical_Switch", row: { name } }));
  expect(errorOf(await run(nb, rows))?.details).toContain(
    "The same rule says: deny(s=bad2); deny(s=bad3). And 2 more rows like these. ",
  );
});

test("a guard whose rule fails on the change refuses it and says so", async () => {
  const nb = await openNorthbound();
  const text = 'output deny(s)\nfar(n + 1) :- far(n), n > 0\nfar(1) :- nb:Logical_Switch(name="loop")\ndeny(s) :- far(s), s < 0';
  using service = serve(nb, [policy("loops", text)], { maxTuples: 2000 });
  const refusal = errorOf(await run(nb, [{ op: "insert", table: "Logical_Switch", row: { name: "loop" } }]));
  expect(refusal?.details).toMatch(/cannot judge this change.*loops\.dl:2/);
  expect(service.policies()).toMatchObject([{ status: "ok" }]);
});
