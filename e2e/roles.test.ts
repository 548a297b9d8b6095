/** Every role as a process of its own, joined by sockets alone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { freePorts } from "../packages/ovsdb/test/support/free-ports.ts";
import { EXAMPLE, isInstalled, MODE, REASON, run } from "./support/tenet.ts";

const missing = ["ovn-nbctl", "ovs-vsctl", "ovs-ofctl"].filter((name) => !isInstalled(name));
const canRun = MODE === "namespaces" && missing.length === 0;
const BIN = resolve("packages/cli/bin/tenet.js");
const WAIT = { timeout: 30_000, interval: 100 };

describe.skipIf(!canRun)(`roles as processes (${canRun ? "root" : `skipped: ${[REASON, ...missing].join(" ")}`})`, () => {
  const home = mkdtempSync(join(tmpdir(), "tenet-roles-"));
  const policies = mkdtempSync(join(tmpdir(), "tenet-roles-policies-"));
  const children = new Map<string, ChildProcess>();
  const nb = `unix:${home}/run/nb.sock`;
  let tcp = "";
  let policyPort = 0;
  const nbctl = (...args: string[]) => run("ovn-nbctl", [`--db=${nb}`, "--timeout=10", ...args]);
  const vsctl = (...args: string[]) => run("ovs-vsctl", [`--db=unix:${home}/run/db.sock`, "--timeout=10", ...args]);

  const start = (...args: string[]): void => {
    const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, TENET_HOME: home }, stdio: "ignore" });
    children.set(args[0] ?? "", child);
  };
  const stop = async (name: string, signal: NodeJS.Signals): Promise<number | null> => {
    const child = children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    child.kill(signal);
    return await ended;
  };

  /** Sockets open one after another, unix sockets first. */
  const untilServed = (remote: string): Promise<void> =>
    vi.waitFor(() => expect(run("ovn-nbctl", [`--db=${remote}`, "--timeout=10", "show"])).toMatchObject({ status: 0 }), WAIT);

  beforeAll(async () => {
    cpSync(join(EXAMPLE, "policies"), policies, { recursive: true });
    for (const role of ["controller", "northd", "vswitchd"]) start(role);
    const [port = 0, other = 0] = await freePorts(2);
    tcp = `tcp:127.0.0.1:${port}`;
    policyPort = other;
    start("policy", policies, "--policy-port", String(policyPort));
    start("ovsdb-server", "--remote", `ptcp:${port}`);
    await untilServed(nb);
    await untilServed(tcp);
  });

  afterAll(async () => {
    for (const name of children.keys()) await stop(name, "SIGKILL");
    rmSync(home, { recursive: true, force: true });
    rmSync(policies, { recursive: true, force: true });
  });

  test("a row written over TCP becomes flows in the switch, whatever started first", async () => {
    const added = run("ovn-nbctl", [`--db=${tcp}`, "--timeout=10", "--wait=hv", "ls-add", "sw0", "--", "lsp-add", "sw0", "p1"]);
    expect(added).toMatchObject({ status: 0 });
    // Without a chassis yet, there is no hypervisor to wait for.
    expect(vsctl("wait-until", "Bridge", "br-int").status).toBe(0);
    expect(
      vsctl("add-port", "br-int", "rp1", "--", "set", "Interface", "rp1", "type=internal", "external_ids:iface-id=p1").status,
    ).toBe(0);
    await vi.waitFor(
      () => expect(run("ovs-ofctl", ["dump-flows", `unix:${home}/run/br-int.mgmt`]).out).toMatch(/table=0, .*in_port=/),
      WAIT,
    );
  });

  test("the policy role monitors the databases of another process", async () => {
    nbctl("set", "Logical_Switch_Port", "p1", "external_ids:tags=pii");
    nbctl("lsp-add", "sw0", "p2");
    await vi.waitFor(async () => {
      const violations = await fetch(`http://127.0.0.1:${policyPort}/v1/policies/pii/tables/error/rows`);
      expect(await violations.text()).toContain("p1 holds personal data but shares switch sw0 with p2");
    }, WAIT);
  });

  test("roles that are killed or restarted pick up where things are", async () => {
    await stop("northd", "SIGKILL");
    await stop("controller", "SIGKILL");
    expect(nbctl("lsp-add", "sw0", "p3").status).toBe(0);
    start("northd");
    start("controller");
    expect(nbctl("--wait=hv", "sync").status).toBe(0);
    await stop("ovsdb-server", "SIGKILL");
    start("ovsdb-server");
    await untilServed(nb);
    expect(nbctl("--wait=hv", "lsp-add", "sw0", "p4").status).toBe(0);
    expect(nbctl("lsp-list", "sw0").out.match(/p\d/g)).toEqual(["p1", "p2", "p3", "p4"]);
  });

  test("every role ends with 0 when it is told to", async () => {
    for (const name of ["policy", "controller", "northd", "vswitchd", "ovsdb-server"]) {
      expect([name, await stop(name, "SIGTERM")]).toEqual([name, 0]);
    }
  });
});

test.skipIf(!canRun).each(["policy", "controller", "northd", "vswitchd"])(
  "%s ends with 0 when it is told to while nothing answers it",
  async (role) => {
    const home = mkdtempSync(join(tmpdir(), "tenet-roles-"));
    const args = role === "policy" ? [role, home, "--policy-port", "0"] : [role];
    const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, TENET_HOME: home }, stdio: "ignore" });
    const ended = once(child, "exit");
    // Who has its name, or its pid file, has come so far that it hears signals.
    const hasName = (): boolean => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "tenet\n";
    await vi.waitUntil(() => (role === "vswitchd" ? existsSync(join(home, "run/ovs-vswitchd.pid")) : hasName()), WAIT);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    rmSync(home, { recursive: true, force: true });
  },
);
