export { type Action, type Match, PACKET_IN_REASON, PORT, type SubField } from "./action.ts";
export {
  ALL_TABLES,
  DEFAULT_PRIORITY,
  FLOW_FLAG,
  type FlowCounters,
  type FlowSpec,
  type FlowStats,
} from "./flow-spec.ts";
export { fromFieldWords, toFieldWords } from "./match/field-words.ts";
export { isSameMatch, makeMatch, setMatchField } from "./match/match.ts";
export {
  asMatchField,
  findHeaderName,
  findMatchField,
  MATCH_FIELDS,
  type MatchField,
} from "./match/match-field.ts";
export * from "./message.ts";
export { type FormatActionsOptions, formatActions } from "./text/format-actions.ts";
export { formatFlow, formatFlowStats } from "./text/format-flow.ts";
export { formatMatch } from "./text/format-match.ts";
export { type ParseActionsOptions, parseActions } from "./text/parse-actions.ts";
export { type ParseFlowOptions, parseFlow, parseFlows } from "./text/parse-flow.ts";
export { type ParseOptions, parseMatch } from "./text/parse-match.ts";
export { formatPort, type PortNames } from "./text/port-name.ts";
