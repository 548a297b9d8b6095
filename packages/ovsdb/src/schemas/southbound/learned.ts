/** OVN_Southbound: what controllers learn or watch while packets flow. */
import { boolean, integer, map, oneOf, optional, ref, set, string, table, type TableJson } from "../builder.ts";

/** Tables of bindings, groups and monitors. */
export const learnedTables: { readonly [table: string]: TableJson } = {
  MAC_Binding: table(
    {
      logical_port: string(),
      ip: string(),
      mac: string(),
      timestamp: integer(),
      datapath: ref("Datapath_Binding"),
    },
    { isRoot: true, indexes: [["logical_port", "ip"]] },
  ),

  Static_MAC_Binding: table(
    {
      logical_port: string(),
      ip: string(),
      mac: string(),
      override_dynamic_mac: boolean(),
      datapath: ref("Datapath_Binding"),
    },
    { isRoot: true, indexes: [["logical_port", "ip"]] },
  ),

  FDB: table(
    {
      mac: string(),
      dp_key: integer(1, 2 ** 24 - 1),
      port_key: integer(1, 2 ** 24 - 1),
    },
    { isRoot: true, indexes: [["mac", "dp_key"]] },
  ),

  IP_Multicast: table(
    {
      datapath: ref("Datapath_Binding", "weak"),
      enabled: optional(boolean()),
      querier: optional(boolean()),
      eth_src: string(),
      ip4_src: string(),
      ip6_src: string(),
      table_size: optional(integer()),
      idle_timeout: optional(integer()),
      query_interval: optional(integer()),
      query_max_resp: optional(integer()),
      seq_no: integer(),
    },
    { isRoot: true, indexes: [["datapath"]] },
  ),

  IGMP_Group: table(
    {
      address: string(),
      datapath: optional(ref("Datapath_Binding", "weak")),
      chassis: optional(ref("Chassis", "weak")),
      ports: set(ref("Port_Binding", "weak")),
    },
    { isRoot: true, indexes: [["address", "datapath", "chassis"]] },
  ),

  Service_Monitor: table(
    {
      ip: string(),
      protocol: optional(oneOf(["tcp", "udp"])),
      port: integer(0, 65535),
      logical_port: string(),
      src_mac: string(),
      src_ip: string(),
      status: optional(oneOf(["online", "offline", "error"])),
      options: map(),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["logical_port", "ip", "port", "protocol"]] },
  ),

  BFD: table(
    {
      src_port: integer(49152, 65535),
      disc: integer(),
      logical_port: string(),
      dst_ip: string(),
      min_tx: integer(),
      min_rx: integer(),
      detect_mult: integer(),
      status: oneOf(["down", "init", "up", "admin_down"]),
      external_ids: map(),
      options: map(),
    },
    { isRoot: true, indexes: [["logical_port", "dst_ip", "src_port", "disc"]] },
  ),
};
