/** What the switch makes of rows that cannot be carried out as they are, with a database and dummies in this process. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryLink, UserDatapath } from "@tenet/datapath";
import { type Json, type Logger, Scope, silentLogger } from "@tenet/kit";
import { formatMac } from "@tenet/net";
import { connectOpenFlow, type PortDesc } from "@tenet/openflow";
import { type Command, Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";
import { runSwitch, type SwitchConfig } from "@tenet/switch";
import { expect, test, vi } from "vitest";
import { PcapWriter } from "../src/dummy/pcap-writer.ts";
import { run } from "./answers.ts";
import { until } from "./live-switch.ts";

/** A row of the same transaction. */
const named = (name: string): Json => ["named-uuid", name];

/** A switch of dummies, and its database. */
class FollowedDatabase implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "tenet-follow-"));
  /** Interfaces that have been opened, one after the other. */
  readonly opened: string[] = [];
  /** Interfaces that cannot be. */
  readonly missing = new Set<string>();
  /** Warnings and errors of the switch. */
  readonly complaints: string[] = [];
  commands: readonly Command[] = [];
  countEvents: () => Readonly<Record<string, number>> = () => ({});
  isReady = false;
  readonly #scope = new Scope();
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = this.#scope.use(database);
    this.#scope.defer(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  static async open(): Promise<FollowedDatabase> {
    return new FollowedDatabase(await Database.open({ schema: OPEN_VSWITCH }));
  }

  /** Adds `br0` with interfaces, which are rows of the table, and controllers. */
  async addBridge(
    interfaces: readonly { readonly name: string; readonly [column: string]: Json }[],
    targets: readonly string[] = [],
  ): Promise<void> {
    const rows = interfaces.flatMap((row, i) => [
      { op: "insert", table: "Interface", row: { type: "dummy", ...row }, "uuid-name": `i${i}` },
      { op: "insert", table: "Port", row: { name: row.name, interfaces: named(`i${i}`) }, "uuid-name": `p${i}` },
    ]);
    const ports = ["set", interfaces.map((_, i) => named(`p${i}`))];
    const controllers = targets.map((target, i) => ({
      op: "insert",
      table: "Controller",
      row: { target },
      "uuid-name": `c${i}`,
    }));
    const controller = ["set", targets.map((_, i) => named(`c${i}`))];
    await this.change(
      ...rows,
      ...controllers,
      { op: "insert", table: "Bridge", row: { name: "br0", ports, controller }, "uuid-name": "b" },
      { op: "insert", table: "Open_vSwitch", row: { bridges: named("b"), next_cfg: 1 } },
    );
  }

  async change(...operations: Json[]): Promise<void> {
    const results = await this.#database.transact(operations, { remote: "test" });
    expect(JSON.stringify(results)).not.toContain("error");
  }

  async start(): Promise<void> {
    const server = this.#scope.use(new OvsdbServer([this.#database], silentLogger));
    await server.listen(`punix:${this.dir}/db.sock`);
    const stop = new AbortController();
    const config = { database: `unix:${this.dir}/db.sock`, runDir: this.dir, isAllDummy: true, hasSystemRoutes: false };
    const openMemoryPort = (name: string): MemoryLink => {
      if (this.missing.has(name)) throw new Error("No such device");
      this.opened.push(name);
      return new MemoryLink();
    };
    const onReady = (): void => {
      this.isReady = true;
    };
    const serveCommands: SwitchConfig["serveCommands"] = async (commands, countEvents) => {
      this.commands = commands;
      this.countEvents = countEvents;
    };
    const complain = (fields: object): number => this.complaints.push(JSON.stringify(fields));
    const log: Logger = { ...silentLogger, warn: complain, error: complain, child: () => log };
    const ended = runSwitch({ ...config, openMemoryPort, serveCommands, onReady }, log, stop.signal);
    this.#scope.defer(async () => {
      stop.abort();
      await ended;
    });
    await until(() => this.isReady);
  }

  /** As {@link change}, and waits until the switch has followed. */
  async changeAndWait(...operations: Json[]): Promise<void> {
    await this.change(...operations, { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["next_cfg", "+=", 1]] });
    await until(() => [...this.#database.table("Open_vSwitch").values()].every((row) => row["cur_cfg"] === row["next_cfg"]));
  }

  /** The number of an interface, as the switch reports it. */
  numberOf(name: string): number {
    return Number([...this.#database.table("Interface").values()].find((row) => row["name"] === name)?.["ofport"]);
  }

  /** Values of some columns of each row of a table. */
  valuesOf(table: string, columns: readonly string[]): unknown[][] {
    return [...this.#database.table(table).values()].map((row) => columns.map((column) => row[column]));
  }

  /** Runs a control command. */
  control(name: string, ...args: string[]): Promise<string> {
    return run(this.commands, name, ...args);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope[Symbol.asyncDispose]();
  }
}

const NUDGE = { op: "update", table: "Open_vSwitch", where: [], row: { external_ids: ["map", [["k", "v"]]] } };

test("a controller is told of a port that comes with the address that the port has, whatever its kind", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }]);
  await db.start();
  using client = await connectOpenFlow(`unix:${db.dir}/br0.mgmt`, { versions: [4] });
  const told: PortDesc[] = [];
  client.connection.onMessage(({ message }) => {
    if (message.type === "portStatus" && message.reason === "add") told.push(message.port);
  });
  client.connection.send({ type: "setConfig", flags: 0, missSendLength: 128 });
  await client.flows(); // the wish to hear has arrived
  const rows = ["dummy", "patch"].map((type) => ({
    name: type,
    type,
    options: ["map", type === "patch" ? [["peer", "x"]] : []],
  }));
  await db.changeAndWait(
    ...rows.flatMap((row) => [
      { op: "insert", table: "Interface", row, "uuid-name": `i_${row.name}` },
      { op: "insert", table: "Port", row: { name: row.name, interfaces: named(`i_${row.name}`) }, "uuid-name": `p_${row.name}` },
    ]),
    {
      op: "mutate",
      table: "Bridge",
      where: [],
      mutations: [["ports", "insert", ["set", rows.map(({ name }) => named(`p_${name}`))]]],
    },
  );
  await until(() => told.length === 2);
  const inUse = new Map(db.valuesOf("Interface", ["name", "mac_in_use"]).map(([name, mac]) => [name, mac]));
  expect(told.map(({ name, mac }) => [name, [formatMac(mac)]])).toEqual(told.map(({ name }) => [name, inUse.get(name)]));
  expect(told.map(({ mac }) => mac)).not.toContain(0);
});

