/** Staged changes against plain lists: lookups see all of them or none. */
import { Classifier, type ClassifierRule } from "@tenet/classifier";
import { FIELDS, makeFlowKey, setField } from "@tenet/net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestPriority, matches } from "./linear-scan.ts";

const rules = fc
  .record({
    priority: fc.integer({ min: 0, max: 3 }),
    address: fc.option(fc.constantFrom(0x0a000001, 0x0a000002, 0x0b000001), { nil: undefined }),
    prefix: fc.constantFrom(0xffffffff, 0xff000000),
    port: fc.option(fc.constantFrom(80, 81), { nil: undefined }),
  })
  .map(({ priority, address, prefix, port }): ClassifierRule => {
    const match = { key: makeFlowKey(), mask: makeFlowKey() };
    if (address !== undefined) {
      setField(match.key, FIELDS.nw_dst, address & prefix);
      setField(match.mask, FIELDS.nw_dst, prefix);
    }
    if (port !== undefined) {
      setField(match.key, FIELDS.tp_dst, port);
      setField(match.mask, FIELDS.tp_dst, 0xffff);
    }
    return { priority, match };
  });

const packets = [0x0a000001, 0x0a000002, 0x0a000003, 0x0b000001].flatMap((address) =>
  [80, 82].map((port) => {
    const flow = makeFlowKey();
    setField(flow, FIELDS.nw_dst, address);
    setField(flow, FIELDS.tp_dst, port);
    return flow;
  }),
);

const changes = fc.array(
  fc.oneof(
    rules.map((rule) => ({ rule })),
    fc.nat().map((victim) => ({ victim })),
  ),
  { maxLength: 12 },
);

/** What can be taken back. */
interface Done {
  readonly added?: ClassifierRule;
  readonly removed?: ClassifierRule | undefined;
}

function expectLookups(classifier: Classifier<ClassifierRule>, held: readonly ClassifierRule[]): void {
  for (const flow of packets) {
    const found = classifier.lookup(flow);
    expect(found?.priority ?? -1).toBe(bestPriority(held, flow));
    if (found !== undefined) expect(held).toContain(found);
    if (found !== undefined) expect(matches(found, flow)).toBe(true);
  }
}

function expectHeld(classifier: Classifier<ClassifierRule>, held: readonly ClassifierRule[]): void {
  expect(classifier.size).toBe(held.length);
  expect(new Set(classifier.rules())).toEqual(new Set(held));
  for (const { match, priority } of held) expect(classifier.find(match.key, match.mask, priority)).toBeDefined();
}

test("lookups see nothing of staged changes before they are published, and then all; taken back they leave no trace", () => {
  const property = fc.property(fc.array(rules, { maxLength: 12 }), changes, fc.boolean(), (first, staged, isTakenBack) => {
    const classifier = new Classifier<ClassifierRule>();
    let before: ClassifierRule[] = [];
    for (const rule of first) {
      const displaced = classifier.insert(rule);
      before = [...before.filter((other) => other !== displaced), rule];
    }
    let after = before;
    const done: Done[] = [];
    classifier.stage();
    for (const change of staged) {
      if ("rule" in change) {
        const removed = classifier.insert(change.rule);
        after = [...after.filter((other) => other !== removed), change.rule];
        done.push({ added: change.rule, removed });
      } else {
        const removed = after[change.victim % Math.max(1, after.length)];
        if (removed === undefined) continue;
        expect(classifier.remove(removed)).toBe(true);
        after = after.filter((other) => other !== removed);
        done.push({ removed });
      }
      expectLookups(classifier, before);
      expectHeld(classifier, after);
    }
    if (isTakenBack) {
      for (const { added, removed } of done.reverse()) {
        if (added !== undefined) classifier.remove(added);
        if (removed !== undefined) classifier.insert(removed);
        expectLookups(classifier, before);
      }
      classifier.unstage();
      expectHeld(classifier, before);
      return expectLookups(classifier, before);
    }
    classifier.publish();
    expectLookups(classifier, after);
    expectHeld(classifier, after);
    for (const steps = classifier.clean(); steps.next().done !== true; ) expectLookups(classifier, after);
    expectHeld(classifier, after);
    expectLookups(classifier, after);
  });
  fc.assert(property, { numRuns: 300, endOnFailure: true });
});
