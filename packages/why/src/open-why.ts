/** Finds what runs in a run folder, and connects to it. */
import { join, resolve } from "node:path";
import { IoError, Scope } from "@tenet/kit";
import { type ConnectOptions, connect, type Replica } from "@tenet/ovsdb";
import type { WhySources } from "./sources.ts";
import { openSocket, traceFlow } from "./switch-control.ts";

const SB_TABLES = ["Logical_Flow", "Logical_DP_Group", "Datapath_Binding", "Port_Binding", "Multicast_Group", "FDB"];
const VSWITCH_TABLES: Readonly<Record<string, string[]>> = {
  Bridge: ["name", "ports"],
  Port: ["name", "interfaces"],
  Interface: ["name", "ofport", "external_ids", "error"],
};

/**
 * Connects to `nb.sock`, `sb.sock`, `db.sock` and the switch's control socket of a run folder.
 *
 * The connections end when `signal` aborts or the result is disposed of.
 *
 * @throws IoError when nothing runs there
 */
export async function openWhy(runDir: string, signal: AbortSignal): Promise<WhySources & AsyncDisposable> {
  const scope = new Scope(signal);
  try {
    const open = async (socket: string, options: ConnectOptions): Promise<Replica> =>
      scope.use(await follow(join(runDir, socket), runDir, options, scope.signal));
    const [nb, sb, vswitch] = await Promise.all([
      open("nb.sock", { database: "OVN_Northbound" }),
      open("sb.sock", { database: "OVN_Southbound", tables: SB_TABLES }),
      open("db.sock", { database: "Open_vSwitch", tables: VSWITCH_TABLES }),
    ]);
    const trace: WhySources["trace"] = (bridge, flow) => traceFlow(runDir, bridge, flow, scope.signal);
    return { nb, sb, vswitch, trace, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

/** A replica waits for its server for ever; here it is asked for first. */
async function follow(path: string, runDir: string, options: ConnectOptions, signal: AbortSignal): Promise<Replica> {
  const probe = await openSocket(path).catch((cause: unknown) => {
    throw new IoError(`Nothing runs here: "${resolve(runDir)}" has no ${options.database} server that answers`, {
      hint: "Start it with: tenet up, or name its state folder in TENET_HOME",
      details: { path },
      cause,
    });
  });
  probe.destroy();
  return connect(`unix:${path}`, { ...options, name: "why" }, signal);
}
