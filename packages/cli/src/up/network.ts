/** northd, the switch and the controller of a Tenet, each over its own connections, until the scope closes. */
import { join } from "node:path";
import { AppError, type Logger, type Scope } from "@tenet/kit";
import type { LabMode } from "@tenet/lab";
import type { DatapathKind } from "@tenet/switch";
import { runController, runNorthd } from "@tenet/ovn";
import type { Home } from "../config.ts";
import type { Databases } from "./databases.ts";
import { LeftOut } from "./left-out.ts";
import { SwitchThread } from "./switch-thread.ts";

/** The integration bridge. */
export const BRIDGE = "br-int";

/** What runs. */
export interface Network {
  readonly switchThread: SwitchThread;
  /** Northbound rows that are not carried out. */
  readonly leftOut: LeftOut;
  /** Waits for work, but fails as soon as a part of the network ends by itself. */
  readonly guard: <T>(work: Promise<T>) => Promise<T>;
}

/** Simulated hosts plug into ports in memory, which bridges of this type have. */
function datapathTypeOf(mode: LabMode): string {
  return mode === "simulated" ? "dummy" : "system";
}

/** Starts the three; they become ready by themselves. */
export async function startNetwork(
  home: Home,
  { nb, sb, vswitch }: Databases,
  mode: LabMode,
  datapath: DatapathKind,
  log: Logger,
  scope: Scope,
): Promise<Network> {
  const datapathType = datapathTypeOf(mode);
  // What an earlier switch said of its ports is void; and the mode may be another one now.
  const isBridge = [["name", "==", BRIDGE]];
  await vswitch.database.transact(
    [
      { op: "update", table: "Bridge", where: isBridge, row: { datapath_type: datapathType } },
      { op: "update", table: "Interface", where: [], row: { ofport: ["set", []] } },
    ],
    { remote: "tenet up" },
  );
  const { runDir } = home;
  const logFile = join(home.path, "tenet.log");
  const isSimulated = mode === "simulated";
  const switchThread = new SwitchThread({ database: vswitch.remote, runDir, isSimulated, datapath, logFile });
  const stop = new AbortController();
  const leftOut = new LeftOut();
  const onUnsupported = leftOut.update.bind(leftOut);
  const rules = Promise.all([
    runNorthd({ nb: nb.remote, sb: sb.remote, onUnsupported }, log.child({ part: "northd" }), stop.signal),
    runController(
      { sb: sb.remote, vswitch: vswitch.remote, runDir, bridge: BRIDGE, datapathType },
      log.child({ part: "controller" }),
      stop.signal,
    ),
  ]);
  const failure = Promise.race([rules, switchThread.ended]).then(() => {
    throw new AppError("A part of the network ended by itself", { code: "CLI_PART_ENDED", hint: "tenet.log tells more" });
  });
  // Whoever is guarded sees the failure; at the end nobody is.
  failure.catch(() => undefined);
  scope.defer(() => settled(switchThread.stop()));
  scope.defer(() => {
    stop.abort();
    return settled(rules);
  });
  return { switchThread, leftOut, guard: (work) => Promise.race([work, failure]) };
}

async function settled(running: Promise<unknown>): Promise<void> {
  await Promise.allSettled([running]);
}
