/** Which lists of actions the kernel's program can do. */
import type { DatapathAction } from "@tenet/datapath";
import { makeFlowKey } from "@tenet/net";
import { expect, test } from "vitest";
import { matchOf } from "./frames.ts";
import { toKernelActions } from "../src/ebpf/actions/actions.ts";

const OUTPUT: DatapathAction = { type: "output", port: 2 };
const RECIRC: DatapathAction = { type: "recirc", id: 7 };
const SET_TUNNEL: DatapathAction = { type: "setTunnel", key: makeFlowKey(), dstPort: 6081 };
const SET_FIELD: DatapathAction = { type: "setMasked", ...matchOf({ eth_dst: 1 }) };

function translated(...actions: DatapathAction[]): ReturnType<typeof toKernelActions> {
  const destinations = { portOf: () => ({ ifindex: 5, isInternal: false }), pathInto: () => 1, canMeter: () => true };
  return toKernelActions({ key: makeFlowKey(), mask: makeFlowKey(), actions }, destinations);
}

test("what a clone at the end does is done to the packet itself", () => {
  const inner: DatapathAction = { type: "clone", actions: [OUTPUT, { type: "clone", actions: [RECIRC] }] };
  expect(translated(OUTPUT, inner)).toEqual(translated(OUTPUT, OUTPUT, RECIRC));
});

test.each([
  ["a clone that actions follow", [{ type: "clone", actions: [RECIRC] } as const, OUTPUT], "action clone"],
  ["another look-up that actions follow", [RECIRC, OUTPUT], "action recirc"],
  ["another look-up of a packet that has outer headers for a tunnel", [SET_TUNNEL, RECIRC], "action recirc"],
  ["a hash of what was changed", [SET_FIELD, { type: "hash", basis: 1 } as const], "action hash"],
  ["more actions than a slot has room for", Array.from({ length: 15 }, () => OUTPUT), "too many actions"],
])("%s is left to this process", (_, actions, reason) => {
  expect(translated(...actions)).toBe(reason);
});
