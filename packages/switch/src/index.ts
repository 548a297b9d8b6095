export type { MaskReason } from "./trace/mask-reasons.ts";
export type { ConnectionDescription, DirectionDescription } from "./control/dpctl/connection-description.ts";
export type { DatapathKind } from "./open-datapath.ts";
export { type FlowLine, type LineChange, readFlowLine } from "./control/dpctl/flow-file.ts";
export type { Placement } from "./control/placement-commands.ts";
export { runSwitch, type SwitchConfig } from "./run-switch.ts";
export { hasLeftFlows, removeLeftFlows } from "./take-over.ts";
export { Bridge, type PortEvent, PortNumberError } from "./bridge/bridge.ts";
export type { BridgePort, Bundle, PortLink } from "./bridge/bridge-port.ts";
export { makeBundle } from "./bridge/bundle.ts";
export { Bond, type BondSettings } from "./bridge/bond.ts";
export { type MacEntry, MacTable } from "./bridge/mac-table.ts";
export { Mirror, type MirrorSpec } from "./bridge/mirror.ts";
export { type PortVlan, TRUNK_ALL } from "./bridge/port-vlan.ts";
export { BridgeServices } from "./service/bridge-services.ts";
export { switchCommands } from "./control/commands.ts";
export { openControl } from "./control/open-control.ts";
export { Group, type RunningBucket } from "./group/group.ts";
export type { FlowChange, TableChange, TableCheck } from "./table/flow-mod.ts";
export { RefusedError } from "./table/refused-error.ts";
export type { TableSettings } from "./table/table-settings.ts";
export { TlvTable } from "./table/tlv-table.ts";
export { Pipeline, type TableStats } from "./table/pipeline.ts";
export type { RuleEvent, TableEvents } from "./table/table-events.ts";
export type { RuleFilter } from "./table/rule-filter.ts";
export type { FlowTable, TableVisit } from "./table/flow-table.ts";
export { Rule } from "./table/rule.ts";
export { type TranslateOptions, translate } from "./translate/translate.ts";
export type {
  Effect,
  Punt,
  Surroundings,
  Translation,
  TranslationFailure,
  TranslationObserver,
} from "./translate/translation.ts";
export type { NewPort } from "./bridge/port-directory.ts";
export type { PacketForController } from "./slow-path.ts";
export { SwitchNameError, VirtualSwitch } from "./virtual-switch.ts";
export type { TraceStep, TraceStory } from "./trace/trace-story.ts";
