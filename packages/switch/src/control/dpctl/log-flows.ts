/**
 * Tells the log of flows that are put into the datapath: who looks for why a packet went where it did has the modules `dpif` (flows of
 * `datapath_type=system`) and `dpif_netdev` (of others) log debug messages, as with the original.
 *
 * A flow's text is made when it is read, and so not at all where nobody asked for such messages.
 */
import type { Megaflow } from "@tenet/datapath";
import type { Clock, Logger } from "@tenet/kit";
import { formatOdpActions, formatOdpMatch, ufidOf } from "../../trace/format-odp-flow.ts";
import type { VirtualSwitch } from "../../virtual-switch.ts";
import { datapathName } from "./datapath-argument.ts";
import { odpFormat } from "./dump-flows.ts";

/** Logs each flow when it is put into the datapath. */
export function logFlows(vswitch: VirtualSwitch, clock: Clock, log: Logger): void {
  const put = new FlowText(vswitch, clock, true);
  const added = new FlowText(vswitch, clock, false);
  vswitch.cache.onInstall = (flow, key) => {
    const isSystem = vswitch.ports.homeOfKey(key)?.bridge.datapathType === "system";
    if (isSystem) log.debug(put.of(flow, key), "flow put");
    else log.debug(added.of(flow, key), "flow added");
  };
}

/** What is told of a flow: one object for all of them, one after the other. */
class FlowText {
  #flow: Megaflow | undefined;
  /** Of its first packet, whose values are shown where not all bits count. */
  #key: Uint32Array = new Uint32Array(0);
  readonly #fields: object;

  constructor(vswitch: VirtualSwitch, clock: Clock, isSystem: boolean) {
    const tell = (text: (flow: Megaflow, key: Uint32Array) => string): string =>
      this.#flow === undefined ? "" : text(this.#flow, this.#key);
    const format = { isVerbose: isSystem, showsNames: false };
    this.#fields = {
      datapath: datapathName("system"),
      get ufid(): string {
        return tell(ufidOf);
      },
      get match(): string {
        return tell((flow, key) => formatOdpMatch(flow, odpFormat(vswitch, clock, format), key));
      },
      get actions(): string {
        return tell((flow, key) => formatOdpActions(flow, odpFormat(vswitch, clock, format), key));
      },
    };
  }

  of(flow: Megaflow, key: Uint32Array): object {
    this.#flow = flow;
    this.#key = key;
    return this.#fields;
  }
}
