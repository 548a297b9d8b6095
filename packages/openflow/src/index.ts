export { type Action, type Match, PACKET_IN_REASON, PORT, type SubField } from "./action.ts";
export {
  ALL_TABLES,
  DEFAULT_PRIORITY,
  FLOW_FLAG,
  type FlowCounters,
  type FlowSpec,
  type FlowStats,
} from "./flow-spec.ts";
export {
  asMatchField,
  findHeaderName,
  findMatchField,
  MATCH_FIELDS,
  type MatchField,
} from "./match/match-field.ts";
export * from "./message.ts";
