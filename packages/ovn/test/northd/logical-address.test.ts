import { expect, test } from "vitest";
import { parseLogicalAddress } from "../../src/northd/logical-address.ts";

const CASES: readonly [string, ReturnType<typeof parseLogicalAddress>][] = [
  ["0A:00:00:00:00:01", { mac: "0a:00:00:00:00:01", ip4s: [], ip6s: [] }],
  ["0a:00:00:00:00:01 10.0.0.1 FD00:0::1", { mac: "0a:00:00:00:00:01", ip4s: ["10.0.0.1"], ip6s: ["fd00::1"] }],
  ["0a:00:00:00:00:01 10.0.0.1/24 fe80::1/64", { mac: "0a:00:00:00:00:01", ip4s: ["10.0.0.1"], ip6s: ["fe80::1"] }],
  ["0a:00:00:00:00:01 foo 10.0.0.1", { mac: "0a:00:00:00:00:01", ip4s: [], ip6s: [] }],
  ["unknown", undefined],
  ["router", undefined],
  ["dynamic", undefined],
  ["", undefined],
  ["10.0.0.1", undefined],
];

for (const [text, parsed] of CASES) {
  test(`"${text}" is read as ${JSON.stringify(parsed)}`, () => {
    expect(parseLogicalAddress(text)).toEqual(parsed);
  });
}
