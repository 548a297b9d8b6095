/** The policies of `examples/three-tier`, which stand for what a policy can say about ACLs. */
import { fileURLToPath } from "node:url";
import { matchFunctions } from "@tenet/ovn";
import type { Database } from "@tenet/ovsdb";
import { PolicyService } from "@tenet/policy";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addAcl, errorOf, openNorthbound, run, tag } from "./three-tier.ts";

const FOLDER = fileURLToPath(new URL("../../../examples/three-tier/policies", import.meta.url));

let nb: Database;
let service: PolicyService;

beforeEach(async () => {
  nb = await openNorthbound();
  service = new PolicyService({ functions: matchFunctions() });
  service.addSource("nb", nb);
  service.guard("nb", nb);
  service.openFolder(FOLDER);
  await run(nb, [{ op: "insert", table: "Address_Set", row: { name: "apps", addresses: "10.0.0.21" } }]);
});
afterEach(() => {
  service[Symbol.dispose]();
  nb.close();
});

test("they are in force", () => {
  expect(service.policies().map(({ name, status }) => [name, status])).toEqual([
    ["db-access", "ok"],
    ["pii", "ok"],
  ]);
});

test.each([
  ['outport == "db1" && ip4.src == 10.0.0.21 && tcp.dst == 5432'],
  ['outport == "db1" && ip4.src == $apps && tcp'],
  ['outport == "db1" && ip4.src == 10.0.0.11 && tcp.dst == 5433'],
  ['outport == "db1" && ip4.src == 10.0.0.11 && udp.dst == 5432'],
  ['outport == "app1" && tcp.dst == 5432'],
  ['outport == "db1" && icmp4'],
  ["arp"],
  ['outport == "db1" && ip4.src == $nobody'],
])("an ACL that lets no stranger to the database is taken: %s", async (match) => {
  expect(errorOf(await addAcl(nb, match))).toBeUndefined();
});

test.each([
  ['outport == "db1" && tcp.dst == 5432', "any address"],
  ["1", "any address"],
  ['outport == "db1" && ip4.src == 10.0.0.11 && tcp.dst == 5432', "web1 (10.0.0.11)"],
  ['outport == "db1" && ip4.src == {10.0.0.11, $apps} && tcp', "web1 (10.0.0.11)"],
  ["ip4.src == 10.0.0.0/24 && tcp.dst >= 1024", "10.0.0.0/24"],
  ['ip4.src != 10.0.0.21 && outport == "db1"', "0.0.0.0/"],
  ['outport == "db1" && ip4.src == 192.0.2.7', "192.0.2.7"],
  ['outport == "db1" && ip6.src == fd00::/64 && tcp', "fd00::/64"],
])("an ACL that lets a stranger to the database is refused: %s", async (match, who) => {
  const error = errorOf(await addAcl(nb, match));
  expect(error?.error).toBe("policy violation");
  expect(error?.details).toContain("policy 'db-access' (rule db-access.dl:");
  expect(error?.details).toContain(who);
  expect(nb.table("ACL").size).toBe(0);
});

test("what makes an ACL wrong later is refused, too", async () => {
  await addAcl(nb, 'outport == "db1" && ip4.src == $apps && tcp.dst == 5432');
  expect(errorOf(await tag(nb, "app1", "web"))?.details).toContain("app1 (10.0.0.21), which is no app host");
  const widening = { op: "update", table: "Address_Set", where: [], row: { addresses: ["set", ["10.0.0.21", "10.0.0.11"]] } };
  expect(errorOf(await run(nb, [widening]))?.details).toContain("web1 (10.0.0.11), which is no app host");
});

test("a drop is never refused", async () => {
  expect(errorOf(await addAcl(nb, "1", "drop"))).toBeUndefined();
});
