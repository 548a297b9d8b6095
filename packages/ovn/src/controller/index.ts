/** Southbound rows and local interfaces to OpenFlow flows. */
export {
  Controller,
  type ControllerDelta,
  type ControllerIdentity,
  type PendingWrites,
  type Problem,
} from "./controller.ts";
export { differenceOf, type FlowChannel, FlowInstaller, type InstallerOptions, type OpenChannel } from "./flow-installer.ts";
export { type FlowChanges, flowKey, FlowTable } from "./flow-table.ts";
export { controllerFunctions } from "./functions.ts";
export { PortSecurityError, type PortSecurityFlow, portSecurityDefaults, portSecurityFlows } from "./port-security.ts";
export { type ControllerConfig, runController } from "./run-controller.ts";
export { type PacketRequest, requestOf, type Sighting } from "./packet-request.ts";
export { PacketLog } from "./packet-log.ts";
