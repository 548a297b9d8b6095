import { readFileSync } from "node:fs";
import { Classifier, type ClassifierRule, type Conjunction } from "@tenet/classifier";
import { FIELDS, type FieldName, FLOW_WORDS, makeFlowKey, setField } from "@tenet/net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestPriority, matches } from "./linear-scan.ts";

interface NamedRule extends ClassifierRule {
  readonly name: string;
}

type FieldValues = Partial<Record<FieldName, number | readonly [value: number, mask: number]>>;

function rule(name: string, priority: number, fields: FieldValues, conjunctions?: readonly Conjunction[]): NamedRule {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  for (const [field, given] of Object.entries(fields)) {
    const [value, mask] = typeof given === "number" ? [given, 0xffffffff] : given;
    setField(match.key, FIELDS[field as FieldName], value & mask);
    setField(match.mask, FIELDS[field as FieldName], mask);
  }
  return { name, priority, match, conjunctions };
}

function flowOf(fields: FieldValues): Uint32Array {
  return rule("", 0, fields).match.key;
}

function classifierOf(rules: readonly NamedRule[]): Classifier<NamedRule> {
  const classifier = new Classifier<NamedRule>();
  for (const each of rules) classifier.insert(each);
  return classifier;
}

test("the example of the README runs", () => {
  const block = /```ts\n([\s\S]*?)```/.exec(readFileSync(new URL("../README.md", import.meta.url), "utf8"))?.[1] ?? "";
  const body = block.replace(/^import .*$/gm, "");
  const run = new Function("Classifier", "FIELDS", "makeFlowKey", "setField", `${body}; return found;`);
  expect(run(Classifier, FIELDS, makeFlowKey, setField)).toMatchObject({ priority: 100 });
});

test("the best priority wins, and removal uncovers the next", () => {
  const low = rule("low", 10, {});
  const high = rule("high", 20, { eth_type: 0x800 });
  const classifier = classifierOf([low, high]);
  const ip = flowOf({ eth_type: 0x800 });
  expect(classifier.lookup(ip)).toBe(high);
  expect(classifier.lookup(flowOf({ eth_type: 0x806 }))).toBe(low);
  expect(classifier.remove(high)).toBe(true);
  expect(classifier.remove(high)).toBe(false);
  expect(classifier.lookup(ip)).toBe(low);
  expect(classifier.size).toBe(1);
});

test("insert replaces the rule of the same match and priority and returns it", () => {
  const first = rule("first", 5, { in_port: 1 });
  const second = rule("second", 5, { in_port: 1 });
  const classifier = classifierOf([first]);
  expect(classifier.insert(second)).toBe(first);
  expect(classifier.size).toBe(1);
  expect(classifier.find(second.match.key, second.match.mask, 5)).toBe(second);
  expect(classifier.find(second.match.key, second.match.mask, 6)).toBeUndefined();
});

test("a miss in the L2 stage leaves addresses and ports wildcarded", () => {
  const classifier = classifierOf([rule("web", 9, { eth_type: 0x800, nw_proto: 6, nw_dst: 0x0a000001, tp_dst: 80 })]);
  const wildcards = makeFlowKey();
  expect(classifier.lookup(flowOf({ eth_type: 0x806 }), wildcards)).toBeUndefined();
  expect(wildcards).toEqual(rule("", 0, { eth_type: 0xffff }).match.mask);
});

test("subtables that cannot beat the rule in hand are not looked at", () => {
  const classifier = classifierOf([rule("top", 50, { in_port: 3 }), rule("low", 10, { eth_type: 0x800, nw_dst: 1 })]);
  const wildcards = makeFlowKey();
  expect(classifier.lookup(flowOf({ in_port: 3, eth_type: 0x800, nw_dst: 1 }), wildcards)?.name).toBe("top");
  expect(wildcards).toEqual(rule("", 0, { in_port: 0 }).match.mask);
});

