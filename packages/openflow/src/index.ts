export {
  type Action,
  BUNDLE_ALGORITHMS,
  type BundleAction,
  type BundleAlgorithm,
  type CtAction,
  HASH_FIELDS,
  type HashFields,
  LINK_ALGORITHMS,
  type LearnAction,
  type LearnSpec,
  type LinkAlgorithm,
  type Match,
  type MultipathAction,
  type NatAction,
  type NatRange,
  PACKET_IN_REASON,
  PORT,
  type SampleAction,
  type SubField,
} from "./action.ts";
export {
  type ActionBytes,
  ALL_TABLES,
  DEFAULT_PRIORITY,
  FLOW_FLAG,
  type FlowCounters,
  type FlowSpec,
  type FlowStats,
} from "./flow-spec.ts";
export type { ActionsLeft, Continuation } from "./continuation.ts";
export * from "./group.ts";
export { fromFieldWords, toFieldWords } from "./match/field-words.ts";
export { isSameMatch, makeMatch, setMatchField } from "./match/match.ts";
export {
  asMatchField,
  findHeaderName,
  findMatchField,
  MATCH_FIELDS,
  type MatchField,
  placedOption,
} from "./match/match-field.ts";
export * from "./ct-flush.ts";
export * from "./flow-monitor.ts";
export { meetsPrerequisite } from "./match/prerequisite.ts";
export * from "./message.ts";
export * from "./meter.ts";
export * from "./table-mod.ts";
export * from "./tlv-table.ts";
export { formatMessage } from "./print/format-message.ts";
export { messageName } from "./print/message-name.ts";
export { formatActions } from "./text/format-actions.ts";
export { formatFlow, formatFlowStats } from "./text/format-flow.ts";
export { type FormatGroupOptions, formatGroup, formatGroupStats } from "./text/format-group.ts";
export { formatMatch, formatOption } from "./text/format-match.ts";
export { formatMeter, formatMeterStats, type ParseMeterOptions, parseMeter } from "./text/meter-text.ts";
export { type ParseActionsOptions, parseActions } from "./text/parse-actions.ts";
export { type ParseFlowOptions, parseFlow, parseFlows } from "./text/parse-flow.ts";
export { type ParseGroupOptions, parseGroup, parseGroups } from "./text/parse-group.ts";
export { type ParseOptions, parseMatch } from "./text/parse-match.ts";
export { formatPort, type PortNames } from "./text/port-name.ts";
export { formatPartValue } from "./text/field-value.ts";
export { presentFields } from "./text/present-fields.ts";
export { formatSubField } from "./text/sub-field.ts";
export { decodeMessage, encodeMessage, encodeMessages, type Header, readHeader } from "./wire/codec.ts";
export { HEADER_SIZE } from "./wire/message-frame.ts";
export { narrowPort, widenPort } from "./wire/port-number.ts";
export { ReplyPacker } from "./wire/reply-packer.ts";
export type { CodecOptions } from "./wire/codec-options.ts";
export { decodeActionBytes } from "./wire/decode-actions.ts";
export { type ErrorName, errorNameOf, formatErrorNumbers, makeErrorMessage, OpenFlowError } from "./wire/openflow-error.ts";
export { Frame, Framer, type FramerOptions } from "./connection/framer.ts";
export { versionBitmap } from "./connection/negotiate.ts";
export {
  type ClientOptions,
  connectOpenFlow,
  FlowTransactionError,
  OpenFlowClient,
  type RefusedFlow,
} from "./connection/open-flow-client.ts";
export { type ConnectionOptions, OpenFlowConnection, type Received } from "./connection/open-flow-connection.ts";
export { OpenFlowReplyError } from "./connection/pending-requests.ts";
