/** A switch with its database in this process, for the real tools to talk to. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OvsdbServer } from "@tenet/ovsdb";
import { openControl, runSwitch, type SwitchConfig } from "@tenet/switch";

const run = promisify(execFile);

/** Why these tests cannot run here; `undefined` when they can. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  for (const needed of ["ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ip", "ping"]) {
    try {
      execFileSync("which", [needed], { stdio: "ignore" });
    } catch {
      return `needs ${needed}`;
    }
  }
  return undefined;
}

/** What a tool printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export async function tool(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(name, args, { env: { ...process.env, ...env }, timeout: 15_000 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof code === "number" ? code : -1, out: stdout ?? "", err: stderr ?? "" };
  }
}

/** A running switch. */
export class LiveSwitch implements AsyncDisposable {
  readonly dir: string;
  readonly #abort = new AbortController();
  readonly #server: OvsdbServer;
  /** How often what has happened, by the name of the event. */
  countEvents: () => Readonly<Record<string, number>> = () => ({});
  /** Resolves when the switch has ended. */
  ended: Promise<void> = Promise.resolve();

  private constructor(dir: string, server: OvsdbServer) {
    this.dir = dir;
    this.#server = server;
  }

  static async start(
    config: Pick<SwitchConfig, "clock" | "datapath" | "hasSystemRoutes" | "isAllDummy"> = {},
  ): Promise<LiveSwitch> {
    const dir = mkdtempSync(join(tmpdir(), "tenet-switch-"));
    const server = new OvsdbServer([await Database.open({ schema: OPEN_VSWITCH })], silentLogger);
    await server.listen(`punix:${dir}/db.sock`);
    const live = new LiveSwitch(dir, server);
    const serveCommands: SwitchConfig["serveCommands"] = async (commands, countEvents, scope) => {
      live.countEvents = countEvents;
      await openControl("ovs-vswitchd", dir, commands, scope, silentLogger);
    };
    const own = { database: `unix:${dir}/db.sock`, runDir: dir, serveCommands };
    live.ended = runSwitch({ ...own, ...config }, silentLogger, live.#abort.signal);
    await until(() => existsSync(join(dir, "ovs-vswitchd.pid")));
    const init = await live.vsctl("init");
    if (init.code !== 0) throw new Error(init.err);
    return live;
  }

  vsctl(...args: string[]): Promise<Outcome> {
    return tool("ovs-vsctl", [`--db=unix:${this.dir}/db.sock`, "--timeout=5", ...args]);
  }
  ofctl(...args: string[]): Promise<Outcome> {
    return tool("ovs-ofctl", args, { OVS_RUNDIR: this.dir });
  }
  appctl(...args: string[]): Promise<Outcome> {
    return tool("ovs-appctl", ["--timeout=5", ...args], { OVS_RUNDIR: this.dir });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.ended;
    await this.#server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The name of a device or namespace of this run alone: others may share the machine. @param what - eight characters at most */
export function ownName(what: string): string {
  return `t${process.pid.toString(36)}-${what}`;
}

/** A namespace with address 10.97.0.N on a veth whose other end is in ours. */
export class LiveHost implements Disposable {
  readonly name: string;
  readonly port: string;
  readonly address: string;

  constructor(n: number) {
    this.name = ownName(`ns${n}`);
    this.port = ownName(`v${n}`);
    this.address = `10.97.0.${n}`;
    this[Symbol.dispose]();
    ip("netns", "add", this.name);
    ip("link", "add", this.port, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("-n", this.name, "addr", "add", `${this.address}/24`, "dev", "eth0");
    ip("-n", this.name, "link", "set", "eth0", "up");
    ip("link", "set", this.port, "up");
  }

  /** Whether another host answers one of a few echo requests. */
  async pings(other: LiveHost): Promise<boolean> {
    const args = ["netns", "exec", this.name, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", other.address];
    return (await tool("ip", args)).code === 0;
  }

  [Symbol.dispose](): void {
    for (const args of [
      ["netns", "del", this.name],
      ["link", "del", this.port],
    ]) {
      try {
        ip(...args);
      } catch {
        // It was not there.
      }
    }
  }
}

/** Waits until a condition holds. @throws Error after 20 s, four times what the switch takes to look at a device again */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400; n++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not come about within 20 s");
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: "ignore" });
}
