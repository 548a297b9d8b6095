import { BUCKET, type Bucket, parseGroup, type GroupMod } from "@tenet/openflow";
import { describe, expect, test } from "vitest";
import { Group, RefusedError, type TableChange } from "@tenet/switch";
import { makeHashTable } from "../src/group/hash-table.ts";
import { finish } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Cables } from "./cables.ts";

const TCP =
  "tcp,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80";

function withGroups(nPorts: number, groups: readonly string[], flows: readonly string[]): Bench {
  const bench = new Bench(nPorts, []);
  bench.bridge.pipeline.apply(groups.map((text) => parseGroup(text)));
  bench.add(...flows);
  return bench;
}

function change(bench: Bench, command: GroupMod["command"], text: string): void {
  bench.bridge.pipeline.apply([parseGroup(text, { command })]);
  bench.vswitch.settle();
}

test("all: every bucket gets the packet as it came to the group", () => {
  const bench = withGroups(
    4,
    ["group_id=1,type=all,bucket=mod_dl_dst:02:00:00:00:00:77,2,bucket=3,bucket=set_field:1->reg0"],
    ["actions=group:1,4"],
  );
  const sent = bench.sendWithChanges(`in_port=1,${TCP}`);
  expect(sent.map(({ port }) => port)).toEqual(["p2", "p3", "p4"]);
  expect(sent[0]?.changes).toHaveLength(1);
});

test("a bucket is an action set: fields are set before the output, wherever it stands", () => {
  const bench = withGroups(3, ["group_id=1,type=indirect,bucket=2,mod_dl_dst:02:00:00:00:00:77"], ["actions=group:1"]);
  expect(bench.sendWithChanges(`in_port=1,${TCP}`)[0]?.changes).toHaveLength(1);
});

test("select: a connection keeps its bucket both ways, connections spread by weight, and megaflows match what is hashed", () => {
  const bench = withGroups(
    3,
    ["group_id=1,type=select,selection_method=hash,bucket=weight:3,2,bucket=weight:1,3,bucket=weight:0,1"],
    ["actions=group:1"],
  );
  const taken = { p2: 0, p3: 0 };
  for (let port = 1; port <= 400; port++) {
    const there = bench.send(`in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=${port},tp_dst=80`);
    const back = bench.send(`in_port=1,tcp,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=80,tp_dst=${port}`);
    expect(back).toEqual(there);
    taken[there[0] as "p2" | "p3"]++;
  }
  expect(taken.p2 + taken.p3).toBe(400);
  expect(taken.p2).toBeGreaterThan(taken.p3 * 2);
  expect(bench.megaflows()[0]).toMatch(/nw_src=.*,nw_dst=.*,tp_src=.*,tp_dst=/);
});

test("select by fields hashes and matches these alone", () => {
  const bench = withGroups(
    3,
    ["group_id=1,type=select,selection_method=hash,fields(ip_dst=255.255.0.0),bucket=2,bucket=3"],
    ["actions=group:1"],
  );
  bench.send(`in_port=1,${TCP}`);
  expect(bench.megaflows()).toEqual(["recirc_id=0,ip,in_port=1,vlan_tci=0x0000,nw_dst=10.0.0.0/16,nw_frag=no"]);
});

test("a bucket that goes moves its own packets alone", () => {
  const buckets = [2, 3, 4].map((port) => `bucket=bucket_id:${port},${port}`).join(",");
  const bench = withGroups(4, [`group_id=1,type=select,selection_method=hash,${buckets}`], ["actions=group:1"]);
  const port = (i: number): string => bench.send(`in_port=1,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=${i},tp_dst=53`)[0] ?? "";
  const before = Array.from({ length: 100 }, (_, i) => port(i));
  change(bench, "removeBucket", "group_id=1,command_bucket_id=3");
  const after = Array.from({ length: 100 }, (_, i) => port(i));
  expect(before).toContain("p3");
  expect(after).not.toContain("p3");
  before.forEach((was, i) => {
    if (was !== "p3") expect(after[i]).toBe(was);
  });
});

test("fast failover follows ports, also of groups that it watches", () => {
  const bench = withGroups(
    4,
    ["group_id=1,type=ff,bucket=watch_port:2,2", "group_id=2,type=ff,bucket=watch_group:1,group:1,bucket=watch_port:3,3"],
    ["actions=group:2"],
  );
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
  const p2 = bench.bridge.portNamed("p2");
  const p3 = bench.bridge.portNamed("p3");
  if (p2 === undefined || p3 === undefined) throw new Error("ports are missing");
  p2.isUp = false;
  bench.vswitch.portChanged(bench.bridge, p2);
  bench.vswitch.settle();
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p3"]);
  p3.config = 1;
  bench.vswitch.portChanged(bench.bridge, p3);
  bench.vswitch.settle();
  expect(bench.send(`in_port=1,${TCP}`)).toEqual([]);
});

