import { SourceError } from "@tenet/kit";
import { createSymbols, parseExpression, referencesOf } from "@tenet/ovn";
import fc from "fast-check";
import { expect, test } from "vitest";

const symbols = createSymbols();

function faultOf(text: string): SourceError {
  try {
    parseExpression({ file: "match", text }, symbols);
  } catch (error) {
    if (error instanceof SourceError) return error;
  }
  throw new Error(`"${text}" was accepted`);
}

test.each([
  ["ip4 && !tcp", 9, /Cannot negate the predicate "tcp"/],
  ["!ip4", 2, /Cannot negate/],
  ["tcp == 0", 1, /Cannot negate/],
  [`inport != "web"`, 1, /only be tested for equality/],
  ["ip.ttl > 1", 1, /Cannot order the nominal field/],
  ["eth.type != 0x800", 1, /only be tested for equality/],
  ["icmp.type == 5", 1, /Unknown field "icmp.type"/],
  ["ip4 && tcp || udp", 12, /cannot be mixed/],
  ["ip4 && (tcp || udp", 19, /Unexpected end; expected "\)"/],
  ["tcp.dst == 99999", 12, /17-bit constant does not fit the 16 bits/],
  ["tcp.src == 80/0xff", 15, /expected a mask in the form of the value/],
  ["!tcp.dst == 80", 2, /needs parentheses/],
  ["tcp.src == 1/2/3", 15, /Unexpected "\/"/],
  ["tcp.dst == 80;", 14, /Unexpected ";"/],
  ["tcp.dst", 8, /expected a comparison/],
  ["inport", 7, /expected a comparison/],
  ["ip4.src == {}", 13, /expected a constant/],
  ["ip.dscp[0]", 8, /Cannot select bits of the nominal field/],
  ["tcp.src[4..2] == 1", 8, /has no bits 4..2/],
  ["1 < tcp.src > 5", 15, /expected a range/],
  ["tcp.src < {1, 2}", 1, /Cannot order against a set/],
  ["tcp.src < 0x1/0x3", 11, /Cannot order against a masked constant/],
  ["ip4.src == 10.0.0.0/33", 21, /prefix length of at most 32/],
  ["ip4.src == 10.0.0.300", 12, /Cannot read "10.0.0.300"/],
  [`ip4.src == "web"`, 12, /expected a 32-bit number/],
  ["inport == 5", 11, /expected the quoted name of a port/],
  ["tcp.dst == 80 § 1", 15, /Cannot read "§"/],
])("%s is refused at column %i", (text, column, message) => {
  const fault = faultOf(text);
  expect(fault.message).toMatch(message);
  expect(fault.at.column).toBe(column);
});

test("a misspelt field comes with the nearest name", () => {
  expect(faultOf("ip4.srcc == 1.1.1.1").hint).toBe(`did you mean "ip4.src"?`);
});

test("comments, constants first, sets without commas and double negation are read", () => {
  const texts = [
    "/* a */ tcp.dst == 80 // b",
    "80 == tcp.dst",
    "tcp.dst == {80 443,}",
    "!!vlan.present",
    "ip6.src == ::ffff:1.2.3.4/128",
  ];
  for (const text of texts) expect(() => parseExpression({ file: "match", text }, symbols)).not.toThrow();
});

test("the references of a match are its sets, groups, ports and residents", () => {
  const text = `inport == @pg && ip4.src == {$a, 1.1.1.1} && outport == "p" && is_chassis_resident("cr")`;
  const found = referencesOf(parseExpression({ file: "match", text }, symbols).root);
  expect([...found.addressSets, ...found.portGroups, ...found.ports, ...found.residents]).toEqual([
    "a",
    ["inport", "pg"],
    ["outport", "p"],
    "cr",
  ]);
});

test("any text gives an expression or a SourceError with a position", () => {
  const token = fc.constantFrom(
    "ip4",
    "tcp.dst",
    "==",
    "!",
    "(",
    ")",
    "&&",
    "||",
    "80",
    "10.0.0.1",
    "/",
    "{",
    "}",
    "$a",
    "@b",
    '"c"',
    "[",
    "..",
    "<",
    "::",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(token).map((tokens) => tokens.join(" ")),
        fc.string(),
      ),
      (text) => {
        try {
          parseExpression({ file: "match", text }, symbols);
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
