/** Which ports can carry packets, for what chooses among them: groups and bundles. */
import { PORT_DOWN } from "../../bridge/bridge-port.ts";
import type { Liveness } from "../../group/choose-buckets.ts";
import type { Walk } from "../walk.ts";

/** What of the bridge in hand is alive. */
export function livenessOf({ bridge, observer }: Walk): Liveness {
  return {
    isPortLive: (ofport) => {
      const port = bridge.port(ofport);
      return port !== undefined && port.isUp && (port.config & PORT_DOWN) === 0 && port.link.kind !== "none";
    },
    group: (id) => bridge.pipeline.groups.get(id),
    note: (text) => observer?.note(text),
  };
}
