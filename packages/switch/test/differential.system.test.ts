/** Random flow tables and packets through this switch and through Debian's Open vSwitch: the same packets leave. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { departures } from "./packet-departures.ts";
import { LiveSwitch, tool } from "./live-switch.ts";
import { Original, control, whyNoOriginal } from "./original-switch.ts";
import { GROUPS, packetArbitrary, tablesArbitrary } from "./random-tables.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`differential.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

/** How many tables to draw; by hand thousands are drawn. */
const N_RUNS = 12 * inject("effort");
const PACKETS_PER_TABLE = 12;

/** Port names by datapath number, from `dpif/show`. */
async function portNames(dir: string): Promise<Map<string, string>> {
  const { out } = await tool("ovs-appctl", ["dpif/show"], { OVS_RUNDIR: dir });
  return new Map([...out.matchAll(/^ {4}(\S+) \d+\/(\d+):/gm)].map(([, name = "", number = ""]) => [number, name]));
}

function hasThreeTags(departure: string): boolean {
  return /(?:"vid=[^"]*",){2}"vid=/.test(departure);
}

systemTest(
  "random tables send random packets where the original sends them",
  async () => {
    await using original = new Original();
    await original.start();
    await using live = await LiveSwitch.start();
    const dirs = [original.dir, live.dir];
    for (const dir of dirs) {
      const add = ["--", "set", "Bridge", "br0", "datapath_type=dummy"];
      for (const n of [1, 2, 3]) {
        add.push("--", "add-port", "br0", `p${n}`, "--", "set", "Interface", `p${n}`, "type=dummy", `ofport_request=${n}`);
      }
      expect((await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", "add-br", "br0", ...add])).err).toBe("");
    }
    const names = await Promise.all(dirs.map(portNames));
    const file = join(live.dir, "flows.txt");
    writeFileSync(file, `${GROUPS.join("\n")}\n`);
    for (const dir of dirs) {
      expect((await tool("ovs-ofctl", ["-O", "OpenFlow15", "add-groups", `${dir}/br0.mgmt`, file])).err).toBe("");
    }
    const property = fc.asyncProperty(
      tablesArbitrary,
      fc.array(packetArbitrary, { minLength: PACKETS_PER_TABLE, maxLength: PACKETS_PER_TABLE }),
      async (flows, packets) => {
        writeFileSync(file, `${flows.join("\n")}\n`);
        const loading = dirs.map((dir) => tool("ovs-ofctl", ["-O", "OpenFlow13", "replace-flows", `${dir}/br0.mgmt`, file]));
        for (const { code, err } of await Promise.all(loading)) expect(code, err).toBe(0);
        const traces = packets.map((sent) => ["ofproto/trace", "br0", sent] as const);
        const [theirs = [], ours = []] = await Promise.all(dirs.map((dir) => control(dir, traces)));
        for (const [i, sent] of packets.entries()) {
          const [expected, found] = [theirs[i] ?? "", ours[i] ?? ""];
          const left = departures(found, sent, names[1] ?? new Map());
          if (left.some(hasThreeTags)) continue; // the original has room for two, and takes the others away
          expect(left, `${sent}\n${expected}\n${found}`).toEqual(departures(expected, sent, names[0] ?? new Map()));
        }
      },
    );
    await fc.assert(property, { numRuns: N_RUNS, endOnFailure: true });
  },
  3_600_000,
);
