import { compile, Engine, scalar, type Tuple } from "@tenet/datalog";
import { expect, test } from "vitest";

test("values that print alike are different rows in the sum of several steps", () => {
  const engine = new Engine(compile([{ name: "test.dl", text: "input v(x: any)" }]));
  const rows: Tuple[] = [
    ["10.0.0.1"],
    [scalar("ip", "10.0.0.1") ?? null],
    [2n ** 60n],
    [String(2n ** 60n)],
    [[1, "2"]],
    ['[1,"2"]'],
  ];
  const transaction = engine.begin();
  for (const row of rows) {
    transaction.insert("v", row);
    transaction.evaluate();
  }
  transaction.delete("v", [2n ** 60n]);
  const delta = transaction.commit().get("v");
  expect([delta?.inserted, delta?.deleted]).toEqual([rows.filter(([value]) => value !== 2n ** 60n), []]);
});
