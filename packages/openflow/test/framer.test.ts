/** A stream of messages, however it is cut, is the same messages; one that lends its memory has it used again. */
import { decodeMessage, encodeMessage, Framer } from "@tenet/openflow";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { MESSAGES } from "./sample-messages.ts";

/** Every sample in every version that has it. */
const SAMPLES = MESSAGES.flatMap(([message, versions]) => versions.map((version, xid) => encodeMessage(message, version, xid)));

const streams = fc.record({
  messages: fc.array(fc.constantFrom(...SAMPLES), { minLength: 1, maxLength: 40 }),
  cuts: fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }),
  lends: fc.boolean(),
});

test("messages come out whole and in order, wherever their bytes are cut", () => {
  fc.assert(
    fc.property(streams, ({ messages, cuts, lends }) => {
      const framer = new Framer({ lends });
      const bytes = Buffer.concat(messages);
      const found: unknown[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = 1 + (cuts[i % cuts.length] ?? 0);
        const chunk = Uint8Array.from(bytes.subarray(at, at + size));
        framer.push(chunk);
        chunk.fill(0xff); // the socket's again
        at += size;
        for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
          found.push(Buffer.from(frame.bytes).toString("hex"), frame.decode());
        }
      }
      expect(found).toEqual(messages.flatMap((message) => [Buffer.from(message).toString("hex"), decodeMessage(message)]));
      expect(framer.at).toBe(bytes.length);
    }),
    { seed: inject("seed"), numRuns: 100 * inject("effort") },
  );
});

test("bytes that come take two memories by turns where memory is lent", () => {
  const buffers = new Set<ArrayBufferLike>();
  const framer = new Framer({ lends: true });
  for (let i = 0; i < 100; i++) {
    framer.push(SAMPLES[0] as Uint8Array);
    const frame = framer.next();
    if (frame !== undefined) buffers.add(frame.bytes.buffer);
  }
  expect(buffers.size).toBe(2);
});

test("memory that much came in goes when little comes, and then messages are whole all the same", () => {
  const framer = new Framer({ lends: true });
  const [message] = SAMPLES as [Uint8Array];
  const take = (): Uint8Array[] => {
    const taken: Uint8Array[] = [];
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) taken.push(frame.bytes);
    return taken;
  };
  for (let i = 0; i < 2; i++) {
    for (let n = 0; n < 100_000; n++) framer.push(message);
    expect(take()).toHaveLength(100_000);
    framer.push(message.subarray(0, 5));
    framer.push(message.subarray(5));
    const [after] = take();
    expect(after).toEqual(message);
    expect(after?.buffer.byteLength).toBeLessThan(1000);
  }
  expect(framer.at).toBe(200_002 * message.length);
});

test("a message that was lent is good until the next is taken, however many bytes come meanwhile", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }), (pushes) => {
      const framer = new Framer({ lends: true });
      const message = (n: number) => encodeMessage({ type: "echoRequest", data: Uint8Array.of(n) }, 4, n);
      let nPushed = 0;
      let nTaken = 0;
      for (const nMore of pushes) {
        const frame = framer.next();
        for (let i = 0; i < nMore; i++) framer.push(message(nPushed++));
        if (frame !== undefined) expect([...frame.bytes]).toEqual([...message(nTaken++)]);
      }
    }),
    { seed: inject("seed"), numRuns: 100 * inject("effort") },
  );
});
