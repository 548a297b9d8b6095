/** The megaflows of the datapath as text. */
import type { Megaflow, PortInfo } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import { makeFlowKey } from "@tenet/net";
import type { Bridge } from "../../bridge/bridge.ts";
import { formatPunt } from "../../trace/format-datapath.ts";
import { formatOdpFlow, type OdpFlowFormat } from "../../trace/format-odp-flow.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";

/** How to show flows. */
export interface DumpFormat {
  /** Also what does not count, and the flows' names. */
  readonly isVerbose: boolean;
  /** Ports by name. */
  readonly showsNames: boolean;
  /** As `dpif/dump-flows` shows those of one bridge. */
  readonly isOfBridge?: boolean;
}

/**
 * A line for each flow, and `undefined` for one that is not shown; others may come first between.
 *
 * @param isShown - is given the key of a flow, good until the next, its mask, and the bridge that its packets come in at
 */
export function* flowLines(
  vswitch: VirtualSwitch,
  clock: Clock,
  format: DumpFormat,
  isShown: (key: Uint32Array, mask: Uint32Array, home: Bridge | undefined) => boolean,
): Generator<string | undefined> {
  const formatFlow = flowFormatter(vswitch, clock, format);
  const key = makeFlowKey();
  for (const flow of vswitch.datapath.flows()) {
    flow.readKey(key);
    yield isShown(key, flow.mask, vswitch.ports.homeOfKey(key)?.bridge) ? formatFlow(flow, key) : undefined;
  }
}

/** Shows one flow after another, with the names that ports have now; `key` as of {@link formatOdpFlow}. */
export function flowFormatter(
  vswitch: VirtualSwitch,
  clock: Clock,
  format: DumpFormat,
): (flow: Megaflow, key?: Uint32Array) => string {
  const options = odpFormat(vswitch, clock, format);
  return (flow, key) => formatOdpFlow(flow, options, key);
}

/** How flows are shown, with the names that ports have now. */
export function odpFormat(
  vswitch: VirtualSwitch,
  clock: Clock,
  { isVerbose, showsNames, isOfBridge = false }: DumpFormat,
): OdpFlowFormat {
  const known = new Map<number, PortInfo>();
  const portOf = (portNo: number): PortInfo | undefined => {
    const port = known.get(portNo) ?? vswitch.datapath.port(portNo);
    if (port !== undefined) known.set(portNo, port);
    return port;
  };
  return {
    get nowMs(): number {
      return clock.monotonicMs();
    },
    portName: (portNo: number): string => (showsNames ? portOf(portNo)?.name : undefined) ?? String(portNo),
    puntText: (id: number): string => formatPunt(id, vswitch.slowPath.puntOf(id), false),
    isVerbose,
    isOfBridge,
    isOfKernel: (key: Uint32Array): boolean => vswitch.ports.homeOfKey(key)?.bridge.datapathType === "system",
    isGeneve: (portNo: number): boolean => portOf(portNo)?.tunnel?.type === "geneve",
  };
}
