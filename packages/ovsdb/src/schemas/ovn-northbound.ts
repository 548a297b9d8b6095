/** The northbound database: what people want of their virtual networks (OVN 23.03). */
import type { TypedBy } from "../client/table-forms.ts";
import type { SchemaJson } from "./builder.ts";
import { balancingTables } from "./northbound/balancing.ts";
import { globalTables } from "./northbound/global.ts";
import { routingTables } from "./northbound/routing.ts";
import { switchingTables } from "./northbound/switching.ts";
import type { OVNNorthboundTables } from "./types/ovn-northbound.ts";

/** Schema of OVN_Northbound 7.0.0. */
export const OVN_NORTHBOUND: SchemaJson & TypedBy<OVNNorthboundTables> = {
  name: "OVN_Northbound",
  version: "7.0.0",
  cksum: "94023179 33468",
  tables: { ...globalTables, ...switchingTables, ...routingTables, ...balancingTables },
};
