/** The whole stack in this process over sockets in a scratch folder: databases, northd, switch, controller. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Scope, silentLogger } from "@tenet/kit";
import { peerCredentials, processName } from "@tenet/linux";
import { runController, runNorthd } from "@tenet/ovn";
import { type ClientIdentity, Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { runSwitch } from "@tenet/switch";

const run = promisify(execFile);
const BOUND = { timeout: 20_000 };

/** Whether a program can be started here. */
export function has(program: string): boolean {
  return spawnSync(program, ["--version"]).status === 0;
}

/** A running stack. */
export class LiveCloud implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "tenet-why-"));
  readonly #scope = new Scope();
  readonly #databases = new Map<string, Database>();

  static async start(): Promise<LiveCloud> {
    const cloud = new LiveCloud();
    for (const [name, schema] of [
      ["nb", OVN_NORTHBOUND],
      ["sb", OVN_SOUTHBOUND],
      ["db", OPEN_VSWITCH],
    ] as const) {
      const database = cloud.#scope.use(await Database.open({ schema, file: join(cloud.dir, `${name}.db`) }));
      cloud.#databases.set(name, database);
      const server = cloud.#scope.use(new OvsdbServer([database], silentLogger, { identify }));
      await server.listen(`punix:${join(cloud.dir, `${name}.sock`)}`);
    }
    const root = { external_ids: ["map", [["system-id", "hv1"]]] };
    await cloud.database("db").transact([{ op: "insert", table: "Open_vSwitch", row: root }], { remote: "test" });
    cloud.#startRoles();
    return cloud;
  }

  database(name: "nb" | "sb" | "db"): Database {
    const database = this.#databases.get(name);
    if (database === undefined) throw new Error(`no database ${name}`);
    return database;
  }

  /** Runs the real ovn-nbctl and waits until the flows are installed. */
  async nbctl(...args: string[]): Promise<string> {
    const db = `--db=unix:${join(this.dir, "nb.sock")}`;
    return (await run("ovn-nbctl", [db, "--timeout=20", "--wait=hv", ...args])).stdout;
  }

  /** Plugs dummy interfaces into the bridge, one for each logical port. */
  async plug(...ports: string[]): Promise<void> {
    const db = this.database("db");
    const bridge = await this.until(() => [...db.table("Bridge").values()].find((row) => row["name"] === "br-int"));
    const operations = ports.flatMap((port, i) => [
      {
        op: "insert",
        table: "Interface",
        "uuid-name": `i${i}`,
        row: { name: `v-${port}`, type: "dummy", external_ids: ["map", [["iface-id", port]]] },
      },
      { op: "insert", table: "Port", "uuid-name": `p${i}`, row: { name: `v-${port}`, interfaces: ["named-uuid", `i${i}`] } },
    ]);
    const added = ["set", ports.map((_, i) => ["named-uuid", `p${i}`])];
    const where = [["_uuid", "==", ["uuid", bridge._uuid]]];
    const mutate = { op: "mutate", table: "Bridge", where, mutations: [["ports", "insert", added]] };
    await db.transact([...operations, mutate], { remote: "test" });
  }

  /** Waits for a value. @throws Error after 10 s */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (let n = 0; n < 200; n++) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("it did not come about within 10 s");
  }

  /** Asks the switch over its control socket, as the original's tool does. */
  async appctl(...args: string[]): Promise<string> {
    const target = join(this.dir, `ovs-vswitchd.${process.pid}.ctl`);
    return (await run("ovs-appctl", [`--target=${target}`, ...args], BOUND)).stdout;
  }

  /** What the real ovn-trace says of a packet, outputs only. */
  async ovnTrace(logicalSwitch: string, flow: string): Promise<string> {
    return (await run("ovn-trace", [`--db=unix:${join(this.dir, "sb.sock")}`, "--minimal", logicalSwitch, flow], BOUND)).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scope[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #startRoles(): void {
    const [nb, sb, vswitch] = ["nb", "sb", "db"].map((name) => `unix:${join(this.dir, `${name}.sock`)}`) as [
      string,
      string,
      string,
    ];
    const roles = new AbortController();
    const runDir = this.dir;
    const running = Promise.all([
      runNorthd({ nb, sb }, silentLogger, roles.signal),
      runSwitch({ database: vswitch, runDir }, silentLogger, roles.signal),
      runController({ sb, vswitch, runDir, datapathType: "dummy" }, silentLogger, roles.signal),
    ]);
    this.#scope.defer(async () => {
      roles.abort();
      await running;
    });
  }
}

function identify(socket: Socket): ClientIdentity {
  const handle = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle;
  if (handle?.fd === undefined) return { remote: "" };
  const { pid, uid } = peerCredentials(handle.fd);
  const name = processName(pid);
  return { remote: "", pid, uid, ...(name === undefined ? {} : { process: name }) };
}
