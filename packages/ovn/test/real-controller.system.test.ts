/**
 * Debian's ovn-northd and ovn-controller on our databases and our switch: no OpenFlow error, and hosts reach each other.
 *
 * Needs root: hosts are network namespaces.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { runSwitch } from "@tenet/switch";
import { expect, test, vi } from "vitest";
import { missingPrograms } from "./real-ovn.ts";

const run = promisify(execFile);
const missing = missingPrograms();
const reason = missing.length > 0 ? `needs ${missing.join(", ")}` : process.getuid?.() === 0 ? undefined : "needs root";
if (reason !== undefined) console.log(`real-controller.system.test.ts: skipped, ${reason}`);

/** Our databases and switch with the original's two programs in a scratch folder. */
class OriginalOnOurs implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "ovn-on-ours-"));
  readonly #scope = new Scope(new AbortController().signal);
  readonly #env: NodeJS.ProcessEnv = {
    ...process.env,
    ...Object.fromEntries(
      ["OVS_RUNDIR", "OVN_RUNDIR", "OVS_LOGDIR", "OVN_LOGDIR", "OVS_DBDIR", "OVN_DBDIR"].map((name) => [name, this.dir]),
    ),
  };

  static async start(): Promise<OriginalOnOurs> {
    const cloud = new OriginalOnOurs();
    await cloud.#serve("nb", OVN_NORTHBOUND);
    await cloud.#serve("sb", OVN_SOUTHBOUND);
    await cloud.#serve("db", OPEN_VSWITCH);
    const ended = runSwitch({ database: `unix:${cloud.dir}/db.sock`, runDir: cloud.dir }, silentLogger, cloud.#scope.signal);
    cloud.#scope.use({ [Symbol.asyncDispose]: () => ended });
    await vi.waitUntil(() => existsSync(join(cloud.dir, "ovs-vswitchd.pid")), { timeout: 10_000 });
    // As the original's own start-up does it: ovn-controller dereferences the row SB_Global before it looks whether there is one.
    for (const program of ["ovs-vsctl", "ovn-nbctl", "ovn-sbctl"]) await cloud.tool(program, "init");
    await cloud.tool("ovs-vsctl", "add-br", "br-int", "--", "set", "Bridge", "br-int", "fail_mode=secure", "datapath_type=dummy");
    await cloud.tool(
      ...words("ovs-vsctl set Open_vSwitch . external_ids:system-id=hv1 external_ids:ovn-encap-type=geneve"),
      ...words(`external_ids:ovn-encap-ip=127.0.0.1 external_ids:ovn-remote=unix:${cloud.dir}/sb.sock`),
    );
    const [nb, sb] = [`unix:${cloud.dir}/nb.sock`, `unix:${cloud.dir}/sb.sock`];
    cloud.#spawn("ovn-northd", `--unixctl=${cloud.dir}/northd.ctl`, `--ovnnb-db=${nb}`, `--ovnsb-db=${sb}`);
    cloud.#spawn("ovn-controller", `--log-file=${cloud.dir}/controller.log`, "-vconsole:off", `unix:${cloud.dir}/db.sock`);
    return cloud;
  }

  /** Runs a tool on the database or bridge that it is for. @returns what it printed */
  async tool(program: string, ...args: string[]): Promise<string> {
    const database = { "ovs-vsctl": "db", "ovn-nbctl": "nb", "ovn-sbctl": "sb" }[program];
    const options = database === undefined ? [] : [`--db=unix:${this.dir}/${database}.sock`, "--timeout=20"];
    return (await run(program, [...options, ...args], { env: this.#env, timeout: 30_000 })).stdout;
  }

  /** What the controller logged at this level or above. */
  complaints(): string[] {
    const lines = readFileSync(join(this.dir, "controller.log"), "utf8").split("\n");
    return lines.filter((line) => /\|(?:WARN|ERR|EMER)\||OpenFlow error/.test(line) && !line.includes("VIF plug provider"));
  }

  /** A network namespace with this address, plugged in as this logical port. */
  async plug(port: string, n: number): Promise<string> {
    const [namespace, device] = [`otn-${n}`, `otn-v${n}`];
    const ip = (...args: string[]): void => void execFileSync("ip", args, { stdio: "ignore" });
    const remove = (): void => {
      spawnQuietly("ip", "netns", "del", namespace);
      spawnQuietly("ip", "link", "del", device);
    };
    remove();
    ip("netns", "add", namespace);
    ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    ip("-n", namespace, "link", "set", "eth0", "address", `50:54:00:00:00:0${n}`, "up");
    ip("-n", namespace, "addr", "add", `10.98.0.${n}/24`, "dev", "eth0");
    ip("link", "set", device, "up");
    this.#scope.use({ [Symbol.asyncDispose]: async () => remove() });
    await this.tool("ovs-vsctl", "add-port", "br-int", device, "--", "set", "Interface", device, `external_ids:iface-id=${port}`);
    return namespace;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #serve(name: string, schema: Parameters<typeof Database.open>[0]["schema"]): Promise<void> {
    const server = new OvsdbServer([await Database.open({ schema })], silentLogger);
    this.#scope.use({ [Symbol.asyncDispose]: () => server.close() });
    await server.listen(`punix:${this.dir}/${name}.sock`);
  }

  #spawn(program: string, ...args: string[]): void {
    const child = spawn(program, args, { env: this.#env, stdio: "ignore" });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    this.#scope.use({
      [Symbol.asyncDispose]: async () => {
        child.kill("SIGTERM");
        await gone;
      },
    });
  }
}

/** The words of a command line. */
function words(text: string): [string, ...string[]] {
  const [first = "", ...rest] = text.split(" ");
  return [first, ...rest];
}

function spawnQuietly(program: string, ...args: string[]): void {
  try {
    execFileSync(program, args, { stdio: "ignore" });
  } catch {
    // It was not there.
  }
}

async function pings(from: string, address: string): Promise<boolean> {
  try {
    await run("ip", ["netns", "exec", from, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address]);
    return true;
  } catch {
    return false;
  }
}

test.skipIf(reason !== undefined)(
  "ovn-controller installs flows, groups and meters here without an error, and hosts of a logical switch reach each other",
  { timeout: 120_000 },
  async () => {
    await using cloud = await OriginalOnOurs.start();
    await cloud.tool("ovn-nbctl", "ls-add", "sw0", "--", "ls-add", "sw1");
    for (const n of [1, 2]) {
      await cloud.tool(
        "ovn-nbctl",
        "lsp-add",
        "sw0",
        `p${n}`,
        "--",
        "lsp-set-addresses",
        `p${n}`,
        `50:54:00:00:00:0${n} 10.98.0.${n}`,
      );
    }
    await cloud.tool("ovn-nbctl", "lsp-add", "sw1", "p3", "--", "lsp-set-addresses", "p3", "50:54:00:00:00:03 10.98.0.3");
    const [first] = [await cloud.plug("p1", 1), await cloud.plug("p2", 2), await cloud.plug("p3", 3)];
    await cloud.tool("ovn-nbctl", "--wait=hv", "sync");
    await vi.waitFor(async () => expect(await pings(first, "10.98.0.2")).toBe(true), { timeout: 20_000 });
    expect(await pings(first, "10.98.0.3")).toBe(false);

    await cloud.tool("ovn-nbctl", "meter-add", "log-meter", "drop", "5", "pktps");
    await cloud.tool(
      "ovn-nbctl",
      "--log",
      "--meter=log-meter",
      "acl-add",
      "sw0",
      "to-lport",
      "1000",
      "ip4.dst == 10.98.0.2 && icmp4",
      "drop",
    );
    await cloud.tool(
      ...words("ovn-nbctl lr-add lr0 -- lrp-add lr0 lr0-sw1 50:54:00:00:00:ff 10.98.0.254/24"),
      ...words("-- lsp-add sw1 sw1-lr0 -- lsp-set-type sw1-lr0 router"),
      ...words("-- lsp-set-addresses sw1-lr0 router -- lsp-set-options sw1-lr0 router-port=lr0-sw1"),
      ...words("-- --ecmp lr-route-add lr0 0.0.0.0/0 10.98.0.3 -- --ecmp lr-route-add lr0 0.0.0.0/0 10.98.0.4"),
    );
    await cloud.tool("ovn-nbctl", "--wait=hv", "sync");
    const dump = (what: string): Promise<string> => cloud.tool("ovs-ofctl", "-O", "OpenFlow15", what, "br-int");
    await vi.waitFor(async () => expect(await dump("dump-meters")).toContain("pktps"), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await dump("dump-groups")).toContain("type=select"), { timeout: 10_000 });
    expect(await dump("dump-flows")).toMatch(/actions=.*group:\d/);
    expect(await dump("dump-flows")).toMatch(/controller\(.*meter_id=\d/);
    await vi.waitFor(async () => expect(await pings(first, "10.98.0.2")).toBe(false), { timeout: 20_000 });
    await cloud.tool("ovn-nbctl", "acl-del", "sw0", "--", "lr-route-del", "lr0");
    await cloud.tool("ovn-nbctl", "--wait=hv", "sync");
    await vi.waitFor(async () => expect(await pings(first, "10.98.0.2")).toBe(true), { timeout: 20_000 });
    expect(await dump("dump-groups")).not.toContain("group_id");
    expect(cloud.complaints()).toEqual([]);
  },
);
