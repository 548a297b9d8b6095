/** Starts a lab: makes its hosts, plugs them into the bridge, waits until the network forwards for them. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, type Logger, Scope, systemClock } from "@tenet/kit";
import type { Replica, Row } from "@tenet/ovsdb";
import type { LabFile } from "./file/lab-file.ts";
import type { LabHost } from "./file/lab-host.ts";
import type { HostSet } from "./hosts/host-set.ts";
import { NamespaceHosts } from "./hosts/namespace-hosts.ts";
import { type FrameLink, SimulatedHosts } from "./hosts/simulated-hosts.ts";
import type { LabMode } from "./lab-mode.ts";
import { holdLab } from "./lab-lock.ts";
import { interfaceNameOf, type PlugPlace, plugHosts, unplugHosts } from "./plug-hosts.ts";
import { measure, PROBE_TIMEOUT_MS } from "./reachability/measure.ts";
import type { Reachability } from "./reachability/reachability.ts";
import { LabTimeoutError, untilForwarding } from "./until-forwarding.ts";

/** Where and how a lab runs. */
export interface LabOptions {
  readonly mode: LabMode;
  /** Starts the names of namespaces and devices, `tenet-` when absent; one lab per prefix at a time. */
  readonly prefix?: string;
  /** Replicas of the whole northbound and Open_vSwitch databases. */
  readonly nb: Replica;
  readonly vswitch: Replica;
  /** Simulated mode only: the cable of the Interface (type dummy) of this name. */
  readonly openLink?: (interfaceName: string) => FrameLink;
  /** `br-int` when absent. */
  readonly bridge?: string;
  readonly log: Logger;
  /** Progress for people, e.g. `7 of 7 ports up`. */
  readonly onProgress?: (text: string) => void;
  /** How long the network may take to become ready; 10 s when absent. */
  readonly readyTimeoutMs?: number;
  /** How long a probe waits for an answer, 500 ms when absent; longer when answers are late. */
  readonly probeTimeoutMs?: number;
  readonly clock?: Clock;
}

/** A host that runs. */
export interface RunningHost extends LabHost {
  readonly interfaceName: string;
  /** Its network namespace; `undefined` when simulated. */
  readonly namespace: string | undefined;
}

/** A lab that runs until it is closed. */
export interface RunningLab extends AsyncDisposable {
  readonly mode: LabMode;
  readonly hosts: readonly RunningHost[];
  /** Sends real packets from every host to every other one. */
  measure(signal?: AbortSignal): Promise<Reachability>;
  /** Takes the Port rows out, deletes namespaces and devices. A second call does nothing. */
  close(): Promise<void>;
}

const DEFAULT_PREFIX = "tenet-";
const READY_TIMEOUT_MS = 10_000;

/**
 * Makes the hosts, plugs them in, and waits until every logical port is up and its flows are installed.
 *
 * What an earlier, killed run left (namespaces, devices, Port rows) is cleared first. When it fails or `signal` aborts,
 * nothing stays behind.
 *
 * @throws LabBusyError when a lab of this prefix runs; LabPrefixError; LabFileError for names too long; LabTimeoutError that names the
 * ports that are not up; SystemCallError
 */
export async function startLab(lab: LabFile, options: LabOptions, signal: AbortSignal): Promise<RunningLab> {
  const scope = new Scope(signal);
  try {
    return await start(lab, options, scope);
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

async function start(lab: LabFile, options: LabOptions, scope: Scope): Promise<RunningLab> {
  const { mode, nb, vswitch, log, prefix = DEFAULT_PREFIX, bridge = "br-int", clock = systemClock } = options;
  const onProgress = options.onProgress ?? (() => undefined);
  const timeoutMs = options.readyTimeoutMs ?? READY_TIMEOUT_MS;
  const place: PlugPlace = { vswitch, bridge, prefix };
  if (mode === "namespaces") scope.use(holdLab(prefix));
  await unplugHosts(lab, place);
  const set = scope.use(await makeHosts(lab, options, prefix, scope.signal));
  const bridgeRow = await untilBridge(place, timeoutMs, scope.signal);
  scope.defer(async () => {
    if (vswitch.isConnected) await unplugHosts(lab, place);
  });
  await plugHosts(lab, place, bridgeRow, set.interfaceType);
  await untilForwarding(lab, { nb, vswitch, prefix, timeoutMs, onProgress }, scope.signal);
  log.info({ lab: lab.name, mode, nHosts: lab.hosts.length }, "lab ready");
  return runningLab(lab, { mode, prefix, set, scope, clock, probeTimeoutMs: options.probeTimeoutMs ?? PROBE_TIMEOUT_MS });
}

interface Running {
  readonly mode: LabMode;
  readonly prefix: string;
  readonly set: HostSet;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly probeTimeoutMs: number;
}

function runningLab(lab: LabFile, { mode, prefix, set, scope, clock, probeTimeoutMs }: Running): RunningLab {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= scope[Symbol.asyncDispose]();
    return closing;
  };
  return {
    mode,
    hosts: lab.hosts.map((host) => ({
      ...host,
      interfaceName: interfaceNameOf(host, prefix),
      namespace: set.namespaceOf(host),
    })),
    measure: (signal) => {
      const both = signal === undefined ? scope.signal : AbortSignal.any([signal, scope.signal]);
      return measure(lab.hosts, set, clock, probeTimeoutMs, both);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function makeHosts(lab: LabFile, options: LabOptions, prefix: string, signal: AbortSignal): Promise<HostSet> {
  const { mode, openLink, log } = options;
  if (mode === "namespaces") return NamespaceHosts.open(lab.hosts, prefix, log, signal);
  if (openLink === undefined) throw new TypeError("Simulated hosts need the option openLink");
  return new SimulatedHosts(lab.hosts, (host) => openLink(interfaceNameOf(host, prefix)));
}

/** The controller makes the bridge; it may be later than we are. */
async function untilBridge({ vswitch, bridge }: PlugPlace, timeoutMs: number, signal: AbortSignal): Promise<Row> {
  const stop = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: AbortSignal.any([signal, stop.signal]) }).then(() => {
    throw new LabTimeoutError(`There is no bridge "${bridge}" after ${timeoutMs / 1000} s`, {
      hint: "The controller makes it: see whether it runs on this Open_vSwitch database",
    });
  });
  try {
    const found = vswitch.waitFor(
      (db) => db.find("Bridge", (row) => row["name"] === bridge),
      AbortSignal.any([signal, stop.signal]),
    );
    found.catch(() => undefined); // lost the race
    late.catch(() => undefined);
    return await Promise.race([found, late]);
  } finally {
    stop.abort();
  }
}
