import fc from "fast-check";
import { expect, test } from "vitest";
import { parseInSteps } from "../src/rpc/json-steps.ts";
import { finish } from "../src/rpc/work.ts";

const parse = (text: string) => finish(parseInSteps(text, (piece) => JSON.parse(piece)));

/** Nested deeply and widely enough that no level of it is one piece. */
const large = fc.tuple(fc.jsonValue(), fc.string({ unit: "binary" })).map(([value, name]) => {
  const rows = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`${name}${i}`, { i, value, name: [name, "]", "\\"] }]));
  return { method: name, __proto: 1, params: [null, [], {}, rows, [rows]] };
});

test("a text parsed in steps is what it is at once, whatever the space in it", () => {
  fc.assert(
    fc.property(large, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
    { numRuns: 30 },
  );
});

test("others may come first after every few rows", () => {
  const rows = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`row${i}`, { columns: "x".repeat(100) }]));
  expect([...parseInSteps(JSON.stringify({ params: [rows] }), (piece) => JSON.parse(piece))].length).toBeGreaterThanOrEqual(500);
});

test("a member called __proto__ is a member", () => {
  const text = `{"__proto__":{"a":1},"b":[${"0,".repeat(5000)}0]}`;
  expect(JSON.stringify(parse(text))).toBe(text);
});

test("what is no JSON is refused wherever it is cut or spoilt", () => {
  const text = JSON.stringify({ a: Array.from({ length: 700 }, (_, i) => ({ i, t: 'x\\"y' })), b: { c: [1, 2] } });
  for (let length = 1; length < text.length; length += 37)
    expect(() => parse(text.slice(0, length)), String(length)).toThrow(SyntaxError);
  const at = text.indexOf('"b"');
  for (const spoilt of [
    `${text}}`,
    `${text} 1`,
    text.replace('"b":', '"b"'),
    text.replace('"b":', "b:"),
    text.slice(0, at - 1) + text.slice(at),
  ]) {
    expect(() => parse(spoilt)).toThrow(SyntaxError);
  }
});
