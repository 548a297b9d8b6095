/** Names for what a story calls by number: rows by their UUID, ports by their OpenFlow number. */
import type { PhysicalStep, State } from "../api.ts";

/** The names known to the page. */
export interface Names {
  readonly byUuid: ReadonlyMap<string, string>;
  /** Names of logical ports. */
  readonly byOfport: ReadonlyMap<number, string>;
}

/** The names of switches and ports. */
export function namesOf({ switches, ports }: Pick<State, "switches" | "ports">): Names {
  return {
    byUuid: new Map([...switches, ...ports].flatMap(({ name, uuid }) => (uuid === undefined ? [] : [[uuid, name] as const]))),
    byOfport: new Map(ports.flatMap(({ name, ofport }) => (ofport === null ? [] : [[ofport, name] as const]))),
  };
}

/** OpenFlow numbers of the ports that a flow sends packets out of. */
export function outputsOf({ actions }: PhysicalStep): number[] {
  return [...actions.matchAll(/\boutput:(\d+)/g)].map(([, ofport]) => Number(ofport));
}
