/** OVN_Southbound: the machines and how to tunnel to them. */
import { integer, map, nonEmptySet, oneOf, optional, ref, set, string, table, type TableJson } from "../builder.ts";

/** Tables that controllers write about themselves. */
export const chassisTables: { readonly [table: string]: TableJson } = {
  Chassis: table(
    {
      name: string(),
      hostname: string(),
      encaps: nonEmptySet(ref("Encap")),
      vtep_logical_switches: set(string()),
      nb_cfg: integer(),
      external_ids: map(),
      other_config: map(),
      transport_zones: set(string()),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Chassis_Private: table(
    {
      name: string(),
      chassis: optional(ref("Chassis", "weak")),
      nb_cfg: integer(),
      nb_cfg_timestamp: integer(),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Encap: table(
    {
      type: oneOf(["geneve", "stt", "vxlan"]),
      options: map(),
      ip: string(),
      chassis_name: string(),
    },
    { indexes: [["type", "ip"]] },
  ),

  Gateway_Chassis: table(
    {
      name: string(),
      chassis: optional(ref("Chassis", "weak")),
      priority: integer(0, 32767),
      external_ids: map(),
      options: map(),
    },
    { indexes: [["name"]] },
  ),

  HA_Chassis: table({
    chassis: optional(ref("Chassis", "weak")),
    priority: integer(0, 32767),
    external_ids: map(),
  }),

  HA_Chassis_Group: table(
    {
      name: string(),
      ha_chassis: set(ref("HA_Chassis")),
      ref_chassis: set(ref("Chassis", "weak")),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),
};
