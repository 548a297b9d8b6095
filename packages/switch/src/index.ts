export { runSwitch, type SwitchConfig } from "./run-switch.ts";
export { Bridge, type PortEvent, PortNumberError } from "./bridge/bridge.ts";
export { type BridgePort, type PortLink, type PortVlan, TRUNK_ALL } from "./bridge/bridge-port.ts";
export { type MacEntry, MacTable } from "./bridge/mac-table.ts";
export { BridgeServices } from "./service/bridge-services.ts";
export { switchCommands } from "./control/commands.ts";
export { openControl } from "./control/open-control.ts";
export { type FlowChange, RefusedError, type RefusalName } from "./table/flow-mod.ts";
export { Pipeline, type RuleEvent, type RuleFilter, type TableStats } from "./table/pipeline.ts";
export { Rule } from "./table/rule.ts";
export { type TranslateOptions, translate } from "./translate/translate.ts";
export type {
  Effect,
  Punt,
  Surroundings,
  TableVisit,
  Translation,
  TranslationFailure,
  TranslationObserver,
} from "./translate/translation.ts";
export { type NewPort, type PacketForController, SwitchNameError, VirtualSwitch } from "./virtual-switch.ts";
export type { TraceStep, TraceStory } from "./trace/trace-story.ts";
