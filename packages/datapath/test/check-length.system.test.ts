/** A choice by a packet's length, in the kernel. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import type { DatapathAction } from "@tenet/datapath";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";
import { OneFlowProgram } from "./one-flow-program.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const NAMES = new Set<ActionName>(["send", "copy", "leaveLonger"]);
const OUTPUT: DatapathAction = { type: "output", port: 2 };
const HEADERS = 14 + 20 + 20;
const LONG = tcpFrame(4, new Uint8Array(3000));

function choose(sizeBytes: number): ReturnType<typeof OneFlowProgram.translate> {
  const choice: DatapathAction = { type: "checkLength", sizeBytes, greater: [], lessOrEqual: [OUTPUT] };
  return OneFlowProgram.translate(keyOf(LONG), matchOf({ eth_type: 1 }).mask, [choice]);
}

describe.skipIf(obstacle !== undefined)("a choice by length in the kernel", () => {
  let program: OneFlowProgram;
  beforeAll(() => (program = new OneFlowProgram(NAMES)));
  afterAll(() => program.close());

  /** Whether the program sends a packet on as it is: else it is longer, with a header in front. */
  function isSent(frame: Uint8Array, sizeBytes: number, gsoSize = 0): boolean {
    const actions = choose(sizeBytes);
    if (typeof actions === "string") throw new Error(actions);
    const outcome = program.run(frame, actions, gsoSize);
    return typeof outcome !== "string" && outcome.length === frame.length;
  }

  test("goes on with packets that are not longer, and leaves those that are", () => {
    const frames = [udpFrame(), tcpFrame(), tcpFrame(6), tcpFrame(4, new Uint8Array(40)), LONG];
    expect(frames.map(({ length }) => length)).toEqual([45, 57, 77, 94, 3054]);
    expect(frames.map((frame) => isSent(frame, 77))).toEqual([true, true, true, false, false]);
  });

  test("goes by the segments of a packet that is yet to be cut", () => {
    expect(isSent(LONG, 1000, 1001 - HEADERS)).toBe(false);
    expect(isSent(LONG, 1000, 1000 - HEADERS)).toBe(true);
  });
});
