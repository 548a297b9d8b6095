/** The flows that a bridge begins with. */
import { type FlowSpec, PORT } from "@tenet/openflow";
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

/** Deletes all flows, in turns; a bridge that is on its own gets one that forwards as a learning switch. */
export function startingOver({ pipeline }: Bridge, start: Start): Work {
  const nothing = { ...NORMAL_FLOW, ...everyRule() };
  return pipeline.applying([
    { command: "delete", flow: nothing },
    ...(start === "standalone" ? [{ command: "add" as const, flow: NORMAL_FLOW }] : []),
  ]);
}
