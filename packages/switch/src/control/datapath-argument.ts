/** The datapaths that `dpctl/*` commands name. */
import { ArgumentError } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** Names of the datapaths that bridges are on, sorted. */
export function datapathNames({ bridges }: Pick<VirtualSwitch, "bridges">): string[] {
  return [...new Set([...bridges.values()].map(({ datapathType }) => datapathName(datapathType)))].sort();
}

/** The name by which a datapath type goes in commands. */
export function datapathName(type: string): string {
  return `${type}@ovs-${type}`;
}

/** Whether an argument names a datapath that is there. */
export function isDatapath(vswitch: Pick<VirtualSwitch, "bridges">, name: string): boolean {
  return datapathNames(vswitch).includes(name.includes("@") ? name : `system@${name}`);
}

/** Looks whether a datapath is there, if an argument is given. @throws ArgumentError when it is not */
export function checkDatapath(vswitch: Pick<VirtualSwitch, "bridges">, name: string | undefined): void {
  if (name !== undefined && !isDatapath(vswitch, name)) throw dpctlError("datapath not found");
}

/** An error of an argument, as `dpctl/*` commands say it. */
export function dpctlError(problem: string): ArgumentError {
  return new ArgumentError(`ovs-vswitchd: ${problem} (Invalid argument)`);
}