test("of masks at one priority the one with the fewest bits is looked at first, and ends the walk", () => {
  const narrow = rule("narrow", 5, { eth_src: 1, eth_type: 0x800 });
  const wide = rule("wide", 5, { eth_type: 0x800 });
  const mask = makeFlowKey();
  expect(classifierOf([narrow, wide]).lookup(flowOf({ eth_src: 1, eth_type: 0x800 }), mask)).toBe(wide);
  expect(mask).toEqual(wide.match.mask);
});

test("a prefix trie un-wildcards only the bits that tell the prefixes apart", () => {
  const classifier = classifierOf([rule("ten", 20, { eth_type: 0x800, nw_dst: [0x0a010200, 0xffffff00] }), rule("any", 1, {})]);
  const wildcards = makeFlowKey();
  expect(classifier.lookup(flowOf({ eth_type: 0x800, nw_dst: 0xc0a80001 }), wildcards)?.name).toBe("any");
  expect(wildcards[FIELDS.nw_dst.word]).toBe(0x80000000);
});

test("conjunctive match: all clauses select the conj_id rule, fewer fall through", () => {
  const classifier = classifierOf([
    rule("src1", 10, { nw_src: 1 }, [{ id: 7, clause: 0, nClauses: 2 }]),
    rule("src2", 10, { nw_src: 2 }, [{ id: 7, clause: 0, nClauses: 2 }]),
    rule("dst3", 10, { nw_dst: 3 }, [{ id: 7, clause: 1, nClauses: 2 }]),
    rule("joined", 10, { conj_id: 7 }),
    rule("beneath", 8, { nw_src: 2 }),
    rule("miss", 0, {}),
  ]);
  expect(classifier.lookup(flowOf({ nw_src: 1, nw_dst: 3 }))?.name).toBe("joined");
  expect(classifier.lookup(flowOf({ nw_src: 2, nw_dst: 3 }))?.name).toBe("joined");
  expect(classifier.lookup(flowOf({ nw_src: 2, nw_dst: 4 }))?.name).toBe("beneath");
  expect(classifier.lookup(flowOf({ nw_src: 1, nw_dst: 4 }))?.name).toBe("miss");
});

test("collectWithin finds the rules that a loose match covers; overlaps sees common packets", () => {
  const classifier = classifierOf([
    rule("a", 5, { in_port: 1, eth_type: 0x800 }),
    rule("b", 6, { in_port: 1 }),
    rule("c", 5, { in_port: 2 }),
    rule("d", 4, { in_port: 1 }),
  ]);
  const found: NamedRule[] = [];
  classifier.collectWithin(rule("", 0, { in_port: 1 }).match, ({ name }) => name !== "d", found).next();
  const names = found.map((each) => each.name);
  expect(names.sort()).toEqual(["a", "b"]);
  expect(overlaps(classifier, { eth_type: 0x800 }, 5)).toEqual([true, 0]);
  expect(overlaps(classifier, { eth_type: 0x800 }, 7)).toEqual([false, 0]);
  expect(overlaps(classifier, { in_port: 3 }, 5)).toEqual([false, 0]);
});

/** Whether rules overlap, and in how many steps beyond the first that was found. */
function overlaps(classifier: Classifier<NamedRule>, fields: FieldValues, priority: number): [boolean, number] {
  const work = classifier.overlaps(rule("", 0, fields).match, priority);
  for (let nSteps = 0; ; nSteps++) {
    const { done, value } = work.next();
    if (done === true) return [value, nSteps];
  }
}

