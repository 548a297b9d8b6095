/** The whole product stack in this process, in a folder of its own: databases, northd, switch and controller. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryLink } from "@tenet/datapath";
import { type Logger, Scope, silentLogger } from "@tenet/kit";
import type { FrameLink } from "@tenet/lab";
import { runController, runNorthd } from "@tenet/ovn";
import { connect, Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type Replica } from "@tenet/ovsdb";
import { runSwitch } from "@tenet/switch";

/** What a lab needs of it. */
export interface Stack extends AsyncDisposable {
  readonly dir: string;
  readonly nb: Replica;
  readonly vswitch: Replica;
  openLink(interfaceName: string): FrameLink;
}

/** Starts the stack; `roles: false` leaves out everything but the databases. */
export async function startStack(
  options: { readonly datapathType?: string; readonly roles?: boolean; readonly log?: Logger; readonly dir?: string } = {},
): Promise<Stack> {
  const scope = new Scope();
  const log = options.log ?? silentLogger;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "lab-stack-")));
  if (options.dir === undefined) scope.defer(() => rm(dir, { recursive: true, force: true }));
  const remotes = { nb: `unix:${dir}/nb.sock`, sb: `unix:${dir}/sb.sock`, db: `unix:${dir}/db.sock` };
  for (const [name, schema] of [
    ["nb", OVN_NORTHBOUND],
    ["sb", OVN_SOUTHBOUND],
    ["db", OPEN_VSWITCH],
  ] as const) {
    const database = scope.use(await Database.open({ schema, file: join(dir, `${name}.db`) }));
    if (name === "db" && database.table("Open_vSwitch").size === 0) {
      await database.transact([{ op: "insert", table: "Open_vSwitch", row: {} }], { remote: "test" });
    }
    const server = scope.use(new OvsdbServer([database], log));
    await server.listen(`punix:${dir}/${name}.sock`);
  }
  const links = new Map<string, MemoryLink>();
  const openLink = (name: string): MemoryLink => {
    const link = links.get(name) ?? new MemoryLink();
    links.set(name, link);
    return link;
  };
  if (options.roles !== false) {
    const stop = new AbortController();
    const { nb, sb, db } = remotes;
    const datapath = options.datapathType === undefined ? {} : { datapathType: options.datapathType };
    const running = Promise.all([
      runNorthd({ nb, sb }, log, stop.signal),
      runSwitch({ database: db, runDir: dir, openMemoryPort: openLink }, log, stop.signal),
      runController({ sb, vswitch: db, runDir: dir, ...datapath }, log, stop.signal),
    ]);
    running.catch(() => undefined); // awaited when the stack ends
    scope.defer(async () => {
      stop.abort();
      await running;
    });
  }
  const nb = scope.use(await connect(remotes.nb, { database: "OVN_Northbound" }, scope.signal));
  const vswitch = scope.use(await connect(remotes.db, { database: "Open_vSwitch" }, scope.signal));
  return { dir, nb, vswitch, openLink, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() };
}
