/** The command that tells where flows are carried out. */
import { type Command, command } from "@tenet/ovsdb";
import { describePlacement } from "../open-datapath.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** What `tenet/datapath` answers, as JSON. */
export interface Placement {
  /** One line. */
  readonly text: string;
  readonly nFlows: number;
  readonly nFlowsInKernel: number;
  /** How often a flow was left to user space, by reason. */
  readonly nLeftByReason: Readonly<Record<string, number>>;
  /** How many packets were tracked in user space, by reason. */
  readonly nTrackedHereByReason: Readonly<Record<string, number>>;
}

/** `tenet/datapath`. @param whyUserSpace - why flows are not in the kernel; absent: they are */
export function placementCommands({ datapath }: VirtualSwitch, whyUserSpace: string | undefined): Command[] {
  return [
    command("tenet/datapath", "", [0, 0], () => {
      const { nFlows, kernel } = datapath.stats();
      const placement: Placement = {
        text: describePlacement(whyUserSpace),
        nFlows,
        nFlowsInKernel: kernel?.nFlows ?? 0,
        nLeftByReason: Object.fromEntries(kernel?.nLeftByReason ?? []),
        nTrackedHereByReason: Object.fromEntries(kernel?.nTrackedHereByReason ?? []),
      };
      return JSON.stringify(placement);
    }),
  ];
}
