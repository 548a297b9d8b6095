import { ManualClock } from "@tenet/kit";
import { makeMatch, type Message } from "@tenet/openflow";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PacketQueue } from "../src/service/packet-queue.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A queue with both clocks moved together, and the port and number of each packet that it sent. */
function makeQueue(perSecond: number, burst: number) {
  const clock = new ManualClock(0);
  const sent: string[] = [];
  let nDropped = 0;
  const queue = new PacketQueue(
    { perSecond, burst },
    clock,
    ({ data }) => sent.push(`${data[0]}/${data[1]}`),
    () => nDropped++,
  );
  let n = 0;
  const bytes = new Uint8Array(2);
  return {
    queue,
    sent,
    dropped: () => nDropped,
    offer(port: number): void {
      bytes.set([port, n++]); // whose memory it is
      queue.offer(port, { ...PACKET, data: bytes });
    },
    pass(ms: number): void {
      for (let i = 0; i < ms; i++) {
        clock.advance(1);
        vi.advanceTimersByTime(1);
      }
    },
  };
}

const PACKET: Extract<Message, { type: "packetIn" }> = {
  type: "packetIn",
  totalLength: 2,
  reason: 1,
  table: 0,
  cookie: 0n,
  match: makeMatch(),
  data: new Uint8Array(0),
};

test("ports take turns, and the one that has most waiting loses its oldest", () => {
  const { queue, sent, offer, pass, dropped } = makeQueue(10, 4);
  for (let n = 0; n < 4; n++) offer(1);
  expect(sent).toEqual(["1/0", "1/1", "1/2", "1/3"]);
  for (const port of [1, 1, 1, 2, 2]) offer(port); // 4 to 8, of which four wait
  expect({ ...queue, nDropped: dropped() }).toMatchObject({ nBypassed: 4, nQueued: 5, nDropped: 1, nWaiting: 4 });
  pass(1000);
  expect(sent.slice(4)).toEqual(["1/5", "2/7", "1/6", "2/8"]);
  expect(queue.nWaiting).toBe(0);
});

test("a higher rate counts at once, for the time to come; a lower burst leaves fewer waiting", () => {
  const { queue, sent, offer, pass } = makeQueue(1, 6);
  for (let n = 0; n < 12; n++) offer(1);
  pass(900);
  expect(sent).toHaveLength(6);
  queue.limit = { perSecond: 1000, burst: 5 };
  expect(queue.nWaiting).toBe(5);
  expect(sent).toHaveLength(6);
  pass(2);
  expect(sent.length).toBeGreaterThan(6);
  pass(10);
  expect(sent.slice(6)).toEqual(["1/7", "1/8", "1/9", "1/10", "1/11"]);
});

test("nothing is sent by a queue that was closed", () => {
  const { queue, sent, offer, pass } = makeQueue(10, 1);
  for (let n = 0; n < 2; n++) offer(1);
  queue.close();
  pass(1000);
  expect(sent).toEqual(["1/0"]);
});
