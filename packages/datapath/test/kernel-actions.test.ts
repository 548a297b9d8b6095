/** Which lists of actions the kernel's program can do. */
import type { DatapathAction } from "@tenet/datapath";
import { makeFlowKey } from "@tenet/net";
import { expect, test } from "vitest";
import { TRACK } from "./ct-actions.ts";
import { matchOf } from "./frames.ts";
import { toKernelActions } from "../src/ebpf/actions/actions.ts";

const OUTPUT: DatapathAction = { type: "output", port: 2 };
const RECIRC: DatapathAction = { type: "recirc", id: 7 };
const SET_TUNNEL: DatapathAction = { type: "setTunnel", key: makeFlowKey(), dstPort: 6081 };
const SET_FIELD: DatapathAction = { type: "setMasked", ...matchOf({ eth_dst: 1 }) };
const REASSEMBLE: DatapathAction = { type: "reassemble" };
const DESTINATIONS = { portOf: () => ({ ifindex: 5, isInternal: false }), pathInto: () => 1, canMeter: () => true };

function translated(...actions: DatapathAction[]): ReturnType<typeof toKernelActions> {
  return toKernelActions({ key: makeFlowKey(), mask: makeFlowKey(), actions }, DESTINATIONS);
}

test("what a clone at the end does is done to the packet itself", () => {
  const inner: DatapathAction = { type: "clone", actions: [OUTPUT, { type: "clone", actions: [RECIRC] }] };
  expect(translated(OUTPUT, inner)).toEqual(translated(OUTPUT, OUTPUT, RECIRC));
});

test("a copy is cut, and not what is sent behind it", () => {
  const cut: DatapathAction = { type: "truncate", maxLength: 60 };
  const tag: DatapathAction = { type: "pushVlan", tpid: 0x8100, tci: 42 };
  const made = translated(cut, { type: "clone", actions: [tag, OUTPUT] }, OUTPUT);
  if (typeof made === "string") throw new Error(made);
  expect(made.actions.map(({ what }) => what)).toEqual(["clone", "send", "end", "pushVlan", "cut", "send"]);
});

test("what others need the packet behind is done to a copy, by a list behind the flow's", () => {
  const tag: DatapathAction = { type: "pushVlan", tpid: 0x8100, tci: 42 };
  const made = translated({ type: "clone", actions: [tag, { type: "userspace", userdata: 3 }, OUTPUT] }, RECIRC, OUTPUT);
  if (typeof made === "string") throw new Error(made);
  const names = made.actions.map(({ what, argument }) => (what === "clone" ? `clone ${argument}` : what));
  const copies = ["end", "leave", "end", "pushVlan", "clone 4", "send", "end", "recirc"];
  expect(names).toEqual(["clone 6", "clone 10", "send", ...copies]);
  expect(made.resumptions).toEqual([{ actions: [{ type: "userspace", userdata: 3 }], first: 0 }]);
});

test("what does not go along with a packet that this process goes on with is done anew", () => {
  const choice: DatapathAction = { type: "checkLength", sizeBytes: 99, greater: [], lessOrEqual: [OUTPUT] };
  const cut: DatapathAction = { type: "truncate", maxLength: 60 };
  const known = matchOf({ vlan_tci: 0 }).mask;
  const made = toKernelActions({ key: makeFlowKey(), mask: known, actions: [SET_TUNNEL, cut, SET_FIELD, choice] }, DESTINATIONS);
  expect(made).toMatchObject({ resumptions: [{ actions: [SET_TUNNEL, cut, choice], first: 0 }] });
});

test("fields behind a second tag, of which a flow tells nothing, are set by this process", () => {
  const { key, mask } = matchOf({ eth_type: 0x8100, vlan_tci: 0x1007 });
  const actions: DatapathAction[] = [{ type: "setMasked", ...matchOf({ nw_tos: 28 }) }, OUTPUT];
  expect(toKernelActions({ key, mask, actions }, DESTINATIONS)).toBe("action setMasked");
});

test("of a packet that a label came off the program knows no header", () => {
  const { key, mask } = matchOf({ eth_type: 0x8847, vlan_tci: 0 });
  const pop: DatapathAction = { type: "popMpls", ethType: 0x0800 };
  const reasons = [
    ["setMasked", { type: "setMasked", ...matchOf({ nw_tos: 28 }) }],
    ["ct", TRACK],
    ["checkLength", { type: "checkLength", sizeBytes: 99, greater: [], lessOrEqual: [] }],
  ] as const satisfies readonly (readonly [string, DatapathAction])[];
  for (const [name, action] of reasons) {
    expect(toKernelActions({ key, mask, actions: [pop, action, OUTPUT] }, DESTINATIONS)).toBe(`action ${name}`);
  }
  expect(toKernelActions({ key, mask, actions: [pop, RECIRC] }, DESTINATIONS)).toMatchObject({
    actions: [{ what: "popMpls" }, { what: "recirc" }],
  });
});

test("a label goes only where all packets of a flow have no tag among their bytes", () => {
  const push: DatapathAction = { type: "pushMpls", ethType: 0x8847, entry: 0 };
  const tag: DatapathAction = { type: "pushVlan", tpid: 0x8100, tci: 42 };
  const { key, mask } = matchOf({ eth_type: 0x0800 });
  expect(toKernelActions({ key, mask, actions: [push, OUTPUT] }, DESTINATIONS)).toMatchObject({
    actions: [{ what: "pushMpls" }, {}],
  });
  expect(toKernelActions({ key, mask, actions: [tag, push, OUTPUT] }, DESTINATIONS)).toBe("action pushMpls");
  const tagged = matchOf({ eth_type: 0x8100, vlan_tci: 0x1007 });
  expect(toKernelActions({ ...tagged, actions: [push, OUTPUT] }, DESTINATIONS)).toBe("action pushMpls");
});

test.each([
  ["another look-up of a packet that has outer headers for a tunnel", [SET_TUNNEL, RECIRC], "action recirc"],
  [
    "a copy of which the program cannot do something",
    [{ type: "clone", actions: [REASSEMBLE] } as const, OUTPUT],
    "action reassemble",
  ],
  ["a hash of what was changed", [SET_FIELD, { type: "hash", basis: 1 } as const], "action hash"],
  ["more actions than a slot has room for", Array.from({ length: 15 }, () => OUTPUT), "too many actions"],
])("%s is left to this process", (_, actions, reason) => {
  expect(translated(...actions)).toBe(reason);
});
