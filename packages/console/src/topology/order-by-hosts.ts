/** The order in which the drawing shows switches and ports: that of the lab's hosts. */
import type { State } from "../api.ts";

/**
 * Ports in the order of the hosts plugged into them, switches by their first host.
 *
 * What has no host comes last, in the order it came in. Cost: n log n in the ports and switches.
 */
export function orderByHosts<T extends Pick<State, "switches" | "ports" | "hosts">>(cloud: T): T {
  const rankByPort = new Map(cloud.hosts.map(({ port }, i) => [port, i]));
  const rankOfPort = (name: string): number => rankByPort.get(name) ?? cloud.hosts.length;
  const rankBySwitch = new Map<string, number>();
  for (const { name, switch: on } of cloud.ports) {
    rankBySwitch.set(on, Math.min(rankOfPort(name), rankBySwitch.get(on) ?? Number.POSITIVE_INFINITY));
  }
  const rankOfSwitch = (name: string): number => rankBySwitch.get(name) ?? cloud.hosts.length;
  return {
    ...cloud,
    ports: cloud.ports.toSorted((a, b) => rankOfPort(a.name) - rankOfPort(b.name)),
    switches: cloud.switches.toSorted((a, b) => rankOfSwitch(a.name) - rankOfSwitch(b.name)),
  };
}
