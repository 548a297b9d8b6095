/**
 * Objects that are made for each flow, or for each few, have a shape in common. One that gets a property which it did not begin
 * with, behind those that it is given of another (`{ ...known, more }`), has a new one each time, which is born old: it costs a full collection.
 */
import { decodeMessage, encodeMessage, makeMatch, type Message, parseFlow } from "@tenet/openflow";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { expect, test } from "vitest";
import { everyRule } from "../src/table/every-rule.ts";
import { controllersOf } from "./controller.ts";

const N_FLOWS = 100;
const numbered = { bundleId: 7, flags: 1 };

/** Asks V8 whether objects have the same shape. */
const haveSameShape = askingV8();

function askingV8(): (one: object, other: object) => boolean {
  setFlagsFromString("--allow-natives-syntax");
  try {
    const ask = new Script("(one, other) => %HaveSameMap(one, other)").runInThisContext();
    ask({}, {}); // which compiles it
    return ask;
  } finally {
    setFlagsFromString("--no-allow-natives-syntax");
  }
}

/** The messages of a bundle that adds flows. */
function* bundle(): Generator<Message> {
  for (let i = 0; i < N_FLOWS; i++) {
    const flow = parseFlow(`udp,tp_dst=${i},actions=output:1`);
    yield { type: "bundleAdd", ...numbered, message: { type: "flowMod", command: "add", flow }, xid: 1 };
  }
  yield { type: "bundleControl", kind: "commitRequest", ...numbered };
}

test("what is told of a long transaction, part by part, has one shape, and so do the bytes of its flows' actions", () => {
  const { bench, controllers } = controllersOf(5);
  const told: object[] = [];
  bench.bridge.pipeline.onChange((events) => told.push(events));
  const flowModMatch = makeMatch();
  for (const message of bundle()) controllers[0]?.say(decodeMessage(encodeMessage(message, 5, 1), { flowModMatch }).message);

  const parts = told.slice(1);
  const lent = bench.bridge.pipeline.select(everyRule()).flatMap(({ actionBytes }) => actionBytes ?? []);
  expect([parts.length > 3, lent.length]).toEqual([true, N_FLOWS]);
  for (const made of [parts, lent]) expect(made.filter((each) => !haveSameShape(each, made[0] as object))).toEqual([]);
});
