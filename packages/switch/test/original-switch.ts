/** Debian's ovs-vswitchd with dummy ports in a scratch folder, to compare with. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until, whyNot } from "./live-switch.ts";

/** Why it cannot run here; `undefined` when it can. */
export function whyNoOriginal(): string | undefined {
  return whyNot() ?? (existsSync("/usr/sbin/ovs-vswitchd") ? undefined : "needs ovs-vswitchd");
}

/** The original with dummy ports. */
export class Original implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "tenet-original-"));
  readonly #daemons: ReturnType<typeof spawn>[] = [];

  async start(): Promise<void> {
    const env = { ...process.env, OVS_RUNDIR: this.dir, OVS_LOGDIR: this.dir, OVS_DBDIR: this.dir };
    const options = { env, cwd: this.dir, stdio: "ignore" } as const;
    execFileSync("ovsdb-tool", ["create", "conf.db", "/usr/share/openvswitch/vswitch.ovsschema"], options);
    this.#daemons.push(spawn("ovsdb-server", ["conf.db", `--remote=punix:${this.dir}/db.sock`, "--pidfile"], options));
    await until(() => existsSync(join(this.dir, "db.sock")));
    const vswitchd = ["--enable-dummy", "--disable-system", "--pidfile", `unix:${this.dir}/db.sock`];
    this.#daemons.push(spawn("/usr/sbin/ovs-vswitchd", vswitchd, options));
    await until(() => existsSync(join(this.dir, "ovs-vswitchd.pid")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) {
      daemon.kill("SIGKILL");
      await new Promise((resolve) => daemon.once("exit", resolve));
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
