import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, makeFlowKey } from "@tenet/net";
import { expect, test } from "vitest";
import { SharedOutcomes } from "../src/cache/outcome.ts";
import { MaskedSet } from "../src/translate/packet/masked-set.ts";

const TTL = FIELDS.nw_ttl.word;
const output = (port: number): DatapathAction => ({ type: "output", port });

test("equal lists of actions become one list, which is not the caller's; others stay themselves", () => {
  const outcomes = new SharedOutcomes();
  const shared = (actions: DatapathAction[]) => outcomes.shared({ actions, effects: [], macLookups: [] }).actions;
  const first = shared([output(1), output(2)]);
  const own = [output(1), output(2)];
  expect(shared(own)).toBe(first);
  own.push(output(3));
  expect(first).toEqual([output(1), output(2)]);
  expect(shared([output(2), output(1)])).toEqual([output(2), output(1)]);
  for (let port = 0; port < 10_000; port++) expect(shared([output(port)])).toEqual([output(port)]);
});

test("a set of words becomes one action, the same one when the same is set again, and starts anew after it", () => {
  const set = new MaskedSet();
  expect(set.take()).toBeUndefined();
  set.add(TTL, 0, 0);
  expect(set.take()).toBeUndefined();
  const setTwo = (value: number): DatapathAction | undefined => {
    set.add(0, 7, 0xffff_ffff);
    set.add(TTL, value << 8, 0xff00);
    set.add(TTL, 1, 0xff);
    return set.take();
  };
  const action = setTwo(63);
  const [key, mask] = [makeFlowKey(), makeFlowKey()];
  [key[0], mask[0], key[TTL], mask[TTL]] = [7, 0xffff_ffff, (63 << 8) | 1, 0xffff];
  expect(action).toEqual({ type: "setMasked", key, mask });
  expect(setTwo(62)).not.toEqual(action);
  expect(setTwo(63)).toBe(action);
  expect(set.take()).toBeUndefined();
});
