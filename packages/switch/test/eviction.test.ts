/** Which flow goes from a full table, and how many are looked at for that. */
import { FIELDS } from "@tenet/net";
import { parseFlow, TABLE_CONFIG } from "@tenet/openflow";
import type { TableSettings } from "@tenet/switch";
import fc from "fast-check";
import { expect, inject, test, vi } from "vitest";
import { PackedFlow } from "../src/table/packed-flow.ts";
import type { Rule } from "../src/table/rule.ts";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";

const SETTINGS: TableSettings = { name: "t", isEvicting: true, evictionGroups: [] };
const N_FLOWS = 2000;

function add({ bridge }: Bench, ...flows: string[]): void {
  bridge.pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
}

/** Has a table full of flows that may go. */
function filled(settings: Partial<TableSettings> = {}): Bench {
  const bench = new Bench(1, []);
  bench.bridge.pipeline.configureTable(0, { ...SETTINGS, ...settings });
  add(
    bench,
    ...Array.from({ length: N_FLOWS }, (_, n) => `priority=${n},in_port=${n % 5},idle_timeout=${9 + (n % 90)},actions=drop`),
  );
  return bench;
}

/** How often the end of a flow is looked at meanwhile. */
function looksDuring(act: () => void): number {
  const spy = vi.spyOn(PackedFlow.prototype, "usedMs", "get");
  try {
    act();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

const step = fc.oneof(
  fc.record({
    type: fc.constant("add" as const),
    port: fc.integer({ min: 1, max: 3 }),
    idle: fc.constantFrom(0, 5, 9, 30),
    hard: fc.constantFrom(0, 7, 40),
    importance: fc.nat(2),
  }),
  fc.record({ type: fc.constantFrom("use" as const, "lower" as const, "remove" as const), which: fc.nat(5) }),
  fc.record({ type: fc.constant("wait" as const), ms: fc.nat(3000) }),
);

test("whatever came, was used and went: of the largest groups one loses the flow that is to go first", () => {
  const property = fc.property(
    fc.array(step, { minLength: 40, maxLength: 80 }),
    fc.boolean(),
    fc.boolean(),
    (steps, isGrouped, byImportance) => {
      const bench = new Bench(3, []);
      const { pipeline } = bench.bridge;
      const evictionGroups = isGrouped ? [FIELDS.in_port] : [];
      pipeline.configureTable(0, { ...SETTINGS, isEvicting: !byImportance, evictionGroups, flowLimit: 6 });
      if (byImportance) finish(pipeline.applyingTableMod({ type: "tableMod", table: 0, config: TABLE_CONFIG.EVICTION }));
      let held: Rule[] = [];
      const endOf = ({ idleTimeout, hardTimeout, usedMs, modifiedMs }: Rule): number =>
        Math.min(
          ...[idleTimeout * 1000 + usedMs, hardTimeout * 1000 + modifiedMs].filter((_, i) => [idleTimeout, hardTimeout][i] !== 0),
        );
      const keyOf = (rule: Rule): number => (byImportance ? rule.importance : 0) * 1e9 + endOf(rule);
      const groupOf = (rule: Rule): number => (isGrouped ? (rule.match.key[FIELDS.in_port.word] ?? 0) : 0);
      pipeline.onChange(({ rules }) => {
        for (const { type, rule, reason } of rules) {
          if (reason === "eviction") {
            const groups = new Map<number, Rule[]>();
            for (const each of held) if (each.isMortal) groups.set(groupOf(each), [...(groups.get(groupOf(each)) ?? []), each]);
            const own = groups.get(groupOf(rule)) ?? [];
            expect(own.length).toBe(Math.max(...[...groups.values()].map((group) => group.length)));
            expect(keyOf(rule)).toBe(Math.min(...own.map(keyOf)));
          }
          held = type === "added" ? [...held, rule] : held.filter((each) => each !== rule);
        }
      });
      for (const [n, each] of steps.entries()) {
        const rule = "which" in each ? held[each.which] : undefined;
        if (each.type === "wait") bench.clock.advance(each.ms);
        else if (each.type === "add") {
          const { port, idle, hard, importance } = each;
          const isFull = held.length === 6 && !held.some(({ isMortal }) => isMortal);
          const text = `priority=${n},in_port=${port},idle_timeout=${idle},hard_timeout=${hard},importance=${importance},actions=drop`;
          if (isFull) expect(() => add(bench, text)).toThrow();
          else add(bench, text);
        } else if (rule !== undefined && each.type === "use") rule.count(1, 60, bench.clock.monotonicMs());
        else if (rule !== undefined && each.type === "lower") pipeline.lowerTimeouts(rule, 4, 6);
        else if (rule !== undefined)
          pipeline.apply([
            { command: "deleteStrict", flow: { ...parseFlow("actions=drop"), match: rule.match, priority: rule.priority } },
          ]);
      }
    },
  );
  fc.assert(property, { seed: inject("seed"), numRuns: 100 * inject("effort") });
});

test("few flows are looked at for one that comes to a full table, however many there are", () => {
  const bench = filled({ flowLimit: N_FLOWS, evictionGroups: [FIELDS.in_port] });
  expect(looksDuring(() => add(bench, "tcp,idle_timeout=500,actions=drop"))).toBeLessThan(N_FLOWS / 50);
  expect(bench.bridge.pipeline.nRules).toBe(N_FLOWS);
});

test("packets that put off the end of all flows do not have all of them looked at for one choice", () => {
  const bench = filled({ flowLimit: N_FLOWS });
  bench.clock.advance(5000);
  for (const rule of bench.bridge.pipeline.table(0).classifier.rules()) rule.count(1, 60, bench.clock.monotonicMs());
  expect(looksDuring(() => add(bench, "tcp,idle_timeout=500,actions=drop"))).toBeLessThan(N_FLOWS / 10);
});

test("a limit that is lowered, and a table that begins to evict, take turns: flow by flow", () => {
  const bench = filled({ isEvicting: false });
  const { pipeline } = bench.bridge;
  let nSteps = 0;
  let nMost = 0;
  const nLooks = looksDuring(() => {
    const work = pipeline.configuringTables(new Map([[0, { ...SETTINGS, flowLimit: 100 }]]));
    for (let nBefore = pipeline.nRules; work.next().done !== true; nBefore = pipeline.nRules) {
      nMost = Math.max(nMost, nBefore - pipeline.nRules);
      nSteps++;
    }
  });
  expect([pipeline.nRules, nMost]).toEqual([100, 1]);
  expect(nSteps).toBeGreaterThan(N_FLOWS - 100 + N_FLOWS / 300);
  expect(nLooks).toBeLessThan(10 * N_FLOWS);
  const ends = [...pipeline.table(0).classifier.rules()].map(({ idleTimeout }) => idleTimeout);
  expect(Math.min(...ends)).toBeGreaterThan(90);
});
