/**
 * Measures who reaches whom: every host tries every other one, all at once.
 *
 * A blocked cell is silence, and silence takes as long as one is ready to wait. The wait is short while answers are
 * quick; when answers came late (a busy machine), the silent cells are asked again with twice the time.
 */
import type { Clock } from "@tenet/kit";
import { parsePrefix, formatIp } from "@tenet/net";
import type { LabHost } from "../file/lab-host.ts";
import type { HostSet, ProbeOutcome } from "../hosts/host-set.ts";
import type { Reachability, ReachabilityCell } from "./reachability.ts";

/** How long to wait for an answer at first. */
export const PROBE_TIMEOUT_MS = 500;
/** Answers later than this part of the wait make silence doubtful. */
const LATE_PART = 0.5;
const MAX_ROUNDS = 4;
/** Probes at a time: each holds a socket, and asking everything at once makes answers late. */
const MAX_IN_FLIGHT = 400;

interface Probe {
  readonly from: LabHost;
  readonly to: LabHost;
  readonly address: string;
  /** A ping when `undefined`. */
  readonly port: number | undefined;
  outcome: ProbeOutcome | undefined;
}

/**
 * Sends real packets from every host to every other one.
 *
 * @param timeoutMs - how long a probe waits for an answer at first
 * @throws the signal's reason, at once when it aborts
 */
export async function measure(
  hosts: readonly LabHost[],
  set: HostSet,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Reachability> {
  const probes = hosts.flatMap((from) => hosts.filter((to) => to !== from).flatMap((to) => probesOf(from, to)));
  let waiting = probes;
  for (let round = 0, waitMs = timeoutMs; round < MAX_ROUNDS && waiting.length > 0; round++, waitMs *= 2) {
    signal.throwIfAborted();
    await unlessAborted(sendAll(waiting, set, waitMs, signal), signal);
    if (slowest(waiting) < waitMs * LATE_PART) break;
    waiting = waiting.filter(({ outcome }) => outcome?.isOpen === false && outcome.isSilent);
  }
  return { hosts: hosts.map((host) => host.name), cells: cellsOf(hosts, probes), measuredAt: clock.now() };
}

function probesOf(from: LabHost, to: LabHost): Probe[] {
  const families = new Set(from.addresses.map((address) => parsePrefix(address).family));
  const addresses = to.addresses.map(parsePrefix).filter((prefix) => families.has(prefix.family));
  return addresses.flatMap((prefix) =>
    [undefined, ...to.listen].map((port): Probe => ({ from, to, address: formatIp(prefix.address), port, outcome: undefined })),
  );
}

/** Sends probes, a bounded number at a time. */
async function sendAll(probes: readonly Probe[], set: HostSet, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const next = probes.values();
  const lane = async (): Promise<void> => {
    for (const probe of next) {
      if (signal.aborted) return;
      await send(probe, set, timeoutMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_IN_FLIGHT, probes.length) }, lane));
}

async function send(probe: Probe, set: HostSet, timeoutMs: number): Promise<void> {
  const { from, address, port } = probe;
  probe.outcome = await (port === undefined ? set.ping(from, address, timeoutMs) : set.connect(from, address, port, timeoutMs));
}

function slowest(probes: readonly Probe[]): number {
  return probes.reduce((most, { outcome }) => (outcome?.isOpen === true ? Math.max(most, outcome.rttMs) : most), 0);
}

function cellsOf(hosts: readonly LabHost[], probes: readonly Probe[]): ReachabilityCell[] {
  const open = new Set(probes.filter((probe) => probe.outcome?.isOpen === true).map(keyOf));
  return hosts.flatMap((from) =>
    hosts
      .filter((to) => to !== from)
      .map((to): ReachabilityCell => {
        const isOpen = (port: number | undefined): boolean => open.has(keyOf({ from, to, port }));
        const tcp = to.listen.map((port) => ({ port, open: isOpen(port) }));
        return { from: from.name, to: to.name, ping: isOpen(undefined) ? "ok" : "no", tcp };
      }),
  );
}

function keyOf({ from, to, port }: Pick<Probe, "from" | "to" | "port">): string {
  return `${from.name} ${to.name} ${port ?? "ping"}`;
}

async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error("The measurement was aborted"));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}
