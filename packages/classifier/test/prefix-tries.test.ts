/** Prefixes of many lengths in several fields: more masks than there are slots, and rules that come and go. */
import { Classifier, type ClassifierRule } from "@tenet/classifier";
import { FIELDS, type FieldName, FLOW_WORDS, makeFlowKey, setFieldBig } from "@tenet/net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestPriority } from "./linear-scan.ts";

/** Fields with a trie, and addresses that have long and short prefixes in common. */
const ADDRESSES: readonly (readonly [FieldName, readonly bigint[]])[] = [
  ["nw_src", [0x0a000001n, 0x0a000081n, 0x0a800001n, 0xc0a80101n]],
  ["nw_dst", [0x0a000001n, 0x0a000003n, 0x0a010001n, 0xc0a80101n]],
  ["ipv6_dst", [1n, 0x20010db8n << 96n, (0x20010db8n << 96n) + 1n, (0x20010db8n << 96n) + (1n << 40n)]],
  ["tp_dst", [80n, 81n, 443n, 8080n]],
  ["tp_src", [80n, 1024n, 1025n, 65535n]],
];

/** The first bits of some fields: of each the number of a value and a length, 0 = none. */
type Prefixes = readonly (readonly [value: number, length: number])[];

function ruleOf(priority: number, prefixes: Prefixes): ClassifierRule {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  for (const [i, [name, values]] of ADDRESSES.entries()) {
    const [value, length] = prefixes[i] ?? [0, 0];
    const field = FIELDS[name];
    const mask = ((1n << BigInt(length)) - 1n) << BigInt(field.nBits - length);
    setFieldBig(match.mask, field, mask);
    setFieldBig(match.key, field, (values[value] ?? 0n) & mask);
  }
  return { priority, match };
}

function flowOf(values: readonly number[]): Uint32Array {
  return ruleOf(
    0,
    ADDRESSES.map(([name], i) => [values[i] ?? 0, FIELDS[name].nBits]),
  ).match.key;
}

const anyFlow = fc.tuple(...ADDRESSES.map(() => fc.nat(3))).map(flowOf);
const anyRule = fc
  .tuple(
    fc.integer({ min: 0, max: 30 }),
    fc.tuple(
      ...ADDRESSES.map(([name]) =>
        fc.tuple(fc.nat(3), fc.option(fc.integer({ min: 1, max: FIELDS[name].nBits }), { freq: 1, nil: 0 })),
      ),
    ),
  )
  .map(([priority, prefixes]) => ruleOf(priority, prefixes));

function classifierOf(rules: Iterable<ClassifierRule>): Classifier<ClassifierRule> {
  const classifier = new Classifier();
  for (const rule of rules) classifier.insert(rule);
  return classifier;
}

function maskOf(classifier: Classifier<ClassifierRule>, flow: Uint32Array): Uint32Array {
  const mask = makeFlowKey();
  classifier.lookup(flow, mask);
  return mask;
}

test("with more masks than slots lookups find what the linear scan finds, and no wildcarded bit decides", () => {
  const property = fc.property(fc.array(anyRule, { minLength: 150, maxLength: 300 }), anyFlow, anyFlow, (rules, flow, other) => {
    const classifier = classifierOf(rules);
    const mask = makeFlowKey();
    const found = classifier.lookup(flow, mask);
    expect(found?.priority ?? -1).toBe(bestPriority([...classifier.rules()], flow));
    for (let bit = 0; bit < FLOW_WORDS * 32; bit++) {
      const word = bit >>> 5;
      if (((mask[word] ?? 0) & (1 << (bit & 31))) !== 0) continue;
      const flipped = flow.slice();
      flipped[word] = (flipped[word] ?? 0) ^ (1 << (bit & 31));
      if (classifier.lookup(flipped) !== found) expect.fail(`bit ${bit} decides but is wildcarded`);
    }
    const mixed = flow.map((value, word) => (value & (mask[word] ?? 0)) | ((other[word] ?? 0) & ~(mask[word] ?? 0)));
    expect(maskOf(classifier, mixed)).toEqual(mask);
  });
  fc.assert(property, { numRuns: 40, endOnFailure: true });
});

test("rules that went leave nothing in the masks of those that stay", () => {
  const property = fc.property(
    fc.array(anyRule, { maxLength: 60 }),
    fc.array(fc.nat(), { maxLength: 60 }),
    fc.array(anyFlow, { minLength: 1, maxLength: 20 }),
    (rules, removals, flows) => {
      const classifier = classifierOf(rules);
      for (const removal of removals) {
        const rule = rules[removal % Math.max(1, rules.length)];
        if (rule !== undefined) classifier.remove(rule);
      }
      const fresh = classifierOf(classifier.rules());
      for (const flow of flows) expect(maskOf(classifier, flow)).toEqual(maskOf(fresh, flow));
    },
  );
  fc.assert(property, { numRuns: 200, endOnFailure: true });
});

test("a subtable is refused by the bits that tell its own prefixes from the address, whatever prefixes others have", () => {
  const rules = [
    ruleOf(9, [
      [0, 0],
      [0, 32],
    ]),
    ruleOf(0, [
      [0, 0],
      [3, 24],
    ]),
  ];
  const [exact, wide] = rules.map((rule) => classifierOf([rule])) as [Classifier<ClassifierRule>, Classifier<ClassifierRule>];
  const flow = flowOf([0, 2, 0, 0, 0]); // 10.1.0.1: the 16th bit tells it from 10.0.0.1, the first from 192.168.1.1
  const word = FIELDS.nw_dst.word;
  expect(maskOf(exact, flow)[word]).toBe(0xffff0000);
  expect(maskOf(wide, flow)[word]).toBe(0x80000000);
  expect(maskOf(classifierOf(rules), flow)[word]).toBe(0xffff0000);
});

test("two addresses are asked by turns, so that one that refuses early keeps the other out of the mask", () => {
  const classifier = classifierOf([
    ruleOf(9, [
      [0, 32],
      [0, 32],
    ]),
  ]);
  const mask = maskOf(classifier, flowOf([3, 0, 0, 0, 0]));
  expect(mask[FIELDS.nw_dst.word]).toBe(0xff000000);
  expect(mask[FIELDS.nw_src.word]).toBe(0x80000000);
});

test("first of two addresses is asked the one that more subtables have a prefix of, since it is in most masks anyway", () => {
  const classifier = classifierOf([
    ruleOf(9, [
      [0, 32],
      [0, 32],
    ]),
    ruleOf(0, [[3, 16]]),
  ]);
  const mask = maskOf(classifier, flowOf([3, 3, 0, 0, 0]));
  expect(mask[FIELDS.nw_dst.word]).toBe(0);
  expect(mask[FIELDS.nw_src.word]).toBe(0xffff0000);
});
