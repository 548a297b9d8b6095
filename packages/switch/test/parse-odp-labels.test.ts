/** MPLS labels of flows in the datapath's syntax: whatever is shown of them can be read back. */
import type { Megaflow } from "@tenet/datapath";
import fc from "fast-check";
import { ETH_TYPE, FIELDS, getField, makeFlowKey, setField } from "@tenet/net";
import { expect, inject, test } from "vitest";
import { formatOdpFlow } from "../src/trace/format-odp-flow.ts";
import { parseOdpFlow } from "../src/trace/parse-odp-flow.ts";

const ENTRIES = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2];
const FLOW = "in_port(1),eth(),eth_type(0x8847)";

/** Entries and masks of the labels that a text says. */
function labelsOf(text: string): string[] | undefined {
  const match = parseOdpFlow(text);
  return match && ENTRIES.map((field) => `${hex(getField(match.key, field))}/${hex(getField(match.mask, field))}`);
}

function hex(value: number): string {
  return value.toString(16);
}

const word = fc.oneof(fc.constantFrom(0, 0xffffffff, 0xff, 0x100, 0xfffff000), fc.nat(0xffffffff));

test("what is shown of a stack of labels is read as what it is", () => {
  const labels = fc.array(fc.record({ entry: word, bits: word }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(labels, fc.boolean(), (stack, isVerbose) => {
      const [key, mask] = [makeFlowKey(), makeFlowKey()];
      setField(key, FIELDS.eth_type, ETH_TYPE.mpls);
      setField(mask, FIELDS.eth_type, 0xffff);
      for (const [i, { entry, bits }] of stack.entries()) {
        const field = ENTRIES[i] ?? FIELDS.mpls_lse;
        setField(key, field, (entry & bits) >>> 0);
        setField(mask, field, bits);
      }
      const readKey = (into: Uint32Array): void => into.set(key);
      const counters = { nPackets: 0, nBytes: 0, usedMs: 0, tcpFlags: 0 };
      const flow: Megaflow = { number: 0, key, mask, actions: [], ...counters, owner: undefined, readKey };
      const text = formatOdpFlow(flow, { nowMs: 0, portName: String, isVerbose });
      const shown = text.replace(/^ufid:\S+ |, packets:.*$/g, "");
      expect(labelsOf(shown)).toEqual(stack.map(({ entry, bits }) => `${hex((entry & bits) >>> 0)}/${hex(bits)}`));
    }),
    { seed: inject("seed"), numRuns: 100 * inject("effort") },
  );
});

test.each([
  [`${FLOW},mpls(label=0x10,tc=1,ttl=64,bos=1)`, ["10340/ffffffff", "0/0", "0/0"]],
  [`${FLOW},mpls(label=16/0xff0ff,tc=3/3,ttl=64/0x0,bos=1/1)`, ["10700/ff0ff700", "0/0", "0/0"]],
  [`${FLOW},mpls(label=1,bos=0,ttl=3,label=2)`, ["1003/fffff1ff", "2000/fffff000", "0/0"]],
  [`${FLOW},mpls()`, ["0/0", "0/0", "0/0"]],
])("%s", (text, expected) => {
  expect(labelsOf(text)).toEqual(expected);
});

test.each([
  "mpls(label=1048576)",
  "mpls(tc=8)",
  "mpls(ttl=256)",
  "mpls(bos=2)",
  "mpls(label=1/0x100000)",
  "mpls(label)",
  "mpls(bogus=1)",
  "mpls(label=1,label=2,label=3,label=4)",
  "mpls(label=1),mpls(label=2)",
])("%s is no stack of labels", (labels) => {
  expect(labelsOf(`${FLOW},${labels}`)).toBeUndefined();
});

test("only packets with labels have them", () => {
  expect(labelsOf("in_port(1),eth(),eth_type(0x0800),mpls(label=1)")).toBeUndefined();
});
