/** The guard against an oracle that starts from nothing after every change. */
import fc from "fast-check";
import type { Database } from "@tenet/ovsdb";
import { PolicyService } from "@tenet/policy";
import { expect, test } from "vitest";
import { addAcl, DB_ACCESS, errorOf, MATCH_ACCEPTS, openNorthbound, PII, policy, run, serve, tag } from "./three-tier.ts";

type Step = (nb: Database) => Promise<unknown>;

const port = fc.constantFrom("web1", "app1", "db1");
const match = fc.constantFrom(
  'outport == "db1" && tcp.dst == 5432',
  'outport == "db1" && tcp.dst == 5432 && ip4.src == 10.0.0.21',
  'outport == "db1" && ip4.src == 10.0.0.11',
  "tcp.dst == 80",
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(match, fc.constantFrom("allow", "drop")).map(
    ([text, action]): Step =>
      (nb) =>
        addAcl(nb, text, action),
  ),
  fc.tuple(port, fc.constantFrom("web", "app", "db", "db,pii", "app,pii")).map(
    ([name, tags]): Step =>
      (nb) =>
        tag(nb, name, tags),
  ),
  fc.constant<Step>((nb) =>
    run(nb, [{ op: "update", table: "Logical_Switch", where: [["name", "==", "tiers"]], row: { acls: ["set", []] } }]),
  ),
);

function fromScratch(nb: Database): PolicyService {
  const service = new PolicyService({ functions: [MATCH_ACCEPTS] });
  service.addSource("nb", nb);
  service.setPolicies([policy("pii", PII), policy("db-access", DB_ACCESS)]);
  return service;
}

function rowsOf(service: PolicyService): string[] {
  return service
    .violations()
    .map((violation) => JSON.stringify([violation.policy, violation.kind, violation.row]))
    .toSorted();
}

test("whatever is changed, alone or at once, no deny row appears, and violations equal those found from scratch", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), async (rounds) => {
      const nb = await openNorthbound();
      using service = serve(nb, [policy("pii", PII), policy("db-access", DB_ACCESS)]);
      for (const steps of rounds) {
        await Promise.all(steps.map((change) => change(nb)));
        using oracle = fromScratch(nb);
        expect(rowsOf(service)).toEqual(rowsOf(oracle));
        expect(service.violations().filter(({ kind }) => kind === "deny")).toEqual([]);
      }
    }),
    { numRuns: 25 },
  );
}, 30_000);

test("a refused change would have added a deny row", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), step, async (before, last) => {
      const nb = await openNorthbound();
      using service = serve(nb, [policy("db-access", DB_ACCESS)]);
      for (const change of before) await change(nb);
      const refusal = errorOf((await last(nb)) as Parameters<typeof errorOf>[0]);
      nb.judge = undefined;
      if (refusal !== undefined) await last(nb);
      const nDenied = service.violations().length;
      expect(nDenied > 0).toBe(refusal !== undefined);
    }),
    { numRuns: 25 },
  );
}, 30_000);