test("overlaps gives way, and looks only where some packet and the priority can be in common", () => {
  const nRules = 3000;
  const last = nRules - 2;
  const rules = Array.from({ length: nRules }, (_, n) => rule(`${n}`, 5 + (n % 2), { in_port: n, nw_src: n < last ? 8 : 7 }));
  const classifier = classifierOf(rules);
  const [isFound, nSteps] = overlaps(classifier, { nw_src: 7, eth_type: 0x800 }, 5);
  expect([isFound, nSteps >= nRules / 32 - 1]).toEqual([true, true]);
  expect(overlaps(classifier, { nw_src: 8, eth_type: 0x800 }, 5)).toEqual([true, 0]);
  expect(overlaps(classifier, { nw_src: 7 }, 4)).toEqual([false, 0]);
  const precise = { in_port: last, nw_src: 7, eth_type: 0x800 };
  expect(overlaps(classifier, precise, 5)).toEqual([true, 0]);
  expect(overlaps(classifier, precise, 6)).toEqual([false, 0]);
  expect(overlaps(classifier, { ...precise, nw_src: 8 }, 5)).toEqual([false, 0]);
});

test("overlaps sees a rule that comes to lie where it has looked", () => {
  const nRules = 3000;
  const rules = Array.from({ length: nRules }, (_, n) => rule(`${n}`, 5, { in_port: n, nw_src: n === nRules - 1 ? 7 : 8 }));
  const classifier = classifierOf(rules);
  const work = classifier.overlaps(rule("", 0, { nw_src: 7 }).match, 5);
  expect(work.next()).toEqual({ done: false, value: undefined });
  classifier.remove(rules[0] as NamedRule); // the last rule takes its place
  let step = work.next();
  while (step.done !== true) step = work.next();
  expect(step.value).toBe(true);
});

test("rules that stay are collected once, whatever comes and goes between the steps of several who collect", () => {
  const action = fc.oneof(
    fc.record({ op: fc.constant("step" as const), who: fc.nat(2) }),
    fc.record({ op: fc.constantFrom("remove" as const, "add" as const), place: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { minLength: 100, maxLength: 400, size: "max" }), (actions) => {
      const held = Array.from({ length: 500 }, (_, n) => rule(`${n}`, 5, { in_port: n }));
      const classifier = classifierOf(held);
      const stayed = new Set(held);
      const collectors = [0, 1, 2].map(() => {
        const found: NamedRule[] = [];
        return { found, steps: classifier.collectWithin(rule("", 0, {}).match, () => true, found) };
      });
      for (const each of actions) {
        if (each.op === "step") collectors[each.who]?.steps.next();
        else if (each.op === "add") {
          const added = rule("new", 5, { in_port: 1000 + (each.place % 200) });
          if (classifier.find(added.match.key, added.match.mask, 5) === undefined) held.push(added);
          else continue;
          classifier.insert(added);
        } else {
          const [gone] = held.splice(each.place % held.length, 1);
          if (gone === undefined) continue;
          classifier.remove(gone);
          stayed.delete(gone);
        }
      }
      for (const { found, steps } of collectors) {
        while (steps.next().done !== true);
        const once = new Set(found);
        expect(once.size).toBe(found.length);
        expect([...stayed].filter((each) => !once.has(each))).toEqual([]);
      }
      for (const each of held) expect(classifier.find(each.match.key, each.match.mask, 5)).toBe(each);
    }),
    { numRuns: 30 },
  );
});

test("who collects comes to an end though a rule goes after each step", () => {
  const rules = Array.from({ length: 3000 }, (_, n) => rule(`${n}`, 5, { in_port: n }));
  const classifier = classifierOf(rules);
  const steps = classifier.collectWithin(rule("", 0, {}).match, () => true, []);
  let nSteps = 0;
  for (; steps.next().done !== true && nSteps < 1000; nSteps++) classifier.remove(rules[nSteps] as NamedRule);
  expect(nSteps).toBeLessThan(100);
});

