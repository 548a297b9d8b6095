/** Flows whose actions are kept as the bytes that they came in are the flows that they would be otherwise, whatever comes and goes. */
import {
  ALL_TABLES,
  type CodecOptions,
  decodeMessage,
  encodeMessage,
  formatFlow,
  makeMatch,
  type Message,
  OpenFlowError,
  parseFlow,
  parseGroup,
} from "@tenet/openflow";
import type { Rule } from "@tenet/switch";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { everyRule } from "../src/table/every-rule.ts";
import { type Controller, controllersOf } from "./controller.ts";
import { GROUPS, tablesArbitrary } from "./random-tables.ts";

const COMMANDS = ["add", "add", "add", "modify", "modifyStrict", "delete", "deleteStrict"] as const;
/** What no flow may have, so that all that came with it is taken back. */
const REFUSED = "table=254,actions=drop";

/** A transaction: one message after the other, or all as a bundle. */
interface Step {
  readonly isBundle: boolean;
  readonly isRefused: boolean;
  readonly isFlushed: boolean;
  readonly flows: readonly string[];
  readonly draws: readonly number[];
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    isBundle: fc.boolean(),
    isRefused: fc.nat(3).map((n) => n === 0),
    isFlushed: fc.nat(7).map((n) => n === 0),
    flows: tablesArbitrary,
    draws: fc.array(fc.nat(1000), { minLength: 25, maxLength: 25 }),
  }),
  { minLength: 2, maxLength: 8 },
);

/** The messages of a step; the flows of earlier ones are what most changes are about. */
function* messagesOf(
  { isRefused, isFlushed, flows, draws, ...step }: Step,
  hasBundles: boolean,
  known: string[],
): Generator<Message> {
  const isBundle = step.isBundle && hasBundles;
  const numbered = { bundleId: 7, flags: 3 };
  if (isBundle) yield { type: "bundleControl", kind: "openRequest", ...numbered };
  const texts = isRefused && isBundle ? [...flows, REFUSED] : flows;
  for (const [i, text] of texts.entries()) {
    const draw = draws[i] ?? 0;
    const command = text === REFUSED || known.length === 0 ? "add" : (COMMANDS[draw % COMMANDS.length] ?? "add");
    const about = command === "add" ? text : (known[draw % known.length] ?? text);
    if (command === "add") known.push(text);
    const cookie = BigInt(draw) * 0x1_2345_6789_abcdn;
    const idleTimeout = draw % 2 === 0 ? draw * 60 : 0;
    const message: Message = {
      type: "flowMod",
      command,
      flow: { ...changed(about, text), cookie, idleTimeout, hardTimeout: draw },
    };
    yield isBundle ? { type: "bundleAdd", ...numbered, message, xid: 1 } : message;
  }
  if (isBundle) yield { type: "bundleControl", kind: "commitRequest", ...numbered };
  if (isFlushed) yield { type: "flowMod", command: "delete", flow: { ...parseFlow("actions=drop"), table: ALL_TABLES } };
}

/** A flow with the actions of another. */
function changed(text: string, withActionsOf: string): ReturnType<typeof parseFlow> {
  return { ...parseFlow(text), actions: parseFlow(withActionsOf).actions };
}

function asOneLine(rule: Rule): string {
  const { table, priority, cookie, match, actions, idleTimeout, hardTimeout, flags, importance } = rule;
  const text = formatFlow({ table, priority, cookie, match, actions, idleTimeout, hardTimeout, flags, importance });
  return `${text} ${rule.nPackets} ${rule.nBytes} ${rule.createdMs} ${rule.modifiedMs} ${rule.usedMs}`;
}

test("flows kept as bytes are as those kept as data", () => {
  const flowModMatch = makeMatch();
  const property = fc.property(steps, fc.constantFrom(1 as const, 4 as const, 5 as const, 6 as const), (drawn, version) => {
    const sides = [{ flowModMatch }, {}].map((options) => ({ options, ...controllersOf(version) }));
    for (const { bench } of sides) bench.bridge.pipeline.apply(GROUPS.map((text) => parseGroup(text)));
    const known: string[] = [];
    for (const [i, step] of drawn.entries()) {
      const messages = [...messagesOf(step, version > 1, known)].map((message) => encodeMessage(message, version, 1));
      const outcomes = sides.map(({ options, controllers, bench }) => {
        const before = bench.bridge.pipeline.select(everyRule()).map(asOneLine);
        const answers = messages.map((bytes) => answerTo(bytes.slice(), options, controllers[0]));
        const rules = bench.bridge.pipeline.select(everyRule());
        if (answers.includes("OFPBFC_MSG_FAILED") && !step.isFlushed) expect(rules.map(asOneLine).sort()).toEqual(before.sort());
        bench.clock.advance(1500);
        for (const [n, rule] of rules.entries()) rule.count(2 ** 33 + n, 2 ** 45 + i, bench.clock.monotonicMs());
        return { answers, rules: rules.map(asOneLine) };
      });
      expect(outcomes[0]).toEqual(outcomes[1]);
    }
  });
  fc.assert(property, { numRuns: 20 * inject("effort"), seed: inject("seed") });
});

function answerTo(bytes: Uint8Array, options: CodecOptions, controller: Controller | undefined): string | undefined {
  try {
    return controller?.say(decodeMessage(bytes, options).message, 1);
  } catch (error) {
    if (error instanceof OpenFlowError) return error.errorName;
    throw error;
  }
}
