/** OVN_Northbound: logical switches, their ports and the policy on them. */
import { boolean, integer, map, nonEmptySet, oneOf, optional, ref, set, string, table, type TableJson } from "../builder.ts";

/** Tables of layer 2 and of access control. */
export const switchingTables: { readonly [table: string]: TableJson } = {
  Logical_Switch: table(
    {
      name: string(),
      ports: set(ref("Logical_Switch_Port")),
      acls: set(ref("ACL")),
      qos_rules: set(ref("QoS")),
      load_balancer: set(ref("Load_Balancer", "weak")),
      load_balancer_group: set(ref("Load_Balancer_Group")),
      dns_records: set(ref("DNS", "weak")),
      copp: optional(ref("Copp", "weak")),
      other_config: map(),
      external_ids: map(),
      forwarding_groups: set(ref("Forwarding_Group")),
    },
    { isRoot: true },
  ),

  Logical_Switch_Port: table(
    {
      name: string(),
      type: string(),
      options: map(),
      parent_name: optional(string()),
      tag_request: optional(integer(0, 4095)),
      tag: optional(integer(1, 4095)),
      addresses: set(string()),
      dynamic_addresses: optional(string()),
      port_security: set(string()),
      up: optional(boolean()),
      enabled: optional(boolean()),
      dhcpv4_options: optional(ref("DHCP_Options", "weak")),
      dhcpv6_options: optional(ref("DHCP_Options", "weak")),
      mirror_rules: set(ref("Mirror", "weak")),
      ha_chassis_group: optional(ref("HA_Chassis_Group")),
      external_ids: map(),
    },
    { indexes: [["name"]] },
  ),

  Port_Group: table(
    {
      name: string(),
      ports: set(ref("Logical_Switch_Port", "weak")),
      acls: set(ref("ACL")),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Address_Set: table(
    {
      name: string(),
      addresses: set(string()),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  ACL: table({
    name: optional(string(63)),
    priority: integer(0, 32767),
    direction: oneOf(["from-lport", "to-lport"]),
    match: string(),
    action: oneOf(["allow", "allow-related", "allow-stateless", "drop", "reject"]),
    log: boolean(),
    severity: optional(oneOf(["alert", "warning", "notice", "info", "debug"])),
    meter: optional(string()),
    label: integer(0, 2 ** 32 - 1),
    options: map(),
    external_ids: map(),
  }),

  QoS: table({
    priority: integer(0, 32767),
    direction: oneOf(["from-lport", "to-lport"]),
    match: string(),
    action: map(oneOf(["dscp"]), integer(0, 63)),
    bandwidth: map(oneOf(["rate", "burst"]), integer(1, 2 ** 32 - 1)),
    external_ids: map(),
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

  Forwarding_Group: table({
    name: string(),
    vip: string(),
    vmac: string(),
    liveness: boolean(),
    external_ids: map(),
    child_port: nonEmptySet(string()),
  }),

  DHCP_Options: table(
    {
      cidr: string(),
      options: map(),
      external_ids: map(),
    },
    { isRoot: true },
  ),

  DNS: table(
    {
      records: map(),
      external_ids: map(),
    },
    { isRoot: true },
  ),
};
