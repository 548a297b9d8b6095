/** northd between two clusters of original servers, whose leaders are killed. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { type Member, startCluster } from "../packages/ovsdb/test/support/raft-cluster.ts";
import { isInstalled, run } from "./support/tenet.ts";

const SCHEMAS = "/usr/share/ovn";
const missing = ["ovsdb-server", "ovsdb-tool", "ovn-nbctl", "ovn-sbctl"].filter((name) => !isInstalled(name));
if (!existsSync(join(SCHEMAS, "ovn-nb.ovsschema"))) missing.push(`${SCHEMAS}/ovn-nb.ovsschema`);
const BIN = resolve("packages/cli/bin/tenet.js");

const clusterOf = async (scope: Scope, folder: string, name: string): Promise<Member[]> =>
  startCluster(scope, mkdtempSync(join(folder, "c-")), JSON.parse(readFileSync(join(SCHEMAS, `ovn-${name}.ovsschema`), "utf8")));
const remotesOf = (members: readonly Member[]): string => members.map(({ remote }) => remote).join();

test.skipIf(missing.length > 0)(
  `tenet northd goes on when the leaders of its databases die (${missing.length === 0 ? "all installed" : `skipped: ${missing.join(", ")}`})`,
  async () => {
    await using scope = new Scope();
    const folder = mkdtempSync(join(tmpdir(), "tenet-"));
    scope.defer(() => rmSync(folder, { recursive: true, force: true }));
    const [nb, sb] = [await clusterOf(scope, folder, "nb"), await clusterOf(scope, folder, "sb")];
    const options = ["northd", "--nb", remotesOf(nb), "--sb", remotesOf(sb)];
    const northd = spawn(process.execPath, [BIN, ...options], { env: { ...process.env, TENET_HOME: folder }, stdio: "ignore" });
    scope.defer(() => void northd.kill("SIGKILL"));
    // The original's clients give up at the first member that refuses them: they are sent to those that are never killed.
    const survivors = (members: readonly Member[]) => [`--db=${remotesOf(members.slice(1))}`, "--no-leader-only"];
    const add = (...words: string[]) => run("ovn-nbctl", [...survivors(nb), "--timeout=20", "--wait=sb", ...words]);
    const ports = () =>
      run("ovn-sbctl", [...survivors(sb), "--timeout=20", "--bare", "--columns=logical_port", "list", "port_binding"])
        .out.split("\n")
        .filter((line) => /^p\d$/.test(line))
        .toSorted();

    expect(add("ls-add", "sw0", "--", "lsp-add", "sw0", "p1")).toEqual({ status: 0, out: "" });
    await sb[0]?.kill(); // who made a cluster leads it first
    expect(add("lsp-add", "sw0", "p2")).toEqual({ status: 0, out: "" });
    await nb[0]?.kill();
    expect(add("lsp-add", "sw0", "p3")).toEqual({ status: 0, out: "" });
    expect(ports()).toEqual(["p1", "p2", "p3"]);
    await sb[0]?.restart();
    await nb[0]?.restart();
    expect(add("lsp-del", "p1")).toEqual({ status: 0, out: "" });
    expect(ports()).toEqual(["p2", "p3"]);
  },
);
