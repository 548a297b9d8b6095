import { SourceError } from "@tenet/kit";
import { FIELDS, FLOW_WORDS, setField, setFieldBig } from "@tenet/net";
import {
  createSymbols,
  factorize,
  isSatisfiable,
  type MatchContext,
  matchOf,
  multiplyOut,
  normalize,
  parseExpression,
  simplify,
  type Sum,
} from "@tenet/ovn";
import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluate } from "./naive.ts";

const symbols = createSymbols();
const PORTS: Readonly<Record<string, number>> = { web: 1, app: 2, db: 3, none: 0 };
const context: MatchContext = {
  portKey: (name) => PORTS[name],
  addressSet: (name) => ({ empty: [], hosts: ["10.0.0.1", "10.0.0.2/31"], mixed: ["fd00::1", "10.0.0.1"] })[name],
  portGroup: (name) => ({ tier: ["web", "app", "gone"] })[name],
  isResident: (port) => port === "web",
};

function parse(text: string) {
  return parseExpression({ file: "match", text }, symbols);
}

/** The normal form; an example that is refused because it needs too many flows counts as not drawn. */
function normalFormOf(parsed: ReturnType<typeof parse>): Sum {
  try {
    return normalize(parsed, context);
  } catch (error) {
    fc.pre(!(error instanceof SourceError && error.message.includes("needs more than 65536 flows")));
    throw error;
  }
}

function matches(sum: Sum, packet: Uint32Array): boolean {
  return sum.some((term) => term.every(({ word, value, mask }) => (((packet[word] ?? 0) ^ value) & mask) === 0));
}

const small = fc.integer({ min: 0, max: 15 });
const relation = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
const atom = fc.oneof(
  fc
    .tuple(fc.constantFrom("reg0[0..3]", "reg1[28..31]", "xreg0[30..33]", "vlan.pcp", "tcp.src[0..3]"), relation, small)
    .map(([field, op, n]) => `(${field} ${op} ${field === "vlan.pcp" ? n % 8 : n})`),
  fc
    .tuple(fc.constantFrom("reg0[0..3]", "udp.dst[0..3]", "ip4.src[0..3]"), fc.constantFrom("==", "!="), small, small)
    .map(([field, op, a, b]) => `(${field} ${op} {${a}, ${b}})`),
  fc.tuple(small, small, fc.constantFrom("==", "!=")).map(([value, mask, op]) => `(reg0[2..5] ${op} ${value}/${mask})`),
  fc.tuple(small, small).map(([a, b]) => `(${a} <= reg1[28..31] < ${b})`),
  fc.constantFrom("vlan.present", "flags.loopback", "eth.mcast", "reg0[1]", "ct.est", "1", "0", `is_chassis_resident("web")`),
);
/** Nominal fields cannot stand under "!", so they come in on the positive side only. */
const nominal = fc.constantFrom(
  "ip4",
  "ip",
  "tcp",
  "udp",
  "icmp",
  "arp",
  `inport == "web"`,
  `outport == {"app", "db"}`,
  "ip.proto == 6",
);
const ordinal = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    atom,
    fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(" && ")})`),
    fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(" || ")})`),
    tie("node").map((part) => `!(${part})`),
  ),
})).node;
const expression = fc.oneof(
  ordinal,
  fc.tuple(ordinal, nominal, nominal).map(([a, b, c]) => `(${a} || ${b}) && (${c} || ${a})`),
);
const packet = fc
  .record({
    registers: fc.tuple(small, small, small, small),
    ethType: fc.constantFrom(0x800, 0x86dd, 0x806),
    proto: fc.constantFrom(1, 6, 17, 58),
    ports: fc.tuple(small, small, small, small),
    flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    vlan: fc.integer({ min: 0, max: 0xffff }),
  })
  .map(({ registers, ethType, proto, ports, flags, vlan }) => {
    const key = new Uint32Array(FLOW_WORDS);
    setField(key, FIELDS.reg0, registers[0] | (registers[2] << 2));
    setField(key, FIELDS.reg1, (registers[1] << 28) | registers[3]);
    setField(key, FIELDS.eth_type, ethType);
    setField(key, FIELDS.nw_proto, proto);
    setField(key, FIELDS.tp_src, ports[0]);
    setField(key, FIELDS.tp_dst, ports[1]);
    setField(key, FIELDS.reg14, ports[2] % 4);
    setField(key, FIELDS.reg15, ports[3] % 4);
    setField(key, FIELDS.nw_src, ports[0]);
    setField(key, FIELDS.vlan_tci, vlan);
    setField(key, FIELDS.reg10, flags[0] ? 1 : 0);
    setField(key, FIELDS.ct_state, flags[1] ? 0x22 : ports[0]);
    setFieldBig(key, FIELDS.eth_dst, flags[2] ? 1n << 40n : 0n);
    return key;
  });