test("a group that runs itself drops the packet, as does none", () => {
  const loop = withGroups(2, ["group_id=1,type=all,bucket=2,bucket=group:1"], ["priority=1,actions=group:1"]);
  expect(loop.send(`in_port=1,${TCP}`)).toEqual([]);
  const missing = withGroups(3, ["group_id=1,type=all,bucket=group:9,bucket=2"], ["actions=group:1"]);
  expect(missing.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
});

test("a changed group takes effect on cached packets; one that another refers to as well", () => {
  const bench = withGroups(3, ["group_id=1,type=all,bucket=group:2", "group_id=2,type=all,bucket=2"], ["actions=group:1"]);
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
  change(bench, "modify", "group_id=2,type=all,bucket=3");
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p3"]);
  change(bench, "delete", "group_id=2");
  expect(bench.send(`in_port=1,${TCP}`)).toEqual([]);
  change(bench, "add", "group_id=2,type=all,bucket=2");
  expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2"]);
});

test("packets are counted by group and bucket, cached ones too", () => {
  const bench = withGroups(3, ["group_id=1,type=all,bucket=2,bucket=3"], ["actions=group:1"]);
  for (let n = 0; n < 3; n++) bench.send(`in_port=1,${TCP}`);
  finish(bench.vswitch.cache.readingStatistics());
  const group = bench.bridge.pipeline.groups.get(1);
  expect([group?.nPackets, ...(group?.buckets.map(({ nPackets }) => nPackets) ?? [])]).toEqual([3, 3, 3]);
});

describe("a transaction", () => {
  test("flows go with the group that they refer to, and controllers are told why", () => {
    const bench = withGroups(
      2,
      ["group_id=1,type=all,bucket=2"],
      [
        "table=1,actions=group:1",
        "table=2,actions=write_actions(group:1)",
        "table=3,actions=clone(group:1)",
        "table=4,actions=2",
      ],
    );
    const reasons: (string | undefined)[] = [];
    bench.bridge.pipeline.onChange(({ rules }) => reasons.push(...rules.map(({ reason }) => reason)));
    expect(bench.bridge.pipeline.referencesToGroup(1)).toBe(3);
    change(bench, "delete", "group_id=all");
    expect(bench.bridge.pipeline.nRules).toBe(1);
    expect(reasons).toEqual(["group", "group", "group"]);
  });

  test("that fails leaves groups and references as they were", () => {
    const bench = withGroups(2, ["group_id=1,type=all,bucket=2"], ["actions=group:1"]);
    const { pipeline } = bench.bridge;
    const before = pipeline.groups.get(1);
    expect(() =>
      pipeline.apply([
        parseGroup("group_id=1,type=all,bucket=1", { command: "modify" }),
        parseGroup("group_id=2,type=all,bucket=1"),
        parseGroup("group_id=1", { command: "delete" }),
        parseGroup("group_id=1,type=all", { command: "modify" }),
      ]),
    ).toThrow(RefusedError);
    expect(pipeline.groups.get(1)).toBe(before);
    expect(pipeline.groups.get(2)).toBeUndefined();
    expect([pipeline.nRules, pipeline.referencesToGroup(1)]).toEqual([1, 1]);
  });

  test.each([
    ["add", "group_id=1,type=all", "OFPGMFC_GROUP_EXISTS"],
    ["modify", "group_id=2,type=all", "OFPGMFC_UNKNOWN_GROUP"],
    ["insertBucket", "group_id=2,command_bucket_id=last,bucket=1", "OFPGMFC_UNKNOWN_GROUP"],
    ["insertBucket", "group_id=1,command_bucket_id=last,bucket=bucket_id:0,1", "OFPGMFC_BUCKET_EXISTS"],
    ["insertBucket", "group_id=1,command_bucket_id=7,bucket=bucket_id:9,1", "OFPGMFC_UNKNOWN_BUCKET"],
    ["removeBucket", "group_id=1,command_bucket_id=7", "OFPGMFC_UNKNOWN_BUCKET"],
  ] as const)("%s %s is refused as %s", (command, text, errorName) => {
    const bench = withGroups(2, ["group_id=1,type=all,bucket=2"], []);
    expect(() => change(bench, command, text)).toThrow(expect.objectContaining({ errorName }));
  });
});

test("buckets are put in and taken out by their place", () => {
  const bench = withGroups(2, ["group_id=1,type=all,bucket=bucket_id:5,1,bucket=bucket_id:6,1"], []);
  const ids = (): number[] => bench.bridge.pipeline.groups.get(1)?.spec.buckets.map(({ id }) => id) ?? [];
  const insert = (after: string | number, id: number): void =>
    change(bench, "insertBucket", `group_id=1,command_bucket_id=${after},bucket=bucket_id:${id},1`);
  insert("first", 1);
  insert("last", 9);
  insert(5, 55);
  expect(ids()).toEqual([1, 5, 55, 6, 9]);
  for (const place of ["first", "last", "55"]) change(bench, "removeBucket", `group_id=1,command_bucket_id=${place}`);
  expect(ids()).toEqual([5, 6]);
  bench.bridge.pipeline.apply([
    { ...parseGroup("group_id=1,command_bucket_id=1", { command: "removeBucket" }), bucketId: BUCKET.ALL },
  ]);
  expect(ids()).toEqual([]);
});

test("by the datapath's hash connections spread by weight, with few megaflows, and go on behind the group", async () => {
  await using cables = new Cables("p1", "p2", "p3", "p4");
  cables.bridge.pipeline.apply([parseGroup("group_id=1,type=select,bucket=weight:3,2,bucket=weight:1,3")]);
  cables.apply("table=0,priority=9,in_port=1,actions=load:7->NXM_NX_REG3[],resubmit(,1),4");
  cables.apply("table=1,priority=9,actions=group:1,resubmit(,2)");
  cables.apply("table=2,reg3=7,actions=mod_dl_src:02:00:00:00:00:77");
  const packet = (port: number): string => `udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=${port},tp_dst=53`;
  const taken = new Map<string, number>();
  for (let port = 0; port < 200; port++) {
    const [bucket = "", last] = cables.send("p1", packet(port));
    expect(last).toBe("p4");
    expect(Buffer.from(cables.received[1]?.frame.subarray(6, 12) ?? []).toString("hex")).toBe("020000000077");
    expect(cables.send("p1", packet(port))[0]).toBe(bucket);
    taken.set(bucket, (taken.get(bucket) ?? 0) + 1);
  }
  expect(taken.get("p2") ?? 0).toBeGreaterThan(100);
  expect(taken.get("p3") ?? 0).toBeGreaterThan(20);
  expect(cables.datapath.stats().nFlows).toBeLessThanOrEqual(17);
});

test("entries of a hash table are shared out by weight", () => {
  const bucket = (weight: number): Bucket => ({ id: 1, weight, actions: [] });
  const table = makeHashTable([bucket(5), bucket(3), bucket(0)]);
  expect(table).toHaveLength(16);
  expect(table?.filter((position) => position === 0)).toHaveLength(10);
  expect(makeHashTable([bucket(0)])).toBeUndefined();
  expect(makeHashTable([bucket(1), bucket(300)])).toBeUndefined();
});

test("all groups go in turns, and packets see them all or none; a refused bundle brings them back so, too", () => {
  const nGroups = 200;
  const bench = withGroups(
    3,
    Array.from({ length: nGroups }, (_, n) => `group_id=${n + 1},type=all,bucket=2`),
    [`actions=group:${nGroups},3`, "priority=0,actions=1"],
  );
  const { pipeline } = bench.bridge;
  const nThere = (): number => Array.from({ length: nGroups }, (_, n) => n + 1).filter((id) => pipeline.groups.has(id)).length;
  const goThrough = (changes: readonly TableChange[]): unknown => {
    const work = pipeline.applying(changes);
    try {
      for (let isOver = false; !isOver; ) {
        const nBefore = nThere();
        isOver = work.next().done === true;
        expect(Math.abs(nBefore - nThere())).toBeLessThanOrEqual(1);
        if (nThere() === nGroups / 2) expect(bench.send(`in_port=1,${TCP}`)).toEqual(["p2", "p3"]);
      }
    } catch (error) {
      return error;
    }
    bench.vswitch.settle();
    return nThere();
  };
  const remove = parseGroup("", { command: "delete" });
  const refused = goThrough([remove, parseGroup("group_id=1,type=all,bucket=2", { command: "modify" })]);
  expect([refused, nThere()]).toEqual([expect.any(RefusedError), nGroups]);
  expect(goThrough([remove])).toBe(0);
  expect(bench.send(`in_port=2,${TCP}`)).toEqual(["p1"]);
});

test("of a group with thousands of buckets those that packets meet are looked into, once", () => {
  let nReads = 0;
  const bucket = (id: number): Bucket => ({
    id,
    weight: 1,
    get actions() {
      nReads++;
      return [{ type: "output", port: 1 } as const];
    },
  });
  const group = new Group({ id: 1, groupType: "all", buckets: [bucket(1), bucket(2)] }, 0);
  expect(nReads).toBe(0);
  expect([group.buckets[0]?.actions, group.buckets[0]?.actions]).toEqual([
    [{ type: "output", port: 1 }],
    [{ type: "output", port: 1 }],
  ]);
  expect(nReads).toBe(1);
});
