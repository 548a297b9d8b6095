import type { ConnectionInfo } from "@tenet/datapath";
import { parseIp4 } from "@tenet/net";
import { expect, test } from "vitest";
import { parseConnectionFilter, parseTuple } from "../src/control/dpctl/connection-match.ts";

const address = (text: string): Uint32Array => Uint32Array.of(parseIp4(text));

/** 10.0.0.1:5000 -> 10.0.0.2:80, whose source is translated to 10.9.9.9. */
const TCP: ConnectionInfo = {
  family: 4,
  proto: 6,
  zone: 3,
  original: { src: address("10.0.0.1"), dst: address("10.0.0.2"), srcPort: 5000, dstPort: 80 },
  reply: { src: address("10.0.0.2"), dst: address("10.9.9.9"), srcPort: 80, dstPort: 5000 },
  mark: 7,
  label: new Uint32Array(4),
  tcpStates: ["ESTABLISHED", "ESTABLISHED"],
  timeoutMs: 1000,
};
/** A ping from fd00::1 to fd00::2. */
const PING6: ConnectionInfo = {
  ...TCP,
  family: 6,
  proto: 58,
  original: {
    src: Uint32Array.of(0xfd000000, 0, 0, 1),
    dst: Uint32Array.of(0xfd000000, 0, 0, 2),
    srcPort: 9,
    dstPort: 128 << 8,
  },
  mark: 0,
  tcpStates: undefined,
};

const CASES: readonly [conditions: string[], tcp: boolean, ping: boolean][] = [
  [["src=10.0.0.1"], true, false],
  [["src=10.0.0.1", "dport=81"], false, false],
  [["ct_nw_src=10.0.0.1", "ct_nw_dst=10.0.0.2", "ct_nw_proto=6", "ct_tp_src=5000", "ct_tp_dst=80"], true, false],
  [["proto=tcp"], true, false],
  [["proto=icmpv6"], false, true],
  [["ct_ipv6_dst=fd00::2", "icmp_id=9", "icmp_type=128", "icmp_code=0"], false, true],
  [["mark=0x7"], true, false],
  [["dst=10.9.9.9"], false, false], // of the answers, not of the original direction
];

test.each(CASES)("%j", (conditions, isTcp, isPing) => {
  const { zone, matches } = parseConnectionFilter(conditions);
  expect(zone).toBeUndefined();
  expect([matches?.(TCP), matches?.(PING6)]).toEqual([isTcp, isPing]);
});

test("a zone is a condition of its own, and no condition matches everything", () => {
  expect(parseConnectionFilter(["zone=65535"])).toEqual({ zone: 65535 });
  expect(parseConnectionFilter([])).toEqual({});
  expect(parseTuple([])(TCP, TCP.reply)).toBe(true);
});

test("a tuple can be held against the answers", () => {
  expect(parseTuple(["dst=10.9.9.9", "sport=80"])(TCP, TCP.reply)).toBe(true);
});

test.each([
  [["port=1"], "invalid condition port=1"],
  [["src=10.0.0.256"], 'failed to parse address "10.0.0.256"'],
  [["dport=65536"], 'failed to parse dport "65536" (expected 0 to 65535)'],
  [["zone="], 'failed to parse zone ""'],
  [["proto=tpc"], 'failed to parse proto "tpc"'],
])("%j is refused", (conditions, message) => {
  expect(() => parseConnectionFilter(conditions)).toThrow(message);
});
