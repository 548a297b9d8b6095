import { expect, test } from "vitest";
import type { Violation } from "../src/api.ts";
import { subjectsOf, violationsByName } from "../src/violation-subjects.ts";
import { cloudFixture, DB_ACL } from "./fixture.ts";

const state = cloudFixture();
const [first] = state.violations;
if (first === undefined) throw new Error("the fixture has a violation");
const violation: Violation = first;

test.each([
  ["a port", ["db1-port", "text"], ["db1", "db1-port"]],
  ["a host", ["web2"], ["web2", "web2-port"]],
  ["an address", [["10.0.0.21"]], ["app1", "app1-port"]],
  ["an ACL, which stands for its switch", [DB_ACL], ["tiers"]],
  ["nothing on the page", ["elsewhere", 7, null, true], []],
])("a violation that names %s marks it", (_what, row, expected) => {
  expect([...subjectsOf({ ...violation, row }, state)].toSorted()).toEqual(expected);
});

test("what the server says it is about counts more than the row", () => {
  expect([...subjectsOf({ ...violation, about: ["intruder"] }, state)]).toEqual(["intruder", "intruder-port"]);
});

test("violations are found by the name of whatever they speak of", () => {
  const byName = violationsByName(state);
  expect(byName.get("db1")).toEqual([violation]);
  expect(byName.get("web1")).toBeUndefined();
});
