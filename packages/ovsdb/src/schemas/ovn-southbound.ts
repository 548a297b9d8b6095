/** The southbound database: logical flows and where logical ports are bound (OVN 23.03). */
import type { TypedBy } from "../client/table-forms.ts";
import type { SchemaJson } from "./builder.ts";
import { chassisTables } from "./southbound/chassis.ts";
import { globalTables } from "./southbound/global.ts";
import { learnedTables } from "./southbound/learned.ts";
import { logicalTables } from "./southbound/logical.ts";
import type { OVNSouthboundTables } from "./types/ovn-southbound.ts";

/** Schema of OVN_Southbound 20.27.0. */
export const OVN_SOUTHBOUND: SchemaJson & TypedBy<OVNSouthboundTables> = {
  name: "OVN_Southbound",
  version: "20.27.0",
  cksum: "4078371916 30328",
  tables: { ...globalTables, ...chassisTables, ...logicalTables, ...learnedTables },
};
