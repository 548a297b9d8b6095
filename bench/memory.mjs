/** Resident memory of whole systems at rest: two hosts on one logical switch, nothing going on for a few seconds. */
import { setTimeout as sleep } from "node:timers/promises";
import { familyOf, memoryOf } from "./support/measure.mjs";
import { deleteLeftStacks, startOriginals, startTenet, whyNoStacks } from "./support/stacks.mjs";

const REST_MS = 5000;
const MIB = 2 ** 20;

/** Runs the benchmark. */
export async function memory() {
  const reason = whyNoStacks();
  if (reason !== undefined) return { skipped: reason };
  deleteLeftStacks();
  const [ours, theirs] = [await atRest(startTenet), await atRest(startOriginals)];
  const row = (figure, key) => ({ figure, unit: "MiB", tenet: ours[key] / MIB, peer: theirs[key] / MIB, better: "lower" });
  return {
    peer: "ovsdb-server x3, ovn-northd, ovn-controller, ovs-vswitchd",
    rows: [row("resident, sum over processes", "resident"), row("… shared pages counted once", "share")],
  };
}

async function atRest(start) {
  const stack = await start();
  try {
    stack.plug({ a: "0a:00:00:00:00:01", b: "0a:00:00:00:00:02" });
    await sleep(REST_MS);
    const each = stack.pids.flatMap(familyOf).map(memoryOf);
    const sum = (key) => each.reduce((total, one) => total + one[key], 0);
    return { resident: sum("resident"), share: sum("share") };
  } finally {
    await stack.stop();
  }
}
