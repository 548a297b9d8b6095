import { FLOW_WORDS } from "@tenet/net";
import { expect, test } from "vitest";
import { MaskedSet } from "../src/translate/packet/masked-set.ts";

const [FIRST, SECOND, BITS] = [3, FLOW_WORDS - 1, 0xff];

test("an action is given again for the same bits, never for part of them", () => {
  const set = new MaskedSet();
  // Many, so that actions with a word in common meet in the places where those made are kept.
  for (let n = 0; n < 4096; n++) {
    const [first, second] = [n & 63, n >>> 6];
    const takeBoth = (): ReturnType<MaskedSet["take"]> => {
      set.add(FIRST, first, BITS);
      set.add(SECOND, second, BITS);
      return set.take();
    };
    const both = takeBoth();
    expect([both?.key[FIRST], both?.mask[FIRST], both?.key[SECOND], both?.mask[SECOND]]).toEqual([first, BITS, second, BITS]);
    expect(takeBoth()).toBe(both);
    set.add(FIRST, first, BITS);
    const one = set.take();
    expect([one?.key[FIRST], one?.mask[FIRST], one?.key[SECOND], one?.mask[SECOND]]).toEqual([first, BITS, 0, 0]);
  }
  expect(set.take()).toBeUndefined();
});
