/** Where a running switch has its flows. */
import { kernelObstacle } from "@tenet/datapath";
import type { Placement } from "@tenet/switch";
import { expect, test, vi } from "vitest";
import { LiveHost, LiveSwitch, whyNot } from "./live-switch.ts";

const reason = whyNot() ?? kernelObstacle()?.reason;
if (reason !== undefined) console.log(`placement.system.test.ts: skipped, ${reason}`);
const PATIENCE = { timeout: 15_000, interval: 100 };

/** Pings from one port of a bridge to another until the kernel has as many flows as `isDone` wants. */
async function placementAfterPings(
  live: LiveSwitch,
  from: LiveHost,
  to: LiveHost,
  isDone: (placement: Placement) => boolean,
): Promise<Placement> {
  return vi.waitFor(async () => {
    expect(await from.pings(to)).toBe(true);
    const placement = JSON.parse((await live.appctl("tenet/datapath")).out) as Placement;
    expect(placement).toSatisfy(isDone);
    return placement;
  }, PATIENCE);
}

test.skipIf(reason !== undefined)(
  "flows of a system bridge are in the kernel, those of a netdev bridge in user space",
  async () => {
    await using live = await LiveSwitch.start({ datapath: "auto" });
    using a = new LiveHost(1);
    using b = new LiveHost(2);
    await live.vsctl("add-br", "tsw-br0");
    for (const { port } of [a, b]) await live.vsctl("add-port", "tsw-br0", port);
    const placement = await placementAfterPings(live, a, b, ({ nFlowsInKernel }) => nFlowsInKernel > 0);
    expect(placement.text).toBe("Flows run in the kernel (eBPF)");
    await live.vsctl("del-br", "tsw-br0", "--", "add-br", "tsw-br1", "--", "set", "Bridge", "tsw-br1", "datapath_type=netdev");
    for (const { port } of [a, b]) await live.vsctl("add-port", "tsw-br1", port);
    await placementAfterPings(live, a, b, ({ nFlows, nFlowsInKernel }) => nFlows > 0 && nFlowsInKernel === 0);
  },
);

test.skipIf(reason !== undefined)("flows leave the kernel when time is stopped, since the kernel's goes on", async () => {
  await using live = await LiveSwitch.start({ datapath: "auto" });
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  await live.vsctl("add-br", "tsw-br0");
  for (const { port } of [a, b]) await live.vsctl("add-port", "tsw-br0", port);
  await placementAfterPings(live, a, b, ({ nFlowsInKernel }) => nFlowsInKernel > 0);
  await live.appctl("time/stop");
  const { nLeftByReason } = await placementAfterPings(
    live,
    a,
    b,
    ({ nFlows, nFlowsInKernel }) => nFlows > 0 && nFlowsInKernel === 0,
  );
  expect(Object.keys(nLeftByReason)).toContain("time that was stopped or moved by hand");
});

test.skipIf(reason !== undefined)("a switch without devices is in user space, though the kernel would do", async () => {
  await using live = await LiveSwitch.start({ datapath: "auto", isAllDummy: true });
  const { text } = JSON.parse((await live.appctl("tenet/datapath")).out) as Placement;
  expect(text).toMatch(/^Flows run in user space: all ports are simulated/);
});
