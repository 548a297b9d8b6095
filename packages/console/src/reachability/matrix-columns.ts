/** The columns of the reachability matrix: for each destination, what was tried with it. */
import type { Reachability, ReachabilityCell } from "../api.ts";

/** What was tried: an ICMP echo, or a TCP connection to a port. */
export type Trial = "ping" | number;

/** A host and everything that was tried with it, from wherever. */
export interface Destination {
  readonly host: string;
  /** Never empty: `ping` first, then ports in rising order. */
  readonly trials: readonly Trial[];
}

/** One group of columns per host, in the order of the measurement. */
export function destinationsOf({ hosts, cells }: Pick<Reachability, "hosts" | "cells">): Destination[] {
  const portsByHost = new Map<string, Set<number>>(hosts.map((host) => [host, new Set()]));
  for (const { to, tcp } of cells) for (const { port } of tcp) portsByHost.get(to)?.add(port);
  return hosts.map((host) => {
    const ports = [...(portsByHost.get(host) ?? [])].toSorted((a, b) => a - b);
    return { host, trials: ["ping", ...ports] };
  });
}

/** Whether the trial passed; `undefined` when it was not made. */
export function resultOf(cell: ReachabilityCell | undefined, trial: Trial): boolean | undefined {
  if (trial === "ping") return cell && cell.ping === "ok";
  return cell?.tcp.find(({ port }) => port === trial)?.open;
}
