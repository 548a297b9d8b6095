/** OVN_Southbound: logical datapaths, their ports, groups and flows. */
import { boolean, integer, map, oneOf, optional, ref, set, string, table, uuid, type TableJson } from "../builder.ts";

/** Tables that northd derives. */
export const logicalTables: { readonly [table: string]: TableJson } = {
  Datapath_Binding: table(
    {
      tunnel_key: integer(1, 2 ** 24 - 1),
      load_balancers: set(uuid()),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["tunnel_key"]] },
  ),

  Port_Binding: table(
    {
      logical_port: string(),
      type: string(),
      gateway_chassis: set(ref("Gateway_Chassis")),
      ha_chassis_group: optional(ref("HA_Chassis_Group")),
      options: map(),
      datapath: ref("Datapath_Binding"),
      tunnel_key: integer(1, 32767),
      parent_port: optional(string()),
      tag: optional(integer(1, 4095)),
      virtual_parent: optional(string()),
      chassis: optional(ref("Chassis", "weak")),
      additional_chassis: set(ref("Chassis", "weak")),
      encap: optional(ref("Encap", "weak")),
      additional_encap: set(ref("Encap", "weak")),
      mirror_rules: set(ref("Mirror", "weak")),
      mac: set(string()),
      port_security: set(string()),
      nat_addresses: set(string()),
      up: optional(boolean()),
      external_ids: map(),
      requested_chassis: optional(ref("Chassis", "weak")),
      requested_additional_chassis: set(ref("Chassis", "weak")),
    },
    { isRoot: true, indexes: [["datapath", "tunnel_key"], ["logical_port"]] },
  ),

  Multicast_Group: table(
    {
      datapath: ref("Datapath_Binding"),
      name: string(),
      tunnel_key: integer(32768, 65535),
      ports: set(ref("Port_Binding", "weak")),
    },
    {
      isRoot: true,
      indexes: [
        ["datapath", "tunnel_key"],
        ["datapath", "name"],
      ],
    },
  ),

  Logical_Flow: table(
    {
      logical_datapath: optional(ref("Datapath_Binding")),
      logical_dp_group: optional(ref("Logical_DP_Group")),
      pipeline: oneOf(["ingress", "egress"]),
      table_id: integer(0, 32),
      priority: integer(0, 65535),
      match: string(),
      actions: string(),
      tags: map(),
      controller_meter: optional(string()),
      external_ids: map(),
    },
    { isRoot: true },
  ),

  Logical_DP_Group: table({
    datapaths: set(ref("Datapath_Binding", "weak")),
  }),

  Address_Set: table(
    {
      name: string(),
      addresses: set(string()),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Port_Group: table(
    {
      name: string(),
      ports: set(string()),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Load_Balancer: table(
    {
      name: string(),
      vips: map(),
      protocol: optional(oneOf(["tcp", "udp", "sctp"])),
      datapaths: set(ref("Datapath_Binding")),
      datapath_group: optional(ref("Logical_DP_Group")),
      options: map(),
      external_ids: map(),
    },
    { isRoot: true },
  ),
};
