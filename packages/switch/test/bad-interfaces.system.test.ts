/** Interfaces that cannot work, by the real ovs-vsctl: this switch and Debian's say the same of them, and give the same numbers to those that can. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`bad-interfaces.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const TO = "options:remote_ip=1.2.3.4";
/** Settings of interfaces; most of them cannot work. */
const SETTINGS: readonly (readonly string[])[] = [
  ["type=dummy"],
  ["type=vxlan"],
  ["type=vxlan", "options:remote_ip=nohost"],
  ["type=vxlan", "options:remote_ip=224.0.0.1"],
  ["type=vxlan", TO, "options:local_ip=fd00::1"],
  ["type=vxlan", TO, "options:local_ip=flow"],
  ["type=geneve", TO, "options:key=flow"],
  ["type=gre", "options:remote_ip=fd00::1"],
  ["type=patch"],
  ["type=patch", "options:peer=x9"],
  ["type=patch", "options:peer=nosuch"],
  ["type=nosuch"],
  ["type=system"],
  ["type=dummy", "ofport_request=1"],
  ["type=dummy", "options:nosuch=1"],
];

systemTest("interfaces that cannot work have the original's error, and take no number", { timeout: 60_000 }, async () => {
  await using pair = await SideBySide.start();
  const vsctl = (...args: string[]): Promise<[string, string]> =>
    pair.run("ovs-vsctl", "--db=unix:DIR/db.sock", "--timeout=10", "--verbose=off", ...args);
  const different: string[] = [];
  for (const [i, settings] of SETTINGS.entries()) {
    const name = `x${i}`;
    await vsctl("add-port", "br0", name, "--", "set", "Interface", name, ...settings);
    const [theirs, ours] = await vsctl("get", "Interface", name, "error", "ofport");
    if (i % 2 === 0) await vsctl("del-port", name);
    if (ours !== theirs) different.push(`${settings.join(" ")}: theirs ${theirs} ours ${ours}`);
  }
  expect(different).toEqual([]);
});

systemTest("a bridge does not take the host's loopback from it", async () => {
  await using pair = await SideBySide.start();
  await pair.run("ovs-vsctl", "--timeout=10", "--verbose=off", "add-port", "br0", "lo");
  const [theirs, ours] = await pair.run("ovs-vsctl", "get", "Interface", "lo", "error", "ofport");
  expect(ours).toBe(theirs);
});

/** Settings of `p1`, `p2` and `p3`, one after the other; they begin with the numbers that they ask for. */
const REQUESTS: readonly (readonly [name: string, ...settings: string[]])[] = [
  ["p1", "ofport_request=2"],
  ["p3", "ofport_request=[]"],
  ["p1", "ofport_request=3"],
  ["p1", "ofport_request=55"],
  ["p2", "ofport_request=55"],
  ["p1", "ofport_request=7"],
  ["p2", "ofport_request=[]"],
  ["p3", "ofport_request=55"],
];

systemTest(
  "an interface gets the number that it asks for, unless another one asks for it and has it",
  { timeout: 60_000 },
  async () => {
    await using pair = await SideBySide.start();
    const vsctl = (...args: string[]): Promise<[string, string]> =>
      pair.run("ovs-vsctl", "--db=unix:DIR/db.sock", "--timeout=10", ...args);
    const [theirs, ours]: [string[], string[]] = [[], []];
    for (const [name, ...settings] of REQUESTS) {
      await vsctl("set", "Interface", name, ...settings);
      const numbers = ["p1", "p2", "p3"].flatMap((each) => ["--", "get", "Interface", each, "ofport"]);
      const [their, our] = (await vsctl(...numbers.slice(1))).map(
        (text) => `${settings.join(" ")}: ${text.trim().replaceAll("\n", " ")}`,
      );
      theirs.push(their ?? "");
      ours.push(our ?? "");
    }
    expect(ours).toEqual(theirs);
  },
);
