import { expect, test } from "vitest";
import { namedReferences, summaryBeside } from "../src/explain/cause-text.ts";

test.each([
  [
    "ACL",
    'ACL "db-nothing-else" (to-lport, priority 1000, drop) on port group db',
    '"db-nothing-else" (to-lport, priority 1000, drop) on port group db',
  ],
  ["Logical_Switch", "switch prod", "prod"],
  ["Logical_Switch_Port", "port web1 (0a:00:00:00:01:0b 10.0.1.11)", "web1 (0a:00:00:00:01:0b 10.0.1.11)"],
  ["DHCP_Options", "DHCP_Options", ""],
  ["NB_Global", "the options of the whole northbound database", "the options of the whole northbound database"],
  ["ACL", "ACLs of old", "ACLs of old"],
])("beside %s, the summary %j reads %j", (table, summary, expected) => {
  expect(summaryBeside({ table, summary })).toBe(expected);
});

const names = new Map([
  ["u1", "web1"],
  ["u2", "app1"],
]);

test("references read as the names of their rows, sorted", () => {
  expect(namedReferences(["u1", "u2"], names)).toEqual(["app1", "web1"]);
  expect(namedReferences("u1", names)).toBe("web1");
});

test("what is no reference, or one to an unknown row, stays as it is", () => {
  for (const value of [["u1", "u9"], ["u1", 7], [], 7, null, { u1: "u1" }, "drop"])
    expect(namedReferences(value, names)).toEqual(value);
});
