import { expect, test } from "vitest";
import { formatLeftOut, LeftOut } from "../src/up/left-out.ts";

const ACL = { table: "ACL", row: "3f2a1b2c-0000-4000-8000-000000000000", name: "ip4", reason: "this ACL allows nothing" };
const ROUTER = { table: "Logical_Router", row: "4f2a1b2c-0000-4000-8000-000000000000", name: "", reason: "routers are left out" };

test("each row is told once, those of before as soon as somebody listens, and again when it comes back", () => {
  const leftOut = new LeftOut();
  const told: string[] = [];
  leftOut.update([ACL]);
  leftOut.tellTo((row) => told.push(formatLeftOut(row)));
  leftOut.update([ACL, ROUTER]);
  leftOut.update([ROUTER]);
  expect(told).toEqual(["ACL ip4: this ACL allows nothing", "Logical_Router 4f2a1b2c: routers are left out"]);
  leftOut.update([ROUTER, ACL]);
  expect(told).toHaveLength(3);
});
