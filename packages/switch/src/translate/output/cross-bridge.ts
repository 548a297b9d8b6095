/** The packet goes on in another bridge, with fresh registers; this one goes on with it as it is now. */
import type { PortHome } from "../../tunnel/tunnel-table.ts";
import { leaveOff } from "../freeze.ts";
import type { Walk } from "../walk.ts";

/** @param run - runs the walk through the other bridge, and sees to it that what is done to the packet there stays there */
export function crossInto(walk: Walk, home: PortHome, run: (visit: () => void) => void): void {
  if (walk.isTooDeep()) return;
  const { bridge, table, rule, cookie, actionSet, stack, mirroring } = walk;
  walk.deepen(() =>
    run(() => {
      walk.bridge = home.bridge;
      walk.startMirroring();
      walk.stack = [];
      walk.isTracked = false;
      walk.packet.enterBridge(home.port.ofport);
      walk.actionSet = [];
      walk.observer?.enterBridge(home.bridge);
      walk.enterBridge();
      leaveOff(walk);
      walk.observer?.leaveBridge();
    }),
  );
  Object.assign(walk, { bridge, table, rule, cookie, actionSet, stack, mirroring });
}
