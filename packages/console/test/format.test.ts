import { expect, test } from "vitest";
import { breakable, formatValue, shortPath } from "../src/format.ts";
import { pageTitle } from "../src/page-title.ts";
import { cloudFixture } from "./fixture.ts";

test("a long path keeps its end", () => {
  expect(shortPath("/srv/clouds/three-tier/policies/pii.dl")).toBe("…/three-tier/policies/pii.dl");
  expect(shortPath("policies/pii.dl")).toBe("policies/pii.dl");
  expect(shortPath("/policies/pii.dl")).toBe("/policies/pii.dl");
});

test("lists of words read as words, everything else as JSON", () => {
  expect(formatValue(["web1", "app1"])).toBe("web1, app1");
  expect(formatValue([])).toBe("[]");
  expect(formatValue([1, "a"])).toBe('[1,"a"]');
});

test("the page's title begins with what is wrong", () => {
  const state = cloudFixture();
  expect(pageTitle(state, false)).toBe("1 violation · three-tier · Tenet");
  expect(pageTitle({ ...state, nViolations: 41 }, false)).toBe("41 violations · three-tier · Tenet");
  expect(pageTitle({ ...state, violations: [] }, true)).toBe("not live · three-tier · Tenet");
  expect(pageTitle(undefined, false)).toBe("Tenet");
});

test("flows may break after the commas between their parts", () => {
  expect(breakable("ip,reg15=0x3").split("\u200b")).toEqual(["ip,", "reg15=0x3"]);
  expect(breakable("set_field:0->reg0,resubmit(,42)").split("\u200b")).toEqual(["set_field:0->reg0,", "resubmit(,42)"]);
});
