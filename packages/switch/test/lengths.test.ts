/** Actions that look at or change the length of packets: `check_pkt_larger`, `output(max_len)`. */
import { expect, test } from "vitest";
import { Cables } from "./cables.ts";

const FRAME_BYTES = 42;

function frame(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  bytes.set([2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x88, 0xb5]);
  return bytes;
}

test("packets longer than a size take another way, in one megaflow", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,actions=check_pkt_larger(100)->reg0[0],resubmit(,1),mod_dl_dst:02:00:00:00:00:77,IN_PORT");
  cables.apply("table=1,reg0=1,actions=2");
  cables.apply("table=1,reg0=0,actions=mod_dl_src:02:00:00:00:00:99,3");
  for (let round = 0; round < 2; round++) {
    expect(cables.sendFrame("p1", frame(101))).toEqual(["p2", "p1"]);
    expect(Array.from(cables.received[1]?.frame.subarray(0, 12) ?? [])).toEqual([2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 0xa]);
    expect(cables.sendFrame("p1", frame(100))).toEqual(["p3", "p1"]);
    expect(Array.from(cables.received[1]?.frame.subarray(0, 12) ?? [])).toEqual([2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 0x99]);
  }
  expect(cables.datapath.stats().nFlows).toBe(1);
});

test("an output cuts its own copy alone", async () => {
  await using cables = new Cables("p1", "p2", "p3", "p4");
  cables.apply(`priority=9,in_port=1,actions=2,output(port=3,max_len=${FRAME_BYTES}),4,output(port=2,max_len=9000)`);
  for (let round = 0; round < 2; round++) {
    expect(cables.sendFrame("p1", frame(200))).toEqual(["p2", "p3", "p4", "p2"]);
    expect(cables.received.map((each) => each.frame.length)).toEqual([200, FRAME_BYTES, 200, 200]);
  }
});

test("after a branch that exits, the action set is not executed", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,actions=write_actions(output:3),goto_table:1");
  cables.apply("table=1,actions=output:2,check_pkt_larger(100)->reg0[0],exit");
  for (const sizeBytes of [100, 101]) expect(cables.sendFrame("p1", frame(sizeBytes))).toEqual(["p2"]);
});

test("a flow that doubles its work without end is given up", async () => {
  await using cables = new Cables("p1", "p2");
  const checks = Array.from({ length: 40 }, (_, i) => `check_pkt_larger(${i + 60})->reg0[0]`);
  cables.apply(`priority=9,in_port=1,actions=${checks.join(",")},2`);
  expect(cables.sendFrame("p1", frame(101))).toEqual([]);
});
