/** A guarded northbound database, changed by the real ovn-nbctl. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@tenet/kit";
import { type Database, OvsdbServer } from "@tenet/ovsdb";
import type { PolicyService } from "@tenet/policy";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DB_ACCESS, openNorthbound, PII, serve } from "./three-tier.ts";

const hasNbctl = spawnSync("ovn-nbctl", ["--version"]).status === 0;
if (!hasNbctl) console.log("policy: skipped, no ovn-nbctl (Debian: ovn-central)");

describe.skipIf(!hasNbctl)("ovn-nbctl against a guarded database", () => {
  let folder = "";
  let nb: Database;
  let server: OvsdbServer;
  let service: PolicyService;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tenet-policy-"));
    await writeFile(join(folder, "db-access.dl"), DB_ACCESS);
    await writeFile(join(folder, "pii.dl"), PII);
    nb = await openNorthbound();
    service = serve(nb);
    service.openFolder(folder);
    server = new OvsdbServer([nb], silentLogger);
    await server.listen(`punix:${join(folder, "nb.sock")}`);
  });
  afterEach(async () => {
    await server?.close();
    service?.[Symbol.dispose]();
    nb?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function nbctl(...args: string[]): Promise<{ code: number; stderr: string }> {
    return new Promise((resolve) => {
      execFile("ovn-nbctl", [`--db=unix:${join(folder, "nb.sock")}`, "--timeout=20", ...args], (error, _stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stderr });
      });
    });
  }

  const OPEN_DB = ["acl-add", "tiers", "to-lport", "1000", 'outport == "db1" && tcp.dst == 5432', "allow"];

  test("a change that a policy denies fails with exit code 1 and the proof; without the policy it passes", async () => {
    const refused = await nbctl(...OPEN_DB);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("policy violation");
    expect(refused.stderr).toContain("policy 'db-access' (rule db-access.dl:8) forbids it: lets web1 reach db1");
    expect(refused.stderr).toContain("nb:Logical_Switch_Port web1");
    expect(refused.stderr).not.toContain("\\n");
    expect(nb.table("ACL").size).toBe(0);

    await rm(join(folder, "db-access.dl"));
    await expect.poll(() => service.policies().length, { timeout: 5000 }).toBe(1);
    expect(await nbctl(...OPEN_DB)).toMatchObject({ code: 0 });
    expect(nb.table("ACL").size).toBe(1);
  });

  test("changes that no policy minds pass, and violations follow them", async () => {
    expect(await nbctl("ls-add", "lan")).toMatchObject({ code: 0 });
    expect(await nbctl("set", "Logical_Switch_Port", "db1", 'external_ids:tags="db,pii"')).toMatchObject({ code: 0 });
    expect(service.violations().map(({ row }) => row[0])).toEqual(["db1"]);
  });
});
