/** Replies in parts, as messages. */
import { encodeMessages, type MultipartReply, parseFlow, ReplyPacker } from "@tenet/openflow";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { STATS } from "./sample-messages.ts";

const XID = 9;
const flows = Array.from({ length: 900 }, (_, i) => ({ ...parseFlow(`priority=${i},tcp,actions=output:1`), ...STATS }));

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function replyOf(from: number, to: number): MultipartReply {
  return { kind: "flow", flows: flows.slice(from, to) };
}

test("a reply in parts is sent as the same messages as one that is whole", () => {
  const cuts = fc.uniqueArray(fc.nat(flows.length), { maxLength: 40 }).map((at) => at.sort((a, b) => a - b));
  fc.assert(
    fc.property(cuts, fc.constantFrom(1, 4, 5, 6), (ats, version) => {
      const packer = new ReplyPacker(version, XID);
      const ends = [...ats, flows.length];
      const messages = ends.flatMap((end, i) => packer.add(replyOf(ends[i - 1] ?? 0, end)));
      const whole = encodeMessages({ type: "multipartReply", reply: replyOf(0, flows.length), isLast: true }, version, XID);
      expect([...messages, ...packer.end()].map(toText)).toEqual(whole.map(toText));
    }),
    { seed: inject("seed"), numRuns: 10 * inject("effort") },
  );
});

test("what is there of a reply can be sent before it is complete, once", () => {
  const packer = new ReplyPacker(4, XID);
  expect(packer.rest()).toEqual([]);
  expect(packer.add(replyOf(0, 3))).toEqual([]);
  expect(packer.rest()).toEqual(encodeMessages({ type: "multipartReply", reply: replyOf(0, 3), isLast: false }, 4, XID));
  expect(packer.rest()).toEqual([]);
  expect(packer.end()).toEqual(encodeMessages({ type: "multipartReply", reply: replyOf(0, 0), isLast: true }, 4, XID));
});

test("a flow that is longer than a message is left out, and the others are told", () => {
  const long = { ...parseFlow(`tcp,actions=${Array.from({ length: 8200 }, () => "output:1").join()}`), ...STATS };
  for (const version of [1, 6]) {
    const packer = new ReplyPacker(version, XID);
    const [first, second] = flows;
    if (first === undefined || second === undefined) throw new Error("there are flows");
    expect(packer.add({ kind: "flow", flows: [first, long, second] })).toEqual([]);
    expect(packer.end()).toEqual(encodeMessages({ type: "multipartReply", reply: replyOf(0, 2), isLast: true }, version, XID));
    expect(packer.nLeftOut).toBe(1);
  }
});

test("of tables each is told of in a message of its own", () => {
  const tables = Array.from({ length: 5 }, (_, table) => ({ table, name: "", maxEntries: 1, nTables: 5 }));
  const reply: MultipartReply = { kind: "tableFeatures", tables };
  expect(encodeMessages({ type: "multipartReply", reply, isLast: true }, 4, XID)).toHaveLength(tables.length);
});

test("the memory of a long message is used again when it was given back, once, and not before", () => {
  const made = (): Uint8Array => {
    const [message] = new ReplyPacker(4, XID).add(replyOf(0, flows.length));
    if (message === undefined) throw new Error("so many flows are more than a message");
    return message;
  };
  const [first, second] = [made(), made()];
  expect(second.buffer).not.toBe(first.buffer);
  const text = toText(first);
  for (const each of [first, first]) ReplyPacker.giveBack(each);
  const [third, fourth] = [made(), made()];
  expect(third.buffer).toBe(first.buffer);
  expect(fourth.buffer).not.toBe(first.buffer);
  expect(toText(third)).toBe(text);
});