test.each([33, 331])("%i ports are opened in the order of their names", async (nPorts) => {
  await using db = await FollowedDatabase.open();
  const names = Array.from({ length: nPorts }, (_, i) => `p${(i * 7919) % 1000}`); // in disorder
  await db.addBridge([{ name: "br0", type: "internal" }, ...names.map((name) => ({ name }))]);
  await db.start();
  expect(db.opened).toEqual(["br0", ...names.sort()]);
});

test("an interface keeps its number while the one that asks for it cannot be opened", async () => {
  await using db = await FollowedDatabase.open();
  db.missing.add("vm1");
  await db.addBridge([{ name: "br0", type: "internal" }, { name: "p1" }, { name: "vm1", ofport_request: 1 }]);
  await db.start();
  expect(db.opened).toEqual(["br0", "p1"]);
  expect(db.numberOf("p1")).toBe(1);
  db.missing.clear();
  await db.change(NUDGE);
  await until(() => db.numberOf("vm1") === 1);
  expect(db.opened).toEqual(["br0", "p1", "vm1", "vm1", "p1"]);
});

test("dummies in the place of devices that the switch would make are told from others", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }, { name: "p1" }, { name: "own2", type: "internal" }]);
  await db.start();
  const kinds = async (command: string): Promise<unknown> =>
    [...(await db.control(command)).matchAll(/^.*\b(br0|p1|own2)\b.*\((.*)\)$/gm)].map(([, name, kind]) => [name, kind]).sort();
  const expected = [
    ["br0", "dummy-internal"],
    ["own2", "dummy-internal"],
    ["p1", "dummy"],
  ];
  for (const command of ["dpif/show", "dpctl/show"]) expect(await kinds(command), command).toEqual(expected);
  await db.changeAndWait({ op: "update", table: "Interface", where: [["name", "==", "own2"]], row: { type: "dummy" } });
  expect(await db.control("dpif/show")).toMatch(/ own2 \d+\/\d+: \(dummy\)/);
});

