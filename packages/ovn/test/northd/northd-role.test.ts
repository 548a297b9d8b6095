/** The northd role when things around it go wrong. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, silentLogger } from "@tenet/kit";
import { runNorthd, type UnsupportedRow } from "@tenet/ovn";
import { connect, Database, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type Replica } from "@tenet/ovsdb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let directory: string;
let abort: AbortController;
let nbServer: OvsdbServer;
let sbServer: OvsdbServer;
let sbDatabase: Database;
let nb: Replica;
let role: Promise<void>;
let leftOut: readonly UnsupportedRow[];
let lines: { level: string; message: string; fields: object }[];

const log: Logger = {
  ...silentLogger,
  warn: (fields, message) => lines.push({ level: "warn", message, fields }),
  error: (fields, message) => lines.push({ level: "error", message, fields }),
  child: () => log,
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "northd-role-"));
  abort = new AbortController();
  lines = [];
  leftOut = [];
  nbServer = new OvsdbServer([await Database.open({ schema: OVN_NORTHBOUND })], silentLogger);
  sbDatabase = await Database.open({ schema: OVN_SOUTHBOUND });
  sbServer = new OvsdbServer([sbDatabase], silentLogger);
  await nbServer.listen(`punix:${directory}/nb.sock`);
  await sbServer.listen(`punix:${directory}/sb.sock`);
  nb = await connect(`unix:${directory}/nb.sock`, { database: "OVN_Northbound" }, abort.signal);
  await nb.transact([nb.operations.insert("NB_Global", { nb_cfg: 1 })]);
  const onUnsupported = (rows: readonly UnsupportedRow[]): void => {
    leftOut = rows;
  };
  role = runNorthd({ nb: `unix:${directory}/nb.sock`, sb: `unix:${directory}/sb.sock`, onUnsupported }, log, abort.signal);
});

afterEach(async () => {
  abort.abort();
  await role;
  await nbServer.close();
  await sbServer.close();
  rmSync(directory, { recursive: true, force: true });
});

async function addSwitch(name: string, acl: object = {}): Promise<void> {
  const { operations } = nb;
  await nb.transact([
    operations.insert("ACL", { direction: "to-lport", priority: 1, match: "ip4", action: "drop", ...acl }, { as: "acl" }),
    operations.insert("Logical_Switch", { name, acls: [{ namedUuid: "acl" }] }),
  ]);
}

async function expectDatapaths(n: number): Promise<void> {
  await vi.waitFor(() => expect(sbDatabase.table("Datapath_Binding").size).toBe(n), 5000);
}

test("a southbound server that goes away and comes back receives what it missed", async () => {
  await addSwitch("sw0");
  await expectDatapaths(1);
  await sbServer.close();
  await addSwitch("sw1");
  sbServer = new OvsdbServer([sbDatabase], silentLogger);
  await sbServer.listen(`punix:${directory}/sb.sock`);
  await expectDatapaths(2);
  await vi.waitFor(() => expect([...nb.table("NB_Global").values()][0]?.["sb_cfg"]).toBe(1), 5000);
});

test("a refused transaction is said, and tried again until it passes", async () => {
  sbDatabase.judge = () => ({ error: "not allowed", details: "closed for the night" });
  await addSwitch("sw0");
  await vi.waitFor(() => expect(lines.map(({ message }) => message)).toContain("cannot write what was derived"), 5000);
  expect(sbDatabase.table("Datapath_Binding").size).toBe(0);
  sbDatabase.judge = undefined;
  await expectDatapaths(1);
});

test("what is not supported is said once, and told until it is gone", async () => {
  await addSwitch("sw0", { action: "reject" });
  await addSwitch("sw1");
  await expectDatapaths(2);
  const acl = [...nb.table("ACL").values()].find((row) => row["action"] === "reject")?._uuid ?? "";
  const fields = {
    table: "ACL",
    row: acl,
    name: "ip4",
    reason: "reject is answered by the original ovn-controller only: with this one the ACL drops in silence",
  };
  expect(lines).toEqual([{ level: "warn", message: "northbound row is not supported", fields }]);
  expect(leftOut).toEqual([fields]);
  await nb.transact([nb.operations.update("ACL", acl, { action: "allow" })]);
  await vi.waitFor(() => expect(leftOut).toEqual([]), 5000);
  expect(lines).toHaveLength(1);
});

test("one northbound transaction is one southbound transaction", async () => {
  await addSwitch("sw0");
  await expectDatapaths(1);
  await vi.waitFor(() => expect([...nb.table("NB_Global").values()][0]?.["sb_cfg"]).toBe(1), 5000);
  const commits: number[] = [];
  sbDatabase.onCommit(({ changes }) => commits.push(changes.length));
  const sw0 = [...nb.table("Logical_Switch").keys()][0] ?? "";
  await nb.transact([
    nb.operations.insert("Logical_Switch_Port", { name: "web", addresses: ["0a:00:00:00:00:01 10.0.0.1"] }, { as: "web" }),
    nb.operations.mutate("Logical_Switch", sw0, [["ports", "insert", [{ namedUuid: "web" }]]]),
  ]);
  await vi.waitFor(() => expect([...nb.table("Logical_Switch_Port").values()][0]?.["up"]).toEqual([false]), 5000);
  // The binding, two multicast groups, three flows of the port.
  expect(commits).toEqual([6]);
});
