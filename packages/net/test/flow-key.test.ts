import { expect, test } from "vitest";
import { FIELDS, FLOW_WORDS, fieldOnes, getField, getFieldBig, makeFlowKey, STAGE_ENDS, setField, setFieldBig } from "@tenet/net";

test("no two fields share a bit and every field reads back what was written", () => {
  const taken = makeFlowKey();
  for (const field of Object.values(FIELDS)) {
    const key = makeFlowKey();
    setFieldBig(key, field, fieldOnes(field));
    expect(getFieldBig(key, field)).toBe(fieldOnes(field));
    for (let i = 0; i < FLOW_WORDS; i++) {
      expect((taken[i] ?? 0) & (key[i] ?? 0), field.name).toBe(0);
      taken[i] = (taken[i] ?? 0) | (key[i] ?? 0);
    }
  }
});

test("a field is written without touching its neighbours", () => {
  const key = makeFlowKey().fill(0xffffffff);
  setField(key, FIELDS.nw_ttl, 0x12345);
  expect(getField(key, FIELDS.nw_ttl)).toBe(0x45);
  expect(getField(key, FIELDS.nw_tos)).toBe(0xff);
  expect(getField(key, FIELDS.nw_frag)).toBe(0xff);
});

test("packed words have the layout that the packet parser writes", () => {
  expect(FIELDS.eth_type).toMatchObject({ word: FIELDS.vlan_tci.word, shift: 16 });
  expect(FIELDS.vlan_tci.shift).toBe(0);
  const shifts = [FIELDS.nw_proto, FIELDS.nw_tos, FIELDS.nw_ttl, FIELDS.nw_frag].map((field) => field.shift);
  expect(shifts).toEqual([24, 16, 8, 0]);
  expect(FIELDS.tp_src).toMatchObject({ word: FIELDS.tp_dst.word, shift: 16 });
  expect(FIELDS.tcp_flags.shift).toBe(16);
  expect(FIELDS.ipv6_dst.word).toBe(FIELDS.ipv6_src.word + 4);
});

test("the stages are metadata, L2, L3 and L4", () => {
  expect(STAGE_ENDS).toEqual([FIELDS.eth_dst.word, FIELDS.nw_proto.word, FIELDS.tp_src.word, FLOW_WORDS]);
});