test("an interface keeps its number when the bridge's own asks for it", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal", ofport_request: 1 }, { name: "p1" }]);
  await db.start();
  expect(db.opened).toEqual(["br0", "p1"]);
  expect(db.numberOf("p1")).toBe(1);
});

test("what the switch does and tells itself is no reason for it to look again", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }]);
  await db.start();
  const seldom = ["map", [["stats-update-interval", "3600000"]]];
  await db.changeAndWait({ op: "update", table: "Open_vSwitch", where: [], row: { other_config: seldom } });
  const nLooks = (): number => db.countEvents()["bridge_reconfigure"] ?? 0;
  const names = Array.from({ length: 100 }, (_, i) => `p${i}`);
  const before = nLooks();
  await db.changeAndWait(
    ...names.flatMap((name) => [
      { op: "insert", table: "Interface", row: { name, type: "dummy" }, "uuid-name": `i${name}` },
      { op: "insert", table: "Port", row: { name, interfaces: named(`i${name}`) }, "uuid-name": `p${name}` },
    ]),
    {
      op: "mutate",
      table: "Bridge",
      where: [],
      mutations: [["ports", "insert", ["set", names.map((name) => named(`p${name}`))]]],
    },
  );
  expect(db.numberOf("p99")).toBeGreaterThan(0);
  await db.change({ op: "update", table: "Interface", where: [], row: { link_resets: 7 } });
  await db.changeAndWait({ op: "update", table: "Port", where: [], row: { tag: 7 } });
  expect(nLooks() - before).toBeLessThanOrEqual(3); // one may have been due before
});

test("what changes for no device is carried out without a question to the datapath about each", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }, ...Array.from({ length: 50 }, (_, n) => ({ name: `p${n}` }))]);
  await db.start();
  const asked = vi.spyOn(UserDatapath.prototype, "port");
  try {
    await db.changeAndWait({ op: "update", table: "Port", where: [], row: { tag: 7 } });
    expect(asked).not.toHaveBeenCalled();
  } finally {
    asked.mockRestore();
  }
  expect(db.valuesOf("Interface", ["mtu"]).flat()).toEqual(Array.from({ length: 51 }, () => [1500]));
});

test("a tunnel moves from one bridge to another, and two take each other's settings, in one transaction", async () => {
  await using db = await FollowedDatabase.open();
  const tunnel = (key: number): Json => [
    "map",
    [
      ["remote_ip", "10.9.9.9"],
      ["key", `${key}`],
      ["packet_type", "legacy_l2"], // goes without saying
    ],
  ];
  const vxlan = { type: "vxlan", ofport_request: 7 };
  await db.addBridge([
    { name: "br0" },
    { name: "t1", ...vxlan, options: tunnel(1) },
    { name: "t2", ...vxlan, options: tunnel(2) },
  ]);
  await db.start();
  const states = (): unknown[] => db.valuesOf("Interface", ["name", "error"]).sort();
  const isWell = ["br0", "t1", "t2"].map((name) => [name, []]);
  expect(states()).toEqual(isWell);
  const optionsOf = (name: string, key: number): Json => ({
    op: "update",
    table: "Interface",
    where: [["name", "==", name]],
    row: { options: tunnel(key) },
  });
  await db.changeAndWait(optionsOf("t1", 2), optionsOf("t2", 1));
  expect(states()).toEqual(isWell);
  const port = db.valuesOf("Port", ["name", "_uuid"]).find(([name]) => name === "t1")?.[1];
  const moved: Json = ["uuid", String(port)];
  await db.changeAndWait(
    { op: "mutate", table: "Bridge", where: [["name", "==", "br0"]], mutations: [["ports", "delete", moved]] },
    { op: "insert", table: "Bridge", row: { name: "br1", ports: moved }, "uuid-name": "b1" },
    { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["bridges", "insert", named("b1")]] },
  );
  expect(states()).toEqual(isWell);
  expect(await db.control("dpif/show")).toMatch(/br1:\s+t1 7\/\d+: \(vxlan: key=2, remote_ip=10.9.9.9\)/);
});

