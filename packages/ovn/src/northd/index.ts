export { type LogicalAddress, parseLogicalAddress } from "./logical-address.ts";
export type { UnsupportedRow } from "./northd-session.ts";
export { FEEDBACK_TABLES, Northd, type NorthdInput, type NorthdOutput } from "./northd.ts";
export { type NorthdConfig, runNorthd } from "./run-northd.ts";
export { TunnelKeys } from "./tunnel-keys.ts";