/** Few values per field, so that random packets hit random rules. */
const VALUES: readonly (readonly [FieldName, readonly number[], readonly number[]])[] = [
  ["in_port", [1, 2, 3], [0xffffffff]],
  ["reg3", [0, 1, 0x10001], [0xffffffff, 0xffff, 0xffff0000]],
  ["eth_type", [0x800, 0x806, 0x86dd], [0xffff]],
  ["vlan_tci", [0, 0x1001, 0x1002], [0xffff, 0x1000, 0x1fff]],
  ["nw_proto", [6, 17, 1], [0xff]],
  ["nw_src", [0x0a000001, 0x0a000102, 0xc0a80001], [0xffffffff, 0xff000000, 0xffffff00, 0xf00000ff]],
  ["nw_dst", [0x0a000001, 0x0a000102, 0x0a800001], [0xffffffff, 0xff000000, 0xffffff00, 0xff800000]],
  ["tp_src", [1024, 1025, 80], [0xffff, 0xfffe]],
  ["tp_dst", [80, 81, 443], [0xffff, 0xfff0]],
];

const packets = fc.tuple(...VALUES.map(([, values]) => fc.constantFrom(...values))).map((values) => {
  const flow = makeFlowKey();
  for (const [i, value] of values.entries()) setField(flow, FIELDS[VALUES[i]?.[0] ?? "in_port"], value);
  return flow;
});

const randomRules = fc
  .tuple(
    fc.integer({ min: 0, max: 8 }),
    fc.tuple(
      ...VALUES.map(([, values, masks]) =>
        fc.option(fc.tuple(fc.constantFrom(...values), fc.constantFrom(...masks)), { freq: 2, nil: undefined }),
      ),
    ),
  )
  .map(([priority, fields]) => {
    const given: FieldValues = {};
    for (const [i, value] of fields.entries()) if (value !== undefined) given[VALUES[i]?.[0] ?? "in_port"] = value;
    return rule("random", priority, given);
  });

/** Inserts all rules, removes some, and keeps the same set in a plain list. */
function build(rules: readonly NamedRule[], removals: readonly number[]): [Classifier<NamedRule>, NamedRule[]] {
  const classifier = new Classifier<NamedRule>();
  let held: NamedRule[] = [];
  for (const each of rules) {
    const displaced = classifier.insert(each);
    held = [...held.filter((other) => other !== displaced), each];
  }
  for (const index of removals) {
    const victim = held[index % Math.max(1, held.length)];
    if (victim === undefined) continue;
    expect(classifier.remove(victim)).toBe(true);
    held = held.filter((other) => other !== victim);
  }
  return [classifier, held];
}

