/** `tenet status`: what runs, in a few lines or as JSON. */
import type { Placement } from "@tenet/switch";
import type { Home } from "../config.ts";
import { askPlacement } from "../placement.ts";
import type { CloudState } from "../console/cloud-state.ts";
import { styleFor } from "../up/style.ts";
import { describeMode } from "../up/summary.ts";
import { formatTable } from "../up/table.ts";
import { ask } from "./control-client.ts";

/** The process that answers, and where its console is. */
export interface ProcessState {
  readonly pid: number;
  readonly consoleUrl: string;
}

/** Asks for the state and formats it. @throws NotRunningError */
export async function status(
  home: Home,
  format: "text" | "json",
  hasColor: boolean,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const state = await ask<CloudState>(home, "GET", "/api/state");
  const running = await ask<ProcessState>(home, "GET", "/api/process");
  const flows = await askPlacement(home.runDir, signal);
  if (format === "json") return `${JSON.stringify({ ...running, ...state, flows }, undefined, 2)}\n`;
  const style = styleFor(hasColor);
  const nUp = state.ports.filter(({ up }) => up).length;
  const broken = state.policies.filter((policy) => policy.status !== "ok");
  const rows = [
    ["running", `pid ${running.pid}, for ${duration(now - state.startedAt)}`],
    ["hosts", `${state.hosts.length}, ${describeMode(state.mode)}`],
    ["switches", state.switches.map(({ name }) => name).join(", ")],
    ["ports", `${nUp} of ${state.ports.length} up`],
    ["forwarding", describeFlows(flows)],
    [
      "policies",
      `${state.policies.length}${broken.length === 0 ? "" : `, ${broken.length} broken: ${broken.map(({ name }) => name).join(", ")}`}`,
    ],
    ["violations", state.nViolations === 0 ? style.good("none") : style.bad(String(state.nViolations))],
    ...state.leftOut.map(({ table, name, uuid, reason }) => [
      "not carried out",
      style.bad(`${table} ${name === "" ? uuid.slice(0, 8) : name}: ${reason}`),
    ]),
    ["policy API", state.policyApi],
    ["console", running.consoleUrl],
  ];
  return `${style.bold(state.name)}\n${formatTable(rows.map(([name = "", value = ""]) => [`  ${style.dim(name)}`, value]))}\n`;
}

/** Where flows run, how many, and what keeps how many out of the kernel. */
function describeFlows({ text, nFlows, nFlowsInKernel, nLeftByReason, nTrackedHereByReason }: Placement): string {
  const left = describeReasons("left to user space so far", nLeftByReason);
  const tracked = describeReasons("packets tracked there so far", nTrackedHereByReason);
  return nFlowsInKernel === 0 && left === "" ? text : `${text}: ${nFlowsInKernel} of ${nFlows}${left}${tracked}`;
}

function describeReasons(what: string, nByReason: Readonly<Record<string, number>>): string {
  const counts = Object.entries(nByReason).map(([reason, n]) => `${n} for ${reason}`);
  return counts.length === 0 ? "" : `; ${what}: ${counts.join(", ")}`;
}

function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
