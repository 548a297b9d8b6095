/** The options of `tenet vswitchd`, as the original's. @see ovs-vswitchd(8) */
import { COMMON_GROUPS, TLS_OPTIONS } from "../daemon/common-options.ts";
import type { OptionGroup } from "../daemon/option-table.ts";

/** All options, as the help groups them. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  {
    title: "Switch",
    options: [
      {
        name: "enable-dummy",
        argument: "optional",
        placeholder: "override|system",
        about: "with a value, interfaces that have a device are dummies; those of type dummy need no option",
      },
      {
        name: "datapath",
        argument: "required",
        placeholder: "auto|ebpf|user",
        about:
          "ebpf: the kernel forwards what its program can do (needs root); user: this process does all; auto, the default: ebpf where it works",
      },
      { name: "unixctl", argument: "required", placeholder: "SOCKET", about: "control socket, or none" },
      { name: "disable-system", about: "as --datapath=user" },
      { name: "disable-system-route", about: "outer packets of tunnels take no route of the host" },
      { name: "mlockall", about: "understood, and without effect" },
    ],
  },
  { title: "Keys and certificates for an ssl: DATABASE", options: TLS_OPTIONS },
  ...COMMON_GROUPS,
];
