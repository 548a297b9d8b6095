/** The action language: text in, logical actions, OpenFlow actions out. */
export { type ActionContext, encodeActions, PUT_FDB_OPCODE, subFieldOf, tableOf } from "./encode.ts";
export { TABLE } from "./layout.ts";
export type { BitLookup, LogicalAction, ParsedActions, Pipeline, UnsupportedAction } from "./logical-action.ts";
export { parseActions } from "./parse.ts";
