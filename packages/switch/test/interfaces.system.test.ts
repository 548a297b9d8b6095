/** Interfaces on devices: what the database says of them here and at Debian's switch, limits, mirrors that cut, bonds. */
import { execFileSync } from "node:child_process";
import { ManualClock } from "@tenet/kit";
import { expect, test } from "vitest";
import { LiveHost, LiveSwitch, type Outcome, ownName, tool, until } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`interfaces.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const [BR0, V1] = [ownName("br0"), ownName("v1")];
const COLUMNS = "name,admin_state,duplex,error,ifindex,link_resets,link_speed,link_state,mac_in_use,mtu,ofport,status";

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: "ignore" });
}

/** Configures interfaces of several types, and tells what their rows say when all is quiet. */
async function rowsOf(vsctl: (...args: string[]) => Promise<Outcome>): Promise<string[]> {
  await vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=netdev", "other-config:hwaddr=00:01:02:03:04:05");
  await vsctl("add-port", BR0, V1, "--", "set", "Interface", V1, "mtu_request=1400");
  for (const type of ["internal", "tap"]) {
    await vsctl("add-port", BR0, ownName(type), "--", "set", "Interface", ownName(type), `type=${type}`);
  }
  await vsctl("add-port", BR0, ownName("none"));
  let rows = "";
  await until(async () => {
    const before = rows;
    rows = (await vsctl(`--columns=${COLUMNS}`, "list", "Interface")).out;
    return rows === before && rows.includes("driver_name=veth");
  });
  // Devices that the switch makes have numbers and addresses of their own.
  const told = rows
    .replace(/(ifindex +: )[1-9]\d*/g, "$1N")
    .replace(/(mac_in_use +: )"(?!02:00:00:00:01:01|00:01)[^"]*"/g, "$1MAC");
  return told
    .split("\n\n")
    .map((row) => row.trim())
    .sort();
}

systemTest("a port-mod switches a device off and on, and a device that was switched on by the host is up", async () => {
  using host = new LiveHost(1);
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, host.port);
  const flags = async (name: string): Promise<string> => (await tool("ip", ["-br", "link", "show", name])).out;
  for (const name of [BR0, host.port]) {
    for (const [word, isUp] of [
      ["up", true],
      ["down", false],
    ] as const) {
      expect(await live.ofctl("mod-port", BR0, name, word)).toMatchObject({ code: 0 });
      expect(/[<,]UP[,>]/.test(await flags(name)), `${name} ${word}`).toBe(isUp);
      expect((await live.ofctl("dump-ports-desc", BR0, name)).out.includes("PORT_DOWN"), `${name} ${word}`).toBe(!isUp);
    }
    ip("link", "set", name, "up");
    await until(async () => !(await live.ofctl("dump-ports-desc", BR0, name)).out.includes("PORT_DOWN"));
  }
});

systemTest("interfaces on devices have the columns that the original gives them", async () => {
  using host = new LiveHost(1);
  ip("link", "set", host.port, "address", "02:00:00:00:01:01");
  let theirs: string[] = [];
  {
    await using original = new Original();
    await original.start();
    theirs = await rowsOf((...args) => tool("ovs-vsctl", [`--db=unix:${original.dir}/db.sock`, "--timeout=10", ...args]));
  }
  for (const name of [BR0, ownName("internal"), ownName("tap")]) await tool("ip", ["link", "del", name]);
  ip("link", "set", host.port, "mtu", "1500");
  await using live = await LiveSwitch.start();
  expect(await rowsOf((...args) => live.vsctl(...args))).toEqual(theirs);
  // What the rows tell of speed and counters, controllers are told too.
  const { out } = await live.ofctl("dump-ports-desc", BR0);
  expect(out).toContain("current:    10GB-FD COPPER\n     speed: 10000 Mbps now, 0 Mbps max");
  expect((await live.ofctl("dump-ports", BR0, V1)).out).toContain("frame=0, over=0, crc=0");
  expect((await live.ofctl("queue-stats", BR0)).out).toContain(": 0 queues");
});

systemTest("what comes in faster than an interface's policing rate allows is dropped", async () => {
  const clock = new ManualClock(1000);
  await using live = await LiveSwitch.start({ clock });
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port, "--", "add-port", BR0, b.port);
  const nAnswered = async (): Promise<number> => {
    const args = ["netns", "exec", a.name, "ping", "-n", "-c", "30", "-i", "0.01", "-W", "1", b.address];
    return Number(/(\d+) received/.exec((await tool("ip", args)).out)?.[1]);
  };
  await until(async () => (await nAnswered()) === 30); // a machine that is busy loses some at first
  // Time stands still: a burst of 10 kbit is all that ever comes in.
  await live.vsctl("set", "Interface", a.port, "ingress_policing_rate=100", "ingress_policing_burst=10");
  const nLimited = await nAnswered();
  expect(nLimited).toBeGreaterThan(5);
  expect(nLimited).toBeLessThan(13);
  await live.vsctl("set", "Interface", a.port, "ingress_policing_rate=0");
  await until(async () => (await nAnswered()) === 30);
});

systemTest("while flows are restored, nothing is forwarded that no flow was installed for", async () => {
  await using live = await LiveSwitch.start();
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  await live.vsctl("set", "Open_vSwitch", ".", "other_config:flow-restore-wait=true");
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port, "--", "add-port", BR0, b.port);
  expect(await a.pings(b)).toBe(false);
  await live.vsctl("remove", "Open_vSwitch", ".", "other_config", "flow-restore-wait");
  expect(await a.pings(b)).toBe(true);
});
