/** Random frames through dummy ports of this switch and of Debian's, over random configurations: the same frames leave. */
import { composePacket } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveSwitch, tool, until } from "./live-switch.ts";
import { control, Original, whyNoOriginal } from "./original-switch.ts";
import { framesIn } from "./pcap-frames.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`dummy-frames.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const NAMES = ["p1", "p2", "p3", "p4", "p5"];
const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04"];
const one = fc.constantFrom;

const frame = fc
  .record({
    port: one("p1", "p2", "p3", "p4", "p5"),
    src: one(...MACS),
    dst: one(...MACS, "ff:ff:ff:ff:ff:ff"),
    vlan: one("", "", ",dl_vlan=5,dl_vlan_pcp=0", ",dl_vlan=10,dl_vlan_pcp=3"),
    body: one("udp,nw_src=1.1.1.1,nw_dst=1.1.1.2,nw_ttl=64,tp_src=1,tp_dst=2", "arp,arp_op=1,arp_spa=1.1.1.1,arp_tpa=1.1.1.1"),
  })
  .map(({ port, src, dst, vlan, body }) => {
    const bytes = composePacket(parseMatch(`dl_src=${src},dl_dst=${dst}${vlan},${body}`).key);
    return { port, hex: Buffer.from(bytes).toString("hex") };
  });

const columns = one(["tag=5"], ["tag=10"], [], ["trunks=5"], ["vlan_mode=native-untagged", "tag=5"], ["protected=true"]);
const mirror = one(
  [],
  ["select_all=true", "output_port=@p3"],
  ["select_all=true", "select_vlan=5", "output_vlan=10"],
  ["select_src_port=@p1", "output_port=@p2", "snaplen=20"],
);

/** Packets that the datapath has looked up. */
async function nLookups(dir: string): Promise<number> {
  const [, hits = "", misses = ""] = /hit:(\d+) missed:(\d+)/.exec((await control(dir, [["dpif/show"]]))[0] ?? "") ?? [];
  return Number(hits) + Number(misses);
}

async function configure(
  dir: string,
  run: number,
  ports: readonly (readonly string[])[],
  mirrorColumns: readonly string[],
): Promise<void> {
  const args = [`--db=unix:${dir}/db.sock`, "--timeout=10", "clear", "Bridge", "br0", "mirrors"];
  NAMES.forEach((name, i) => {
    const port = name === "p4" || name === "p5" ? "bond0" : name;
    args.push("--", "set", "Interface", name, `options:tx_pcap=${dir}/${run}-${name}.pcap`);
    args.push("--", "clear", "Port", port, "tag", "trunks", "vlan_mode", "--", "set", "Port", port, "protected=false");
    if (port === name || name === "p5") args.push("--", "set", "Port", port, ...(ports[i] ?? []), "other_config:run=1");
  });
  if (mirrorColumns.length > 0) {
    for (const name of ["p1", "p2", "p3"]) args.push("--", `--id=@${name}`, "get", "Port", name);
    args.push("--", "--id=@m", "create", "Mirror", "name=m", ...mirrorColumns, "--", "set", "Bridge", "br0", "mirrors=@m");
  }
  expect((await tool("ovs-vsctl", args)).err).toBe("");
  await control(dir, [["fdb/flush", "br0"], ["revalidator/purge"]]);
}

systemTest("frames of dummy ports are learned from, forwarded, mirrored and cut as the original does it", async () => {
  await using original = new Original();
  await original.start();
  await using live = await LiveSwitch.start();
  const dirs = [original.dir, live.dir];
  for (const dir of dirs) {
    const types = NAMES.flatMap((name) => ["--", "set", "Interface", name, "type=dummy"]);
    const ports = ["p1", "p2", "p3"].flatMap((name) => ["--", "add-port", "br0", name]);
    const bond = ["--", "add-bond", "br0", "bond0", "p4", "p5", "bond_mode=active-backup", "other_config:bond-primary=p4"];
    const bridge = ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy"];
    const args = [`--db=unix:${dir}/db.sock`, "--timeout=10", ...bridge, ...ports, ...bond, ...types];
    expect((await tool("ovs-vsctl", args)).err).toBe("");
  }
  let run = 0;
  const property = fc.asyncProperty(
    fc.array(columns, { minLength: NAMES.length, maxLength: NAMES.length }),
    mirror,
    one("up", "down"),
    fc.array(frame, { minLength: 12, maxLength: 12 }),
    async (ports, mirrorColumns, primaryState, frames) => {
      run++;
      const [theirs, ours] = await Promise.all(
        dirs.map(async (dir) => {
          await configure(dir, run, ports, mirrorColumns);
          await control(dir, [["netdev-dummy/set-admin-state", "p4", primaryState]]);
          await until(async () => {
            const [shown = ""] = await control(dir, [["bond/show", "bond0"]]);
            return shown.includes(primaryState === "up" ? "(p4)" : "(p5)");
          });
          for (const { port, hex } of frames) {
            const before = await nLookups(dir);
            await control(dir, [["netdev-dummy/receive", port, hex]]);
            await until(async () => (await nLookups(dir)) > before);
            await control(dir, [["revalidator/wait"]]); // the original corrects its megaflows some time later
          }
          const [flows = ""] = await control(dir, [["dpif/dump-flows", "br0"]]);
          const frameLists = NAMES.map((name) => [name, framesIn(`${dir}/${run}-${name}.pcap`)]);
          return { frames: Object.fromEntries(frameLists), nMegaflows: flows.trim().split("\n").length };
        }),
      );
      expect(ours?.frames).toEqual(theirs?.frames);
      expect(ours?.nMegaflows).toBeLessThanOrEqual(theirs?.nMegaflows ?? 0);
    },
  );
  await fc.assert(property, { numRuns: 3, endOnFailure: true });
});
