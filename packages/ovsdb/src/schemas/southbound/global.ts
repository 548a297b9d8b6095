/** OVN_Southbound: the one global row, connections, roles, shared catalogues. */
import {
  boolean,
  ephemeral,
  integer,
  map,
  nonEmptySet,
  oneOf,
  optional,
  ref,
  set,
  string,
  table,
  type TableJson,
} from "../builder.ts";

/** Tables about the deployment as a whole. */
export const globalTables: { readonly [table: string]: TableJson } = {
  SB_Global: table(
    {
      nb_cfg: integer(),
      external_ids: map(),
      connections: set(ref("Connection")),
      ssl: optional(ref("SSL")),
      options: map(),
      ipsec: boolean(),
    },
    { isRoot: true, maxRows: 1 },
  ),

  Connection: table(
    {
      target: string(),
      max_backoff: optional(integer(1000)),
      inactivity_probe: optional(integer()),
      read_only: boolean(),
      role: string(),
      other_config: map(),
      external_ids: map(),
      is_connected: ephemeral(boolean()),
      status: ephemeral(map()),
    },
    { indexes: [["target"]] },
  ),

  SSL: table(
    {
      private_key: string(),
      certificate: string(),
      ca_cert: string(),
      bootstrap_ca_cert: boolean(),
      ssl_protocols: string(),
      ssl_ciphers: string(),
      external_ids: map(),
    },
    { maxRows: 1 },
  ),

  RBAC_Role: table(
    {
      name: string(),
      permissions: map(string(), ref("RBAC_Permission", "weak")),
    },
    { isRoot: true },
  ),

  RBAC_Permission: table(
    {
      table: string(),
      authorization: set(string()),
      insert_delete: boolean(),
      update: set(string()),
    },
    { isRoot: true },
  ),

  DHCP_Options: table(
    {
      name: string(),
      code: integer(0, 254),
      type: oneOf(["bool", "uint8", "uint16", "uint32", "ipv4", "static_routes", "str", "host_id", "domains"]),
    },
    { isRoot: true },
  ),

  DHCPv6_Options: table(
    {
      name: string(),
      code: integer(0, 254),
      type: oneOf(["ipv6", "str", "mac"]),
    },
    { isRoot: true },
  ),

  DNS: table(
    {
      records: map(),
      datapaths: nonEmptySet(ref("Datapath_Binding")),
      external_ids: map(),
    },
    { isRoot: true },
  ),

  Meter: table(
    {
      name: string(),
      unit: oneOf(["kbps", "pktps"]),
      bands: nonEmptySet(ref("Meter_Band")),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Meter_Band: table({
    action: oneOf(["drop"]),
    rate: integer(1, 2 ** 32 - 1),
    burst_size: integer(0, 2 ** 32 - 1),
  }),

  Mirror: table(
    {
      name: string(),
      filter: oneOf(["from-lport", "to-lport"]),
      sink: string(),
      type: oneOf(["gre", "erspan"]),
      index: integer(),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Chassis_Template_Var: table(
    {
      chassis: string(),
      variables: map(),
    },
    { isRoot: true, indexes: [["chassis"]] },
  ),

  Controller_Event: table(
    {
      event_type: oneOf(["empty_lb_backends"]),
      event_info: map(),
      chassis: optional(ref("Chassis", "weak")),
      seq_num: integer(),
    },
    { isRoot: true },
  ),
};
