/** Debian's ovs-vswitchd with dummy ports in a scratch folder, to compare with. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until, whyNot } from "./live-switch.ts";

/** Why it cannot run here; `undefined` when it can. */
export function whyNoOriginal(): string | undefined {
  return whyNot() ?? (existsSync("/usr/sbin/ovs-vswitchd") ? undefined : "needs ovs-vswitchd");
}

/** The original with dummy ports, or in a namespace with the devices there. */
export class Original implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "tenet-original-"));
  readonly #namespace: string | undefined;
  readonly #daemons: ReturnType<typeof spawn>[] = [];

  constructor(namespace?: string) {
    this.#namespace = namespace;
  }

  async start(): Promise<void> {
    const env = { ...process.env, OVS_RUNDIR: this.dir, OVS_LOGDIR: this.dir, OVS_DBDIR: this.dir };
    const options = { env, cwd: this.dir, stdio: "ignore" } as const;
    execFileSync("ovsdb-tool", ["create", "conf.db", "/usr/share/openvswitch/vswitch.ovsschema"], options);
    const place = this.#namespace === undefined ? [] : ["ip", "netns", "exec", this.#namespace];
    const launch = (...command: string[]): void => {
      const [program = "", ...args] = [...place, ...command, "--pidfile"];
      this.#daemons.push(spawn(program, args, options));
    };
    launch("ovsdb-server", "conf.db", `--remote=punix:${this.dir}/db.sock`);
    await until(() => existsSync(join(this.dir, "db.sock")));
    const dummies = this.#namespace === undefined ? ["--enable-dummy", "--disable-system", "--disable-system-route"] : [];
    launch("/usr/sbin/ovs-vswitchd", `unix:${this.dir}/db.sock`, ...dummies);
    await until(() => existsSync(join(this.dir, "ovs-vswitchd.pid")));
  }

  /** Runs control commands; many in a row cost no process each. @throws when one is refused */
  control(commands: readonly ControlCommand[]): Promise<string[]> {
    return control(this.dir, commands);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) {
      if (!daemon.kill("SIGKILL")) continue; // it has ended
      await new Promise((resolve) => daemon.once("exit", resolve));
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A control command and its arguments. */
export type ControlCommand = readonly [string, ...string[]];

/** Runs control commands of the switch whose run folder this is. @throws when one is refused */
export async function control(dir: string, commands: readonly ControlCommand[]): Promise<string[]> {
  const pid = readFileSync(join(dir, "ovs-vswitchd.pid"), "utf8").trim();
  const socket = createConnection(join(dir, `ovs-vswitchd.${pid}.ctl`));
  const replies: string[] = [];
  let text = "";
  socket.setEncoding("utf8");
  commands.forEach(([method, ...params], id) => socket.write(JSON.stringify({ method, params, id })));
  for await (const chunk of socket) {
    text += chunk as string;
    for (let end = endOfObject(text); end > 0; end = endOfObject(text)) {
      const { error, result } = JSON.parse(text.slice(0, end)) as { error: string | null; result: string | null };
      if (error !== null) throw new Error(error);
      replies.push(result ?? "");
      text = text.slice(end);
    }
    if (replies.length === commands.length) break;
  }
  socket.destroy();
  return replies;
}

/** Where the first JSON object of a text ends; 0 when it is not whole. */
function endOfObject(text: string): number {
  let depth = 0;
  let isInText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isInText) {
      if (c === "\\") i++;
      else if (c === '"') isInText = false;
    } else if (c === '"') isInText = true;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) return i + 1;
  }
  return 0;
}
