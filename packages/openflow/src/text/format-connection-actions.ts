/** Writes `ct` and `nat` as ovs-ofctl prints them. */
import { formatIp4, formatIp6 } from "@tenet/net";
import type { Action, CtAction, NatAction } from "../action.ts";
import { formatSubField } from "./sub-field.ts";

/** Application protocols by port. */
export const ALG_NAMES: ReadonlyMap<number, string> = new Map([
  [21, "ftp"],
  [69, "tftp"],
]);

/** Writes `ct(...)`; a `nat` that comes first stands outside `exec`. */
export function formatCt(action: CtAction, formatActions: (actions: readonly Action[]) => string): string {
  const { isCommit, isForce, table, zone, actions, alg } = action;
  const parts: string[] = [];
  if (isCommit) parts.push("commit");
  if (isForce) parts.push("force");
  if (table !== undefined) parts.push(`table=${table}`);
  if (typeof zone !== "number") parts.push(`zone=${formatSubField(zone)}`);
  else if (zone !== 0) parts.push(`zone=${zone}`);
  const [first, ...rest] = actions;
  if (first?.type === "nat") parts.push(formatNat(first));
  const executed = first?.type === "nat" ? rest : actions;
  if (executed.length > 0) parts.push(`exec(${formatActions(executed)})`);
  if (alg !== 0) parts.push(`alg=${ALG_NAMES.get(alg) ?? alg}`);
  return `ct(${parts.join(",")})`;
}

/** Writes `nat` or `nat(...)`. */
export function formatNat({ side, addresses, ports, isPersistent, portChoice }: NatAction): string {
  if (side === undefined) return "nat";
  const range: string[] = [];
  if (addresses !== undefined) {
    const show = (words: Uint32Array): string => {
      if (addresses.family === 4) return formatIp4(words[0] ?? 0);
      const text = formatIp6(Uint8Array.from({ length: 16 }, (_, i) => (words[i >> 2] ?? 0) >>> (24 - 8 * (i & 3))));
      return ports === undefined ? text : `[${text}]`;
    };
    const [first, last] = [show(addresses.firstAddress), show(addresses.lastAddress)];
    range.push(first === last ? first : `${first}-${last}`);
  }
  if (ports !== undefined) range.push(ports[0] === ports[1] ? `:${ports[0]}` : `:${ports[0]}-${ports[1]}`);
  const parts = [range.length === 0 ? side : `${side}=${range.join("")}`];
  if (isPersistent === true) parts.push("persistent");
  if (portChoice !== undefined) parts.push(portChoice);
  return `nat(${parts.join(",")})`;
}
