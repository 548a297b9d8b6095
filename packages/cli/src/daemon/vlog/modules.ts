/**
 * The names that levels can be set for. All names of the original's daemons are known, so that their command lines are
 * understood; those of parts that are no modules here never log.
 */

const COMMON = `
backtrace bundle command_line conntrack conntrack_tp coverage ct_dpif daemon daemon_unix dns_resolve dpdk dpif
dpif_lookup_autovalidator dpif_lookup_generic dpif_mfex_extract_study dpif_netdev dpif_netdev_extract dpif_netdev_impl
dpif_netdev_lookup dpif_netlink dpif_netlink_rtnl entropy fatal_signal flow hmap ipf jsonrpc lockfile memory meta_flow
native_tnl netdev netdev_afxdp netdev_linux netdev_offload netdev_offload_tc netdev_vport netlink netlink_conntrack
netlink_notifier netlink_socket nx_match odp_execute odp_execute_impl odp_util ofp_actions ofp_bundle ofp_connection
ofp_errors ofp_flow ofp_group ofp_match ofp_meter ofp_monitor ofp_msgs ofp_packet ofp_port ofp_protocol ofp_queue
ofp_table ofp_util ovs_numa ovs_rcu ovs_replay ovs_router ovs_thread ovsdb_cs ovsdb_error ovsdb_idl ox_stat pmd_perf poll_loop
process reconnect route_table sha1 signals socket_util socket_util_unix stream stream_fd stream_replay stream_ssl stream_tcp
stream_unix svec tc timeval unixctl userspace_tso util uuid vlog
`;
const DATABASE_SERVER = `
ovsdb ovsdb_file ovsdb_jsonrpc_server ovsdb_log ovsdb_monitor ovsdb_rbac ovsdb_server ovsdb_util raft raft_rpc relay replication
storage transaction transaction_forward trigger
`;
const SWITCH = `
bfd bond bridge bundles cfm collectors connmgr fail_open in_band ipfix lacp lldp lldpd lldpd_structs netdev_dummy netflow ofproto
ofproto_dpif ofproto_dpif_mirror ofproto_dpif_monitor ofproto_dpif_rid ofproto_dpif_upcall ofproto_dpif_xlate
ofproto_xlate_cache ovs_lldp pcap rconn rstp rstp_sm sflow stp system_stats tunnel vconn vconn_stream vswitchd
`;

/** The names of `ovsdb-server`, sorted. */
export const DATABASE_SERVER_MODULES: readonly string[] = namesIn(COMMON, DATABASE_SERVER);
/** The names of `ovs-vswitchd`, sorted. */
export const SWITCH_MODULES: readonly string[] = namesIn(COMMON, SWITCH);

function namesIn(...texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.trim().split(/\s+/)).toSorted();
}
