import { expect, test } from "vitest";
import { formatQuestion, parseQuestion } from "../src/question.ts";

test.each(["web1 -> db1 tcp 5432", "a -> b icmp", "a -> 10.0.0.9 udp 53"])("%s reads back as written", (text) => {
  const question = parseQuestion(text);
  expect(question && formatQuestion(question)).toBe(text);
});

test("ping and a missing protocol both mean ICMP", () => {
  expect(parseQuestion("a -> b ping")).toEqual({ from: "a", to: "b", protocol: "icmp", port: "" });
  expect(parseQuestion("a -> b")).toEqual({ from: "a", to: "b", protocol: "icmp", port: "" });
});

test("what the form cannot show stays free text", () => {
  expect(parseQuestion("web1 -> db1 tcp 5432 from port 99")).toBeUndefined();
  expect(parseQuestion("why?")).toBeUndefined();
});
