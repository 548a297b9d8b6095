/** ofproto/trace by the real ovs-appctl: this switch and Debian's print the same. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`trace.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

systemTest("a trace shows ports by their names when it is asked to, in flows and in actions", { timeout: 60_000 }, async () => {
  await using pair = await SideBySide.start();
  for (const flow of ["in_port=1,ip,actions=clone(set_field:1.1.1.1->ip_dst,2),resubmit(3,1)", "table=1,in_port=3,actions=p3"]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", flow);
  }
  const traces = await pair.run("ovs-appctl", "ofproto/trace", "--names", "br0", "in_port=p1,tcp,nw_dst=9.9.9.9");
  const [theirs, ours] = traces.map((trace) => trace.replace(/^Megaflow: .*/m, "")); // ours may match on less
  expect(theirs).toContain("output:p2");
  expect(ours).toBe(theirs);
});