test("a match in factors holds for the same packets", () => {
  fc.assert(
    fc.property(expression, expression, fc.array(packet, { minLength: 20, maxLength: 20 }), (text, other, packets) => {
      const parsed = parse(text);
      normalFormOf(parsed);
      const extra = parse(other);
      normalFormOf(extra);
      const products = factorize(parsed, context, extra.root);
      for (const key of packets) {
        const isIn = products.some(({ common, factors }) => [[common], ...factors].every((sum) => matches(sum, key)));
        const expected = evaluate(parsed.root, key, context) && evaluate(extra.root, key, context);
        expect(isIn, `${text} and ${other}`).toBe(expected);
        if (expected) expect(products.some(isSatisfiable)).toBe(true);
      }
      for (const product of products) {
        const size = product.factors.reduce((all, { length }) => all * length, 1);
        if (size < 5000) expect(isSatisfiable(product), text).toBe(multiplyOut(product).length > 0);
      }
    }),
    { numRuns: 200, interruptAfterTimeLimit: 10_000 },
  );
});

test("the normal form holds for a packet exactly when the expression does", () => {
  fc.assert(
    fc.property(expression, fc.array(packet, { minLength: 20, maxLength: 20 }), (text, packets) => {
      const parsed = parse(text);
      const sum = normalFormOf(parsed);
      for (const key of packets) expect(matches(sum, key), text).toBe(evaluate(parsed.root, key, context));
    }),
    { numRuns: 400, interruptAfterTimeLimit: 10_000 },
  );
});

test("no term of a normal form covers another, and simplifying again changes nothing", () => {
  fc.assert(
    fc.property(expression, (text) => {
      const sum = normalFormOf(parse(text));
      expect(simplify(sum)).toEqual(sum);
      for (const narrow of sum) {
        const wider = sum.filter((term) =>
          term.every(({ word, value, mask }) => {
            const cell = narrow.find((candidate) => candidate.word === word);
            return cell !== undefined && (mask & ~cell.mask) === 0 && ((cell.value ^ value) & mask) === 0;
          }),
        );
        expect(wider).toEqual([narrow]);
      }
    }),
    { numRuns: 100, interruptAfterTimeLimit: 10_000 },
  );
});

const COUNTS: readonly (readonly [string, number])[] = [
  ["0", 0],
  ["1", 1],
  ["ip4 && ip6", 0],
  ["ip", 2],
  ["tcp.dst != 80", 32],
  ["1024 <= tcp.src <= 1030", 6],
  ["tcp.dst >= 0", 2],
  ["tcp.dst > 65535", 0],
  ["ip4.src == {10.0.0.1, 10.0.0.0/24}", 1],
  ["ip4.src == $hosts", 2],
  ["ip4.src == $empty", 0],
  ["ip4.src != $empty", 1],
  ["ip4.src == {$hosts, 1.1.1.1} && tcp.dst == {80, 443}", 6],
  ["inport == @tier", 2],
  [`inport == "nowhere"`, 0],
  [`outport == "none"`, 1],
  [`is_chassis_resident("web")`, 1],
  [`is_chassis_resident("db")`, 0],
  ["ip4.src == 10.0.0.1 && ip4.src != 10.0.0.1", 0],
  ["nd || nd_rs || nd_ra || mldv1 || mldv2", 8],
];

test.each(COUNTS)("%s needs %i matches", (text, count) => {
  expect(normalize(parse(text), context)).toHaveLength(count);
});

test("a comparison with an empty set is about all packets, as in the original", () => {
  for (const text of ["ip4.src != $empty", "!(ip4.src == $empty)", "!(ip6.src == $empty)"]) {
    expect(normalize(parse(text), context)).toEqual([[]]);
  }
});

test("a match has no key bit outside its mask, and holds wide fields most significant word first", () => {
  const [term = []] = normalize(parse("ip6.dst == ff02::1:ff00:2/ffff::ffff"), context);
  const { key, mask } = matchOf(term);
  const { word } = FIELDS.ipv6_dst;
  expect(Array.from(key.subarray(word, word + 4))).toEqual([0xff020000, 0, 0, 2]);
  expect(Array.from(mask.subarray(word, word + 4))).toEqual([0xffff0000, 0, 0, 0xffff]);
});

test.each([
  ["ip4.src == $nowhere", /no address set "nowhere"/],
  ["inport == @nowhere", /no port group "nowhere"/],
  ["ip4.src == $mixed", /does not fit the 32 bits/],
  ["tcp.src != 1 && tcp.dst != 2 && ip4.src != 1.1.1.1 && ip4.dst != 2.2.2.2", /more than 65536 flows/],
])("%s is refused when it is turned into flows", (text, message) => {
  expect(() => normalize(parse(text), context)).toThrow(message);
});
