/** `ovs-appctl` finds a database server, and has its files compacted. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND } from "@tenet/ovsdb";
import { openControl } from "@tenet/switch";
import { expect, test } from "vitest";
import { databaseCommands } from "../src/db/database-commands.ts";

const isInstalled = process.platform === "linux" && spawnSync("which", ["ovs-appctl"]).status === 0;
if (!isInstalled) console.log("skipped: ovs-appctl not installed");

test.skipIf(!isInstalled)("ovs-appctl lists databases and compacts one or all; an unknown one is refused", async () => {
  await using scope = new Scope();
  const folder = mkdtempSync(join(tmpdir(), "tenet-control-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "nb.db");
  const database = scope.use(await Database.open({ schema: OVN_NORTHBOUND, file }));
  await openControl("ovsdb-server", folder, databaseCommands([database]), scope, silentLogger);
  const appctl = async (...words: string[]): Promise<string> => {
    const target = join(folder, `ovsdb-server.${process.pid}.ctl`);
    const { stdout } = await promisify(execFile)("ovs-appctl", ["-t", target, ...words]);
    return stdout;
  };
  expect(await appctl("ovsdb-server/list-dbs")).toBe("OVN_Northbound\n_Server\n");
  for (const words of [[], ["OVN_Northbound"]]) {
    await database.transact([{ op: "insert", table: "Address_Set", row: { name: `a${words.length}` } }], { remote: "test" });
    const { ino } = statSync(file);
    expect(await appctl("ovsdb-server/compact", ...words)).toBe("");
    expect(statSync(file).ino).not.toBe(ino); // a file that is compacted is another one
  }
  await expect(appctl("ovsdb-server/compact", "nosuch")).rejects.toMatchObject({
    stderr: expect.stringContaining("no database by that name"),
  });
  await expect(appctl("ovsdb-server/compact", "_Server")).rejects.toMatchObject({
    stderr: expect.stringContaining("cannot compact built-in databases"),
  });
});