test("what a dummy had is closed when it goes", async () => {
  await using db = await FollowedDatabase.open();
  const options = [
    "map",
    [
      ["pstream", `punix:${db.dir}/a.sock`],
      ["pcap", `${db.dir}/a.pcap`],
    ],
  ];
  const close = vi.spyOn(PcapWriter.prototype, "close");
  await db.addBridge([{ name: "a", options }]);
  await db.start();
  expect([existsSync(`${db.dir}/a.sock`), close.mock.calls.length]).toEqual([true, 0]);
  await db.changeAndWait({ op: "update", table: "Bridge", where: [], row: { ports: ["set", []] } });
  await until(() => !existsSync(`${db.dir}/a.sock`));
  expect(close).toHaveBeenCalledOnce();
  close.mockRestore();
});

test("every reason why a controller is refused is told, once", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }], ["unix:/elsewhere/a.sock"]);
  await db.start();
  const setTarget = (target: string): Promise<void> =>
    db.change({ op: "update", table: "Controller", where: [], row: { target } });
  const told = (target: string): number => db.complaints.filter((text) => text.includes(target)).length;
  expect(told("unix:/elsewhere/a.sock")).toBe(1);
  await setTarget("punix:/elsewhere/b.sock");
  await until(() => told("punix:/elsewhere/b.sock") === 1);
  await setTarget("unix:/elsewhere/a.sock");
  await until(() => told("unix:/elsewhere/a.sock") === 2);
  expect(told("punix:/elsewhere/b.sock")).toBe(1);
});

test("a standalone bridge forwards on its own while all its controllers are refused", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }], ["unix:/elsewhere/a.sock"]);
  await db.start();
  const NORMAL = "priority=0,actions=NORMAL";
  expect(await db.control("bridge/dump-flows", "br0")).toContain(NORMAL);
  await db.change({ op: "update", table: "Controller", where: [], row: { target: `unix:${db.dir}/c.sock` } });
  await until(async () => (await db.control("bridge/dump-flows", "br0"))?.includes(NORMAL) === false);
});

test.each([
  ["whose name cannot be a file's", { name: "a/b" }, { problem: 'ignoring bridge with invalid name "a/b"' }],
  [
    "whose datapath is of no type that is there",
    { name: "br9", datapath_type: "nosuch" },
    { bridge: "br9", error: "Address family not supported by protocol" },
  ],
])("a bridge %s is told of once, and again when it has come back", async (_why, row, complaint) => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }]);
  await db.start();
  const kept = [...db.valuesOf("Bridge", ["_uuid"])].flat().map((uuid) => ["uuid", uuid as string]);
  const add = (): Promise<void> =>
    db.changeAndWait(
      { op: "insert", table: "Bridge", row, "uuid-name": "bad" },
      { op: "mutate", table: "Open_vSwitch", where: [], mutations: [["bridges", "insert", named("bad")]] },
    );
  const told = (): number => db.complaints.filter((text) => text === JSON.stringify(complaint)).length;
  await add();
  await db.changeAndWait(NUDGE);
  expect(told()).toBe(1);
  await db.changeAndWait({ op: "update", table: "Open_vSwitch", where: [], row: { bridges: ["set", kept] } });
  await add();
  expect(told()).toBe(2);
});

test("rows of a bridge stay as they were when its datapath is of no type that is there", async () => {
  await using db = await FollowedDatabase.open();
  await db.addBridge([{ name: "br0", type: "internal" }, { name: "p1" }]);
  await db.start();
  const rows = (): unknown[] => [
    db.valuesOf("Interface", ["name", "ofport", "link_state", "admin_state", "mac_in_use", "error"]),
    db.valuesOf("Bridge", ["datapath_id", "datapath_version"]),
  ];
  const before = rows();
  expect(db.numberOf("p1")).toBe(1);
  await db.changeAndWait({ op: "update", table: "Bridge", where: [], row: { datapath_type: "user" } });
  expect(await db.control("ofproto/list")).toBe("");
  expect(rows()).toEqual(before);
});
