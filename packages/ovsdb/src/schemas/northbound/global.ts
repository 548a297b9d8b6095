/** OVN_Northbound: the one global row, connections, shared limits. */
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
  NB_Global: table(
    {
      name: string(),
      nb_cfg: integer(),
      nb_cfg_timestamp: integer(),
      sb_cfg: integer(),
      sb_cfg_timestamp: integer(),
      hv_cfg: integer(),
      hv_cfg_timestamp: integer(),
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

  Copp: table(
    {
      name: string(),
      meters: map(),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Meter: table(
    {
      name: string(),
      unit: oneOf(["kbps", "pktps"]),
      bands: nonEmptySet(ref("Meter_Band")),
      fair: optional(boolean()),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Meter_Band: table({
    action: oneOf(["drop"]),
    rate: integer(1, 2 ** 32 - 1),
    burst_size: integer(0, 2 ** 32 - 1),
    external_ids: map(),
  }),

  Chassis_Template_Var: table(
    {
      chassis: string(),
      variables: map(),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["chassis"]] },
  ),
};
