/** The megaflows of the datapath as text. */
import type { Megaflow } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import type { Bridge } from "../../bridge/bridge.ts";
import { formatPunt } from "../../trace/format-datapath.ts";
import { formatOdpFlow } from "../../trace/format-odp-flow.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";

/** How to show flows. */
export interface DumpFormat {
  /** Also what does not count, and the flows' names. */
  readonly isVerbose: boolean;
  /** Ports by name. */
  readonly showsNames: boolean;
}

/** A line for each flow. @param isShown - is given a flow and the bridge that its packets come in at */
export function dumpFlows(
  vswitch: VirtualSwitch,
  clock: Clock,
  format: DumpFormat,
  isShown: (flow: Megaflow, home: Bridge | undefined) => boolean,
): string {
  const formatFlow = flowFormatter(vswitch, clock, format);
  const flows = [...vswitch.datapath.flows()].filter((flow) => isShown(flow, vswitch.ports.homeOfKey(flow.key)?.bridge));
  return flows.map(formatFlow).join("\n");
}

/** Shows one flow after another, with the names that ports have now. */
export function flowFormatter(
  vswitch: VirtualSwitch,
  clock: Clock,
  { isVerbose, showsNames }: DumpFormat,
): (flow: Megaflow) => string {
  const portByNumber = new Map(vswitch.datapath.ports().map((port) => [port.portNo, port]));
  const options = {
    nowMs: clock.monotonicMs(),
    portName: (portNo: number): string => (showsNames ? portByNumber.get(portNo)?.name : undefined) ?? String(portNo),
    puntText: (id: number): string => formatPunt(id, vswitch.slowPath.puntOf(id), false),
    isVerbose,
    isOfKernel: ({ key }: Megaflow): boolean => vswitch.ports.homeOfKey(key)?.bridge.datapathType === "system",
    isGeneve: (portNo: number): boolean => portByNumber.get(portNo)?.tunnel?.type === "geneve",
  };
  return (flow) => formatOdpFlow(flow, options);
}
