/** The bridge that a command's argument names. */
import { ArgumentError } from "@tenet/ovsdb";
import type { Bridge } from "../bridge/bridge.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** @throws ArgumentError with the text `problem` */
export function findBridge(vswitch: VirtualSwitch, name: string | undefined, problem = "no such bridge"): Bridge {
  const bridge = vswitch.bridges.get(name ?? "");
  if (bridge === undefined) throw new ArgumentError(problem);
  return bridge;
}
