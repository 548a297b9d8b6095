/** Labels that the kernel's program pushes and pops, against the datapath in user space. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import type { DatapathAction } from "@tenet/datapath";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { BASES } from "./any-frame.ts";
import { BesideUser } from "./beside-user.ts";
import { matchOf } from "./frames.ts";
import { canRunSummed } from "./summed-packets.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const NAMES = new Set<ActionName>(["pushMpls", "popMpls", "setNetwork", "pushVlan", "popVlan", "send"]);
const OUTPUT: DatapathAction = { type: "output", port: 2 };
const PUSH_TAG: DatapathAction = { type: "pushVlan", tpid: 0x88a8, tci: 0x2007 };
const POP_TAG: DatapathAction = { type: "popVlan" };
const IN_BETWEEN = 0x88b5;

const anyWord = fc.integer({ min: 0, max: 0xffff_ffff });
const anyPush: fc.Arbitrary<DatapathAction> = fc.record({
  type: fc.constant("pushMpls" as const),
  ethType: fc.constantFrom(0x8847, 0x8848),
  entry: anyWord,
});
const anyPop: fc.Arbitrary<DatapathAction> = fc.record({
  type: fc.constant("popMpls" as const),
  ethType: fc.constantFrom(0x0800, 0x86dd, 0x8847, IN_BETWEEN),
});
const anyEntry: fc.Arbitrary<DatapathAction> = anyWord.map((entry) => ({
  type: "setMasked",
  ...matchOf({ mpls_lse: entry }),
}));
const TYPE_AT = 12;
/** A frame of some protocol, or one so short that not even a label is in it: the kernel runs no programs on parts of IP headers. */
const anyFrame = fc.oneof(
  fc.constantFrom(...BASES),
  fc.tuple(fc.constantFrom(0x8847, IN_BETWEEN), fc.integer({ min: 15, max: 40 })).map(([type, length]) => {
    const frame = new Uint8Array(length).fill(5);
    new DataView(frame.buffer).setUint16(TYPE_AT, type);
    return frame;
  }),
);

describe.skipIf(obstacle !== undefined)("labels in the kernel", () => {
  let both: BesideUser;

  beforeAll(() => {
    both = new BesideUser(NAMES);
  });

  afterAll(() => both.close());

  /** @returns how many packets the program has changed */
  function compare(anyAction: fc.Arbitrary<DatapathAction>, numRuns: number): number {
    let nDone = 0;
    const anyActions = fc.array(anyAction, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(anyFrame, anyActions, fc.boolean(), (frame, labels, isTagged) => {
        const actions = [...(isTagged ? [PUSH_TAG, ...labels, POP_TAG] : labels), OUTPUT];
        if (both.areAlike(frame, { eth_type: 0, vlan_tci: 0 }, actions)) nDone++;
      }),
      { numRuns },
    );
    return nDone;
  }

  test("come and go as in user space, also beneath a tag", () => {
    both.program.isSummed = false;
    expect(compare(fc.oneof(anyPush, anyPop, anyEntry), 2000)).toBeGreaterThan(700);
  });

  /** What a pop does to the sum cannot be seen in a run for a test, since that is not on a device's way in: the Ethernet header is not added to the sum meanwhile. */
  test("keep a device's sum of all bytes true when they come", (context) => {
    both.program.isSummed = true;
    if (!canRunSummed(both.program)) context.skip("the kernel runs no packets that are summed up, as it does from 6.16 on");
    expect(compare(fc.oneof(anyPush, anyEntry), 1000)).toBeGreaterThan(300);
  });
});
