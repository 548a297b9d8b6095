/** A cloud of any size, for what only size shows. */
import type { ReachabilityCell, State, Violation } from "../src/api.ts";
import { cloudFixture } from "./fixture.ts";

/** How large. */
export interface CloudSize {
  readonly nSwitches: number;
  readonly nHosts: number;
  readonly nViolations: number;
}

/** Hosts dealt to the switches one after another, all pairs measured, violations over the hosts in turn. */
export function largeCloud({ nSwitches, nHosts, nViolations }: CloudSize): State {
  const names = Array.from({ length: nHosts }, (_, i) => `host-${`${i + 1}`.padStart(3, "0")}`);
  const switchOf = (i: number): string => `segment-${(i % nSwitches) + 1}`;
  const macOf = (i: number): string => `0a:00:00:00:${hex(i >> 8)}:${hex(i & 255)}`;
  const ipOf = (i: number): string => `10.1.${i >> 8}.${(i & 255) + 1}`;
  return {
    ...cloudFixture(),
    name: "large",
    switches: Array.from({ length: nSwitches }, (_, i) => ({ name: `segment-${i + 1}`, uuid: uuidOf("5", i) })),
    ports: names.map((name, i) => ({
      name: `${name}-port`,
      switch: switchOf(i),
      uuid: uuidOf("a", i),
      mac: macOf(i),
      ips: [ipOf(i)],
      up: i % 17 !== 5,
      ofport: i + 1,
    })),
    hosts: names.map((name, i) => ({
      name,
      port: `${name}-port`,
      mac: macOf(i),
      ips: [ipOf(i)],
      tags: [i % 3 === 0 ? "web" : "db"],
    })),
    reachability: { hosts: names, cells: cellsOf(names, nSwitches), measuredAt: Date.now() },
    violations: Array.from({ length: nViolations }, (_, i) => violationOf(`${names[i % nHosts] ?? ""}-port`, i)),
  };
}

function cellsOf(names: readonly string[], nSwitches: number): ReachabilityCell[] {
  return names.flatMap((from, i) =>
    names.flatMap((to, j): ReachabilityCell[] => {
      const isSameSwitch = i % nSwitches === j % nSwitches;
      return i === j ? [] : [{ from, to, ping: isSameSwitch ? "ok" : "no", tcp: [{ port: 5432, open: isSameSwitch && i < j }] }];
    }),
  );
}

function violationOf(port: string, i: number): Violation {
  return {
    policy: i % 2 === 0 ? "pii" : "placement",
    kind: i % 5 === 0 ? "warning" : "error",
    row: [port, `${port} breaks rule ${i + 1} of many`],
    columns: ["port", "why"],
    rule: { file: "large.dl", line: i + 1, text: "error(port, why) :- broken(port, why)" },
    proof: `nb:Logical_Switch_Port ${port}`,
  };
}

function uuidOf(prefix: string, i: number): string {
  return `${prefix}${`${i}`.padStart(7, "0")}-1111-4222-8333-444444444444`;
}

function hex(n: number): string {
  return n.toString(16).padStart(2, "0");
}
