/** The commands about caches and hardware that the datapath does not have, for `ovs-appctl`. */
import type { Command } from "@tenet/ovsdb";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { datapathNames, dpctlCommand, dpctlError, withoutDatapath } from "./datapath-argument.ts";

/** `dpctl/cache-*` and `dpctl/offload-stats-show`. */
export function cacheCommands(vswitch: VirtualSwitch): Command[] {
  return [
    dpctlCommand("cache-get-size", "[dp]", [0, 1], ({ args: [name] }) => {
      if (name !== undefined) withoutDatapath(vswitch, [name], 1);
      return (name === undefined ? datapathNames(vswitch) : [name]).map((each) => `${each}:`).join("\n");
    }),
    dpctlCommand("cache-set-size", "dp cache <size>", [3, 3], ({ args }) => {
      const [, size = ""] = withoutDatapath(vswitch, args, 3);
      if (!/^\d+$/.test(size)) throw dpctlError("size is malformed");
      throw dpctlError("Setting caches not supported", "Operation not supported");
    }),
    dpctlCommand("offload-stats-show", "[dp]", [0, 1], ({ args }) => {
      withoutDatapath(vswitch, args, 1);
      throw dpctlError("retrieving offload statistics");
    }),
  ];
}
