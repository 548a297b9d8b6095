/** The action language: text in, logical actions, OpenFlow actions out. */
export { type ActionContext, CONTROLLER_OPCODE, encodeActions, subFieldOf, tableOf } from "./encode.ts";
export { TABLE } from "./layout.ts";
export type {
  BitLookup,
  LogicalAction,
  LogSeverity,
  LogVerdict,
  ParsedActions,
  Pipeline,
  UnsupportedAction,
} from "./logical-action.ts";
export { parseActions } from "./parse.ts";
