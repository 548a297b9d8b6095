/** Open_vSwitch: controllers, managers, mirrors, exporters, datapaths. */
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

/** Tables of who controls and who watches. */
export const managementTables: { readonly [table: string]: TableJson } = {
  Controller: table({
    type: optional(oneOf(["primary", "service"])),
    target: string(),
    max_backoff: optional(integer(1000)),
    inactivity_probe: optional(integer()),
    connection_mode: optional(oneOf(["in-band", "out-of-band"])),
    local_ip: optional(string()),
    local_netmask: optional(string()),
    local_gateway: optional(string()),
    enable_async_messages: optional(boolean()),
    controller_queue_size: optional(integer(1, 512)),
    controller_rate_limit: optional(integer(100)),
    controller_burst_limit: optional(integer(25)),
    other_config: map(),
    external_ids: map(),
    is_connected: ephemeral(boolean()),
    role: ephemeral(optional(oneOf(["other", "master", "slave"]))),
    status: ephemeral(map()),
  }),

  Manager: table(
    {
      target: string(),
      max_backoff: optional(integer(1000)),
      inactivity_probe: optional(integer()),
      connection_mode: optional(oneOf(["in-band", "out-of-band"])),
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
      external_ids: map(),
    },
    { maxRows: 1 },
  ),

  Mirror: table({
    name: string(),
    select_all: boolean(),
    select_src_port: set(ref("Port", "weak")),
    select_dst_port: set(ref("Port", "weak")),
    select_vlan: set(integer(0, 4095), 4096),
    output_port: optional(ref("Port", "weak")),
    output_vlan: optional(integer(1, 4095)),
    snaplen: optional(integer(14, 65535)),
    statistics: ephemeral(map(string(), integer())),
    external_ids: map(),
  }),

  NetFlow: table({
    targets: nonEmptySet(string()),
    engine_type: optional(integer(0, 255)),
    engine_id: optional(integer(0, 255)),
    add_id_to_interface: boolean(),
    active_timeout: integer(-1),
    external_ids: map(),
  }),

  sFlow: table({
    targets: nonEmptySet(string()),
    sampling: optional(integer()),
    polling: optional(integer()),
    header: optional(integer()),
    agent: optional(string()),
    external_ids: map(),
  }),

  IPFIX: table({
    targets: set(string()),
    sampling: optional(integer(1, 2 ** 32 - 1)),
    obs_domain_id: optional(integer(0, 2 ** 32 - 1)),
    obs_point_id: optional(integer(0, 2 ** 32 - 1)),
    cache_active_timeout: optional(integer(0, 4200)),
    cache_max_flows: optional(integer(0, 2 ** 32 - 1)),
    other_config: map(),
    external_ids: map(),
  }),

  Flow_Sample_Collector_Set: table(
    {
      id: integer(0, 2 ** 32 - 1),
      bridge: ref("Bridge"),
      ipfix: optional(ref("IPFIX")),
      external_ids: map(),
    },
    { isRoot: true, indexes: [["id", "bridge"]] },
  ),

  Datapath: table({
    datapath_version: string(),
    ct_zones: map(integer(0, 65535), ref("CT_Zone")),
    capabilities: map(),
    external_ids: map(),
  }),

  CT_Zone: table({
    timeout_policy: optional(ref("CT_Timeout_Policy")),
    external_ids: map(),
  }),

  CT_Timeout_Policy: table({
    timeouts: map(
      oneOf([
        "tcp_syn_sent",
        "tcp_syn_recv",
        "tcp_established",
        "tcp_fin_wait",
        "tcp_close_wait",
        "tcp_last_ack",
        "tcp_time_wait",
        "tcp_close",
        "tcp_syn_sent2",
        "tcp_retransmit",
        "tcp_unack",
        "udp_first",
        "udp_single",
        "udp_multiple",
        "icmp_first",
        "icmp_reply",
      ]),
      integer(0, 2 ** 32 - 1),
    ),
    external_ids: map(),
  }),
};
