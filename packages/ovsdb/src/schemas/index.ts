/** The three databases that Tenet serves, as plain RFC 7047 schema objects. */
export type { BaseTypeJson, ColumnJson, SchemaJson, TableJson, TypeJson } from "./builder.ts";
export { OPEN_VSWITCH } from "./open-vswitch.ts";
export { OVN_NORTHBOUND } from "./ovn-northbound.ts";
export { OVN_SOUTHBOUND } from "./ovn-southbound.ts";
