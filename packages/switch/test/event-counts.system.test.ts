/** What happens is counted as by Debian's switch, and goes by its names. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`event-counts.system.test.ts: skipped, ${reason}`);

/** What both do as often, whatever else there is to do. */
const SAME = [
  "mac_learning_evicted",
  "mac_learning_expired",
  "mac_learning_learned",
  "mac_learning_moved",
  "netdev_received",
  "netdev_sent",
  "ofproto_packet_out",
  "ofproto_recv_openflow",
];
const FRAME = "020000000002020000000001080045000014";

test.skipIf(reason !== undefined)(
  "events have the original's names, and the same packets count the same",
  { timeout: 60_000 },
  async () => {
    await using pair = await SideBySide.start();
    await pair.run("ovs-ofctl", "add-flow", "br0", "actions=NORMAL");
    const [theirsBefore, oursBefore] = await pair.countEvents();
    const send = (port: string, from: string, to: string): Promise<unknown> =>
      pair.run(
        "ovs-appctl",
        "netdev-dummy/receive",
        port,
        `in_port(1),eth(src=02:00:00:00:00:0${from},dst=02:00:00:00:00:0${to})`,
      );
    await send("p1", "1", "2");
    await send("p2", "2", "1");
    await send("p3", "2", "1");
    await send("p1", "1", "2");
    await pair.run("ovs-ofctl", "packet-out", "br0", `in_port=1,packet=${FRAME}${"00".repeat(42)},actions=2`);
    const [theirs, ours] = await pair.countEvents();
    const growth = (before: Record<string, number>, after: Record<string, number>) =>
      Object.fromEntries(Object.keys(before).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)]));
    const ofBoth = (counts: Record<string, number>) => Object.fromEntries(SAME.map((name) => [name, counts[name]]));
    expect(ofBoth(growth(oursBefore, ours))).toEqual(ofBoth(growth(theirsBefore, theirs)));
  },
);