test("any rules, any packets: the priority of the linear scan", () => {
  const property = fc.property(
    fc.array(randomRules, { maxLength: 60 }),
    fc.array(fc.nat(), { maxLength: 20 }),
    fc.array(packets, { minLength: 1, maxLength: 40 }),
    (rules, removals, flows) => {
      const [classifier, held] = build(rules, removals);
      expect(classifier.size).toBe(held.length);
      expect(new Set(classifier.rules())).toEqual(new Set(held));
      for (const flow of flows) {
        const found = classifier.lookup(flow);
        expect(found?.priority ?? -1).toBe(bestPriority(held, flow));
        if (found !== undefined) expect(matches(found, flow)).toBe(true);
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test("any rules, any other match: it overlaps where the bits agree that both look at", () => {
  const property = fc.property(
    fc.array(randomRules, { maxLength: 40 }),
    fc.array(fc.nat(), { maxLength: 10 }),
    fc.array(randomRules, { minLength: 1, maxLength: 20 }),
    (rules, removals, others) => {
      const [classifier, kept] = build(rules, removals);
      for (const { match, priority } of others) {
        const isCommon = (held: NamedRule): boolean =>
          held.priority === priority &&
          held.match.mask.every(
            (bits, i) => (((held.match.key[i] ?? 0) ^ (match.key[i] ?? 0)) & bits & (match.mask[i] ?? 0)) === 0,
          );
        expect(classifier.overlaps(match, priority).next().value).toBe(kept.some(isCommon));
      }
    },
  );
  fc.assert(property, { numRuns: 100 });
});

test("any wildcarded bit may flip without another answer", () => {
  const property = fc.property(
    fc.array(randomRules, { maxLength: 40 }),
    fc.array(fc.nat(), { maxLength: 10 }),
    packets,
    fc.array(packets, { minLength: 1, maxLength: 5 }),
    (rules, removals, flow, others) => {
      const [classifier] = build(rules, removals);
      const wildcards = makeFlowKey();
      const found = classifier.lookup(flow, wildcards);
      for (let bit = 0; bit < FLOW_WORDS * 32; bit++) {
        const word = bit >>> 5;
        if (((wildcards[word] ?? 0) & (1 << (bit & 31))) !== 0) continue;
        const flipped = flow.slice();
        flipped[word] = (flipped[word] ?? 0) ^ (1 << (bit & 31));
        if (classifier.lookup(flipped) !== found) expect.fail(`bit ${bit} decides but is wildcarded`);
      }
      for (const other of others) {
        const mixed = flow.map((value, word) => {
          const mask = wildcards[word] ?? 0;
          return (value & mask) | ((other[word] ?? 0) & ~mask);
        });
        const mixedWildcards = makeFlowKey();
        expect(classifier.lookup(mixed, mixedWildcards)).toBe(found);
        expect(mixedWildcards).toEqual(wildcards);
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test("thousands of insertions and removals leave an empty classifier that finds nothing", () => {
  const classifier = new Classifier<NamedRule>();
  const rules = Array.from({ length: 5000 }, (_, i) =>
    rule(`${i}`, i % 7, { eth_type: 0x800, nw_dst: [Math.imul(i, 2654435761), i % 2 === 0 ? 0xffffffff : 0xffffff00] }),
  );
  for (const each of rules) classifier.insert(each);
  for (const each of rules) classifier.remove(each);
  expect(classifier.size).toBe(0);
  expect(classifier.nSubtables).toBe(0);
  const wildcards = makeFlowKey();
  expect(classifier.lookup(flowOf({ eth_type: 0x800, nw_dst: 5 }), wildcards)).toBeUndefined();
  expect(wildcards).toEqual(makeFlowKey());
});

test("a packet that misses by its ports un-wildcards as many of their bits as tell them from those of the rules", () => {
  const web = rule("web", 9, { eth_type: 0x800, nw_proto: 6, tp_dst: 0x0050 });
  const https = rule("https", 9, { eth_type: 0x800, nw_proto: 6, tp_dst: 0x01bb });
  const classifier = classifierOf([web, https]);
  const portsOf = (tp_dst: number): number => {
    const wildcards = makeFlowKey();
    classifier.lookup(flowOf({ eth_type: 0x800, nw_proto: 6, tp_dst }), wildcards);
    return wildcards[FIELDS.tp_dst.word] ?? 0;
  };
  expect(portsOf(0x8000)).toBe(0x8000);
  expect(portsOf(0x0100)).toBe(0xff80);
  expect(portsOf(0x0050)).toBe(0xffff);
  classifier.remove(https);
  expect(portsOf(0x0100)).toBe(0xff00);
});

test("a large classifier whose rules come and go answers as one that was filled at once", () => {
  const classifier = new Classifier<NamedRule>();
  const ruleOf = (i: number): NamedRule =>
    rule(`${i}`, i % 11, {
      eth_type: 0x800,
      nw_dst: [Math.imul(i, 2654435761) >>> 0, i % 3 === 0 ? 0xffffffff : 0xfffff000],
      ...(i % 2 === 0 ? { nw_proto: 6, tp_dst: i % 1000 } : {}),
    });
  const rules = Array.from({ length: 6000 }, (_, i) => ruleOf(i));
  for (const each of rules) classifier.insert(each);
  for (const each of rules.slice(0, 5000)) classifier.remove(each);
  for (const each of rules.slice(0, 2000)) classifier.insert(each);
  const held = [...rules.slice(0, 2000), ...rules.slice(5000)];
  const fresh = classifierOf(held);
  expect(classifier.size).toBe(fresh.size);
  for (const { match } of rules) {
    expect(classifier.lookup(match.key)?.priority).toBe(fresh.lookup(match.key)?.priority);
  }
});
