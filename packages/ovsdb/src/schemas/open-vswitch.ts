/** The switch's own database: bridges, ports, interfaces (Open vSwitch 3.1). */
import type { TypedBy } from "../client/table-forms.ts";
import type { SchemaJson } from "./builder.ts";
import { managementTables } from "./open-vswitch/management.ts";
import { switchTables } from "./open-vswitch/switch.ts";
import type { OpenVSwitchTables } from "./types/open-vswitch.ts";

/** Schema of Open_vSwitch 8.3.1. */
export const OPEN_VSWITCH: SchemaJson & TypedBy<OpenVSwitchTables> = {
  name: "Open_vSwitch",
  version: "8.3.1",
  cksum: "3012963480 26720",
  tables: { ...switchTables, ...managementTables },
};
