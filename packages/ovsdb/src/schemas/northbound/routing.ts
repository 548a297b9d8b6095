/** OVN_Northbound: logical routers, routes, address translation, gateways. */
import { boolean, integer, map, nonEmptySet, oneOf, optional, ref, set, string, table, type TableJson } from "../builder.ts";

/** Tables of layer 3. */
export const routingTables: { readonly [table: string]: TableJson } = {
  Logical_Router: table(
    {
      name: string(),
      ports: set(ref("Logical_Router_Port")),
      static_routes: set(ref("Logical_Router_Static_Route")),
      policies: set(ref("Logical_Router_Policy")),
      enabled: optional(boolean()),
      nat: set(ref("NAT")),
      load_balancer: set(ref("Load_Balancer", "weak")),
      load_balancer_group: set(ref("Load_Balancer_Group")),
      copp: optional(ref("Copp", "weak")),
      options: map(),
      external_ids: map(),
    },
    { isRoot: true },
  ),

  Logical_Router_Port: table(
    {
      name: string(),
      gateway_chassis: set(ref("Gateway_Chassis")),
      ha_chassis_group: optional(ref("HA_Chassis_Group")),
      options: map(),
      networks: nonEmptySet(string()),
      mac: string(),
      peer: optional(string()),
      enabled: optional(boolean()),
      ipv6_ra_configs: map(),
      ipv6_prefix: set(string()),
      external_ids: map(),
    },
    { indexes: [["name"]] },
  ),

  Logical_Router_Static_Route: table({
    route_table: string(),
    ip_prefix: string(),
    policy: optional(oneOf(["src-ip", "dst-ip"])),
    nexthop: string(),
    output_port: optional(string()),
    bfd: optional(ref("BFD", "weak")),
    options: map(),
    external_ids: map(),
  }),

  Logical_Router_Policy: table({
    priority: integer(0, 32767),
    match: string(),
    action: oneOf(["allow", "drop", "reroute"]),
    nexthop: optional(string()),
    nexthops: set(string()),
    options: map(),
    external_ids: map(),
  }),

  NAT: table({
    external_ip: string(),
    external_mac: optional(string()),
    external_port_range: string(),
    logical_ip: string(),
    logical_port: optional(string()),
    type: oneOf(["dnat", "snat", "dnat_and_snat"]),
    allowed_ext_ips: optional(ref("Address_Set")),
    exempted_ext_ips: optional(ref("Address_Set")),
    gateway_port: optional(ref("Logical_Router_Port", "weak")),
    options: map(),
    external_ids: map(),
  }),

  Static_MAC_Binding: table(
    {
      logical_port: string(),
      ip: string(),
      mac: string(),
      override_dynamic_mac: boolean(),
    },
    { isRoot: true, indexes: [["logical_port", "ip"]] },
  ),

  BFD: table(
    {
      logical_port: string(),
      dst_ip: string(),
      min_tx: optional(integer(1)),
      min_rx: optional(integer()),
      detect_mult: optional(integer(1)),
      status: optional(oneOf(["down", "init", "up", "admin_down"])),
      external_ids: map(),
      options: map(),
    },
    { isRoot: true, indexes: [["logical_port", "dst_ip"]] },
  ),

  Gateway_Chassis: table(
    {
      name: string(),
      chassis_name: string(),
      priority: integer(0, 32767),
      external_ids: map(),
      options: map(),
    },
    { indexes: [["name"]] },
  ),

  HA_Chassis: table({
    chassis_name: string(),
    priority: integer(0, 32767),
    external_ids: map(),
  }),

  HA_Chassis_Group: table(
    {
      name: string(),
      ha_chassis: set(ref("HA_Chassis")),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["name"]] },
  ),
};
