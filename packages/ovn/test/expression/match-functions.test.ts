import { compile, Engine, type Value } from "@tenet/datalog";
import { matchFunctions } from "@tenet/ovn";
import { expect, test } from "vitest";

const GROUPS = [["web", ["web1", "web2"]]] as const;
const SETS = [["friends", ["10.0.0.1", "10.1.0.0/16"]]] as const;

/** All results of `call`, in which `groups` and `sets` can be named. */
function results(call: string): Value[] {
  const text = `input given(groups, sets)\noutput result(value)\nresult(value) :- given(groups, sets), value in ${call}`;
  const engine = new Engine(compile([{ name: "test", text }], { functions: matchFunctions() }));
  engine.transact([{ relation: "given", tuple: [GROUPS, SETS] as unknown as Value[], weight: 1 }]);
  return engine.rows("result").map(([value]) => value ?? null);
}

test.each<[match: string, where: string, field: string, expected: Value[]]>([
  ["outport == @web && tcp.dst == 80", "1", "outport", ["web1", "web2"]],
  ["tcp.dst == 80", "1", "outport", [null]],
  ["ip4.src == $friends", "1", "ip4.src", ["10.0.0.1", "10.1.0.0/16"]],
  ["ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == 80", "tcp.dst == 443", "ip4.src", []],
  ["ip4.src == 10.0.0.1 || ip6", "ip4", "ip4.src", ["10.0.0.1"]],
  ["ip4.src == 10.0.0.1 || udp", "ip4", "ip4.src", ["10.0.0.1", null]],
  ["ip6.src == fd00::/64", "1", "ip6.src", ["fd00::/64"]],
  ["ip4.src == 10.0.0.1/255.0.255.255", "1", "ip4.src", ["10.0.0.1/255.0.255.255"]],
  ["eth.src == 0a:00:00:00:00:01", "1", "eth.src", ["0a:00:00:00:00:01"]],
  ['outport == "web1" && tcp.dst == 80', "tcp.dst < 81", "tcp.dst", ["80"]],
  ["ip4.src ==", "1", "ip4.src", []],
  ["outport == @nobody", "1", "outport", []],
])("the values that %s, %s lets through in %s are %j", (match, where, field, expected) => {
  const found = results(`match_values(${JSON.stringify(match)}, "${where}", "${field}", groups, sets)`);
  expect(found.toSorted()).toEqual(expected.toSorted());
});

test("a match refers to port groups and address sets", () => {
  const found = results('match_refers("outport == @web && ip4.src == {$friends, 10.0.0.1} && inport == @other")');
  expect(found.map(String).toSorted()).toEqual(["$,friends", "@,other", "@,web"]);
});

test.each([
  ["ip4.src == 10.0.0.0/8", "ip4.src == 10.1.2.3", [true]],
  ["ip4.src == 10.0.0.0/8", "ip6", [false]],
  ["nonsense", "ip4", []],
])("whether %s and %s hold together is %j", (match, other, expected) => {
  expect(results(`[match_overlaps("${match}", "${other}")]`)).toEqual(expected);
});

test("large sets are not multiplied", () => {
  const ports = Array.from({ length: 400 }, (_, i) => `p${i}`);
  const addresses = Array.from({ length: 400 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const call = matchFunctions().find(({ name }) => name === "match_values")?.call;
  const match = "outport == @all && ip4.src == $all && tcp.dst == {1, 2, 3}";
  const values = (where: string, field: string): number =>
    [...((call?.(match, where, field, [["all", ports]], [["all", addresses]]) ?? []) as Iterable<Value>)].length;
  expect(values("1", "outport")).toBe(400);
  expect(values("ip4.src == 10.1.1.0/24", "ip4.src")).toBe(144);
  expect(values("ip6", "outport")).toBe(0);
});
