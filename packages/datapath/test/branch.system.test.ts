/** Lists that are chosen by a packet's length, in the kernel and in user space. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, getField } from "@tenet/net";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";
import { OneFlowProgram } from "./one-flow-program.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const NAMES = new Set<ActionName>(["send", "copy", "unlessLonger", "skip", "setMac"]);
const OUTPUT: DatapathAction = { type: "output", port: 2 };
const HEADERS = 14 + 20 + 20;
const LONG = tcpFrame(4, new Uint8Array(3000));
const mark = (mac: number): DatapathAction => ({ type: "setMasked", ...matchOf({ eth_src: mac }) });

/** Marks packets by which list they took. */
function branch(sizeBytes: number, after: readonly DatapathAction[] = []): DatapathAction[] {
  const inner: DatapathAction = {
    type: "checkLength",
    sizeBytes: 70,
    greater: [mark(2), OUTPUT],
    lessOrEqual: [mark(3), OUTPUT],
  };
  return [{ type: "checkLength", sizeBytes, greater: [mark(1), OUTPUT], lessOrEqual: [inner] }, ...after];
}

describe.skipIf(obstacle !== undefined)("a choice by length in the kernel", () => {
  let program: OneFlowProgram;
  beforeAll(() => (program = new OneFlowProgram(NAMES)));
  afterAll(() => program.close());

  /** Which list a frame takes. */
  function listOf(frame: Uint8Array, sizeBytes: number, gsoSize = 0): number | string {
    const actions = OneFlowProgram.translate(keyOf(frame), matchOf({ eth_type: 1, vlan_tci: 1 }).mask, branch(sizeBytes));
    if (typeof actions === "string") return actions;
    const outcome = program.run(frame, actions, gsoSize);
    return typeof outcome === "string"
      ? outcome
      : getField(keyOf(outcome), { ...FIELDS.eth_src, nBits: 32, nWords: 1, word: FIELDS.eth_src.word + 1 });
  }

  test("carries out one of the lists, also within another", () => {
    const frames = [udpFrame(), tcpFrame(), tcpFrame(4, new Uint8Array(40)), tcpFrame(6), LONG];
    expect(frames.map(({ length }) => length)).toEqual([45, 57, 94, 77, 3054]);
    expect(frames.map((frame) => listOf(frame, 77))).toEqual([3, 3, 1, 2, 1]);
  });

  test("goes by the segments of a packet that is yet to be cut", () => {
    expect(listOf(LONG, 1000, 1001 - HEADERS)).toBe(1);
    expect(listOf(LONG, 1000, 1000 - HEADERS)).toBe(2);
  });

  test("is left to user space when the packet is needed behind it and one of the lists changes it", () => {
    const translate = (actions: readonly DatapathAction[]): string | undefined => {
      const translated = OneFlowProgram.translate(keyOf(LONG), matchOf({ eth_type: 1 }).mask, actions);
      return typeof translated === "string" ? translated : undefined;
    };
    expect(translate(branch(77, [OUTPUT]))).toBe("action checkLength");
    expect(translate([{ type: "checkLength", sizeBytes: 77, greater: [OUTPUT], lessOrEqual: [] }, OUTPUT])).toBeUndefined();
  });
});
