/**
 * Which datapath port a dummy gets: the number in its name, so that who tests with dummies knows it beforehand.
 *
 * As at the original, a bridge's own port is numbered from 100 on: `p7` is port 7, `br0` port 100.
 */
import type { PortSpec } from "@tenet/datapath";

const FIRST_OF_BRIDGES = 100;
const MAX_PORT = 65_535;

/** The number that a name asks for; nothing when there is none in it, or it is out of range. */
export function numberInName(name: string): Pick<PortSpec, "wantedPortNo"> {
  const digits = /\d+/.exec(name)?.[0];
  if (digits === undefined) return {};
  const wantedPortNo = Number(digits) + (name.startsWith("br") ? FIRST_OF_BRIDGES : 0);
  return wantedPortNo > 0 && wantedPortNo <= MAX_PORT ? { wantedPortNo } : {};
}
