/** The guard against an oracle that starts from nothing after every change. */
import fc from "fast-check";
import type { Database } from "@tenet/ovsdb";
import { PolicyService, type PolicySource } from "@tenet/policy";
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

/** A service that derives all of the present rows anew, which a new source makes it do; the policies were wanted one list after the other. */
function fromScratch(nb: Database, ...wanted: readonly PolicySource[][]): PolicyService {
  const service = new PolicyService({ functions: [MATCH_ACCEPTS] });
  service.addSource("nb", nb);
  for (const policies of wanted) service.setPolicies(policies);
  service.addSource("anew", nb);
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
        using oracle = fromScratch(nb, [policy("pii", PII), policy("db-access", DB_ACCESS)]);
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

/** Texts that compile and such that do not, alone and with others; `x` reads tables that the others do not read. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  pii: [PII, PII.replace('"pii" in', '"db" in'), "error("],
  "db-access": [DB_ACCESS, DB_ACCESS.replaceAll("deny(", "warning(").replace("output deny", "output warning")],
  base: ["risky(s) :- nb:Logical_Switch(name=s)", "risky(p) :- nb:Logical_Switch_Port(name=p)", "risky(p, 1) :- nb:ACL(match=p)"],
  top: ["error(s) :- base:risky(s)", "warning(m) :- nb:ACL(match=m), not base:risky(m)"],
};

const policies = fc
  .tuple(...Object.values(TEXTS).map((texts) => fc.option(fc.constantFrom(...texts), { nil: undefined })))
  .map((texts) => Object.keys(TEXTS).flatMap((name, i) => (texts[i] === undefined ? [] : policy(name, texts[i]))));

test("whatever becomes of the policies while rows change, violations equal those found from scratch", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(policies, policies, step), { minLength: 1, maxLength: 5 }), async (rounds) => {
      const nb = await openNorthbound();
      using service = serve(nb, []);
      const live = service.live;
      for (const [i, [wanted, asked, change]] of rounds.entries()) {
        service.setPolicies(wanted);
        for (const source of asked) service.problemWith(source);
        await change(nb);
        using oracle = fromScratch(nb, ...rounds.slice(0, i + 1).map(([before]) => before));
        expect(rowsOf(service)).toEqual(rowsOf(oracle));
        expect(service.live).toBe(live);
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
