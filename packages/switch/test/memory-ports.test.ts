/** The switch over the real user datapath, with cables that end in this test. */
import { FIELDS, formatMac, getFieldBig, makeFlowKey, parseFlowKey } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { Cables } from "./cables.ts";

const A_TO_B = "dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=5,tp_dst=6";
const B_TO_A = "dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a,udp,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=6,tp_dst=5";

test("frames flood, then follow what was learned", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  expect(cables.send("p1", A_TO_B).sort()).toEqual(["p2", "p3"]);
  expect(cables.send("p2", B_TO_A)).toEqual(["p1"]);
  expect(cables.send("p1", A_TO_B)).toEqual(["p2"]);
  expect(cables.datapath.stats().hits).toBe(1);
});

test("a flow-mod takes effect on the next packet, cached or not", async () => {
  await using cables = new Cables("p1", "p2");
  cables.send("p1", A_TO_B);
  cables.apply("priority=9,udp,actions=drop");
  expect(cables.send("p1", A_TO_B)).toEqual([]);
  cables.apply("priority=10,udp,actions=mod_dl_dst:02:00:00:00:00:77,output:2");
  expect(cables.send("p1", A_TO_B)).toEqual(["p2"]);
  const key = makeFlowKey();
  const frame = cables.received[0]?.frame ?? new Uint8Array(0);
  parseFlowKey(frame, frame.length, 1, key);
  expect(formatMac(Number(getFieldBig(key, FIELDS.eth_dst)))).toBe("02:00:00:00:00:77");
});

test("idle megaflows go after 10 s, used ones stay, and no packet is lost to the counters", async () => {
  await using cables = new Cables("p1", "p2");
  cables.send("p2", B_TO_A);
  for (let seconds = 0; seconds < 20; seconds++) {
    cables.send("p1", A_TO_B);
    cables.clock.advance(1000);
    cables.vswitch.tick();
  }
  expect(cables.datapath.stats().nFlows).toBe(1);
  cables.clock.advance(10_000);
  cables.vswitch.tick();
  expect(cables.datapath.stats().nFlows).toBe(0);
  const [rule] = cables.bridge.pipeline.select({ table: 0, match: parseMatch(""), cookie: 0n });
  expect(rule?.nPackets).toBe(21);
});

test("an idle timeout counts packets of the cache", async () => {
  await using cables = new Cables("p1", "p2");
  cables.apply("priority=5,udp,idle_timeout=5,actions=output:2");
  for (let seconds = 0; seconds < 12; seconds++) {
    cables.send("p1", A_TO_B);
    cables.clock.advance(1000);
    cables.vswitch.tick();
  }
  expect(cables.bridge.pipeline.nRules).toBe(2);
  cables.clock.advance(5000);
  cables.vswitch.tick();
  expect(cables.bridge.pipeline.nRules).toBe(1);
});

test("a port that cannot be opened takes no number", async () => {
  await using cables = new Cables("p1");
  const add = (name: string): number => cables.vswitch.addPort(cables.bridge, { name, kind: "memory" }).ofport;
  expect(() => add("p1")).toThrow(/it is port 1 already/);
  expect(add("p2")).toBe(2);
});

test("a port of the datapath has the number in its name, if that is free", async () => {
  await using cables = new Cables("p7", "q7", "br3", "nameless", "p70000");
  expect([...cables.datapath.ports()].map(({ name, portNo }) => `${name} ${portNo}`)).toEqual([
    "q7 1",
    "nameless 2",
    "p70000 3",
    "p7 7",
    "br3 103",
  ]);
});
