/**
 * Waits until the network forwards for every host of a lab.
 *
 * Three things, none of which an earlier run can have left behind: our new Interface rows are marked `ovn-installed`,
 * the logical ports are up, and the hypervisor has reached a configuration number that was raised just now.
 *
 * @see ovn-nb(5), NB_Global: nb_cfg, hv_cfg
 */
import { AppError } from "@tenet/kit";
import { isSet, type Replica, type Row } from "@tenet/ovsdb";
import type { LabFile } from "./file/lab-file.ts";
import type { LabHost } from "./file/lab-host.ts";
import { externalId, interfaceNameOf } from "./plug-hosts.ts";

/** The network did not become ready in time. */
export class LabTimeoutError extends AppError {
  static override readonly code: string = "LAB_NOT_READY";
}

/** What to look at and whom to tell. */
export interface ForwardingWait {
  readonly nb: Replica;
  readonly vswitch: Replica;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly onProgress: (text: string) => void;
}

/** @throws LabTimeoutError that names what is not ready; the signal's reason */
export async function untilForwarding(lab: LabFile, wait: ForwardingWait, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(wait.timeoutMs);
  const both = AbortSignal.any([signal, deadline]);
  try {
    await portsUp(lab, wait, both);
    await hypervisorReached(lab, wait, both);
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error;
    throw timeoutError(lab, wait, error);
  }
}

function isReady(host: LabHost, { nb, vswitch, prefix }: ForwardingWait): boolean {
  const up = portOf(host, nb)?.["up"];
  return isSet(up) && up[0] === true && externalId(interfaceOf(host, vswitch, prefix), "ovn-installed") === "true";
}

async function portsUp(lab: LabFile, wait: ForwardingWait, signal: AbortSignal): Promise<void> {
  let last = -1;
  const look = (): true | undefined => {
    const n = lab.hosts.filter((host) => isReady(host, wait)).length;
    if (n !== last) wait.onProgress(`${n} of ${lab.hosts.length} ports up`);
    last = n;
    return n === lab.hosts.length ? true : undefined;
  };
  const stop = new AbortController();
  const waits = [wait.nb, wait.vswitch].map((replica) => replica.waitFor(look, AbortSignal.any([signal, stop.signal])));
  try {
    await Promise.race(waits);
  } finally {
    stop.abort();
    await Promise.allSettled(waits);
  }
}

async function hypervisorReached(lab: LabFile, { nb }: ForwardingWait, signal: AbortSignal): Promise<void> {
  const comment = nb.operations.comment(`tenet up: lab ${lab.name}, wait for flows`);
  const global = nb.table("NB_Global").values().next().value;
  const raise =
    global === undefined
      ? nb.operations.insert("NB_Global", { nb_cfg: 1 })
      : nb.operations.mutate("NB_Global", global._uuid, [["nb_cfg", "+=", 1]]);
  await nb.transact([raise, comment]);
  const row = await nb.waitFor((replica) => replica.table("NB_Global").values().next().value, signal);
  const wanted = Number(row["nb_cfg"]);
  await nb.waitFor((replica) => {
    const now = replica.table("NB_Global").get(row._uuid);
    return Number(now?.["hv_cfg"]) >= wanted ? true : undefined;
  }, signal);
}

function timeoutError(lab: LabFile, wait: ForwardingWait, cause: unknown): LabTimeoutError {
  const waiting = lab.hosts.filter((host) => !isReady(host, wait));
  const seconds = wait.timeoutMs / 1000;
  if (waiting.length === 0) {
    return new LabTimeoutError(`The flows were not confirmed within ${seconds} s: NB_Global.hv_cfg stays behind nb_cfg`, {
      cause,
      hint: "A chassis in the southbound database does not answer; see `ovn-sbctl list Chassis_Private`",
    });
  }
  const reasons = waiting.map((host) => `${host.port} (${reasonOf(host, wait)})`);
  return new LabTimeoutError(
    `${waiting.length} of ${lab.hosts.length} ports did not come up within ${seconds} s: ${reasons.join(", ")}`,
    {
      cause,
      hint: "See the log of the controller and of the switch",
      details: { ports: waiting.map((host) => host.port) },
    },
  );
}

function reasonOf(host: LabHost, { nb, vswitch, prefix }: ForwardingWait): string {
  if (portOf(host, nb) === undefined) return "there is no such logical switch port";
  const row = interfaceOf(host, vswitch, prefix);
  const error = row?.["error"];
  if (isSet(error) && error[0] !== undefined) return String(error[0]);
  if (row === undefined) return `Interface ${interfaceNameOf(host, prefix)} is gone`;
  return externalId(row, "ovn-installed") === "true"
    ? "northd has not reported it"
    : "the controller has not installed its flows";
}

function portOf(host: LabHost, nb: Replica): Row | undefined {
  return nb.find("Logical_Switch_Port", (row) => row["name"] === host.port);
}

function interfaceOf(host: LabHost, vswitch: Replica, prefix: string): Row | undefined {
  const name = interfaceNameOf(host, prefix);
  return vswitch.find("Interface", (row) => row["name"] === name);
}
