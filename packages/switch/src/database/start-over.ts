/** What the tables of a bridge begin with. */
import { type FlowSpec, GROUP, METER, PORT } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { ControllerSpec } from "../controller/controller-spec.ts";
import { everyRule } from "../table/every-rule.ts";
import type { Work } from "../turns.ts";

/** What decides them: who gives the bridge its flows. */
export type Start = "standalone" | "secure" | "controlled";

/** What makes an empty bridge a learning switch. */
const NORMAL_FLOW: FlowSpec = {
  ...everyRule(),
  table: 0,
  priority: 0,
  actions: [{ type: "output", port: PORT.NORMAL }],
  idleTimeout: 0,
  hardTimeout: 0,
  flags: 0,
  importance: 0,
};

/** Of a bridge with these controllers. */
export function startOf(isStandalone: boolean, controllers: readonly ControllerSpec[]): Start {
  if (controllers.some(({ isService }) => !isService)) return "controlled";
  return isStandalone ? "standalone" : "secure";
}

/** Deletes all flows, groups and meters, in turns; a bridge that is on its own gets a flow that forwards as a learning switch. */
export function* startingOver({ pipeline }: Bridge, start: Start): Work {
  yield* pipeline.applying([
    { command: "delete", flow: { ...NORMAL_FLOW, ...everyRule() } },
    { type: "groupMod", command: "delete", group: { id: GROUP.ALL, groupType: "all", buckets: [] } },
    ...(start === "standalone" ? [{ command: "add" as const, flow: NORMAL_FLOW }] : []),
  ]);
  yield* pipeline.applyingMeter({ type: "meterMod", command: "delete", meter: { id: METER.ALL, flags: 0, bands: [] } });
}
