/** The connection tracker of user space. */
import { memoryUsage } from "node:process";
import { buildEthernet, buildIp4, buildUdp, parseIp4 } from "@tenet/net";
import { expect, test } from "vitest";
import { testTracker } from "./tracker-suite.ts";
import { UserTracker } from "./trackers.ts";

/** More than is made for a few connections, and less than a copy of all of them. */
const MANY_BYTES = 400_000;

testTracker(() => new UserTracker());

test("what connections are found by grows a little with each, and is never copied whole", () => {
  const tracker = new UserTracker();
  const marks = { mark: 0, markMask: 0, label: undefined, labelMask: undefined, nat: undefined };
  const commit = { type: "ct", isCommit: true, isForce: false, zone: 0, ...marks } as const;
  const addresses = { src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2"), proto: 17 };
  for (let port = 1, before = memoryUsage().arrayBuffers; port <= 9000; port++) {
    const packet = buildIp4(addresses, buildUdp({ srcPort: port, dstPort: 53 }, new Uint8Array(4)));
    tracker.track(buildEthernet({ dst: 0x020000000002, src: 0x020000000001, type: 0x0800 }, packet), commit);
    if (port % 16 !== 0) continue;
    expect(memoryUsage().arrayBuffers - before).toBeLessThan(MANY_BYTES);
    before = memoryUsage().arrayBuffers;
  }
  expect(tracker.conntrack.size).toBe(9000);
});
