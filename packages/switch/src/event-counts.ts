/**
 * How often what has happened in the switch, for `coverage/show`: events go by the original's names where they mean the same.
 *
 * Each is a property that whoever sees the event adds to: one addition, also where packets pass.
 */
import type { DatapathTraffic } from "@tenet/datapath";

/** Counts since the switch began. */
export interface EventCounts {
  /** What the database says was carried out. */
  bridge_reconfigure: number;
  /** Translations that came to nothing, since tables sent the packet on too deeply, with too many values pushed, or too often. */
  drop_action_recursion_too_deep: number;
  drop_action_stack_too_deep: number;
  drop_action_too_many_resubmit: number;
  /** Packets that this process sent by the actions of a translation. */
  dpif_execute: number;
  dpif_flow_del: number;
  dpif_flow_flush: number;
  dpif_flow_put: number;
  dpif_port_add: number;
  dpif_port_del: number;
  /** Packets of controllers that were read. */
  flow_extract: number;
  mac_learning_evicted: number;
  mac_learning_expired: number;
  mac_learning_learned: number;
  mac_learning_moved: number;
  mac_learning_static_none_move: number;
  /** Interfaces whose statistics were written to the database. */
  netdev_get_stats: number;
  ofproto_packet_out: number;
  ofproto_recv_openflow: number;
  /** Ports that came, went or changed. */
  ofproto_update_port: number;
  /** Packets for controllers that waited because of `controller_rate_limit`, and for which there was no room. */
  packet_in_overflow: number;
  /** Why flows were revalidated. */
  rev_bond: number;
  rev_flow_table: number;
  rev_mac_learning: number;
  rev_port_toggled: number;
  rev_reconfigure: number;
  /** Transactions that wrote status. */
  txn_error: number;
  txn_success: number;
  /** Nothing of the status was to be written. */
  txn_unchanged: number;
  /** A flow was not installed since there were too many. */
  upcall_flow_limit_hit: number;
  /** All flows were deleted since there were far too many. */
  upcall_flow_limit_kill: number;
  /** OpenFlow messages. */
  vconn_received: number;
  vconn_sent: number;
  xlate_actions: number;
}

/** All zero. */
export function makeEventCounts(): EventCounts {
  return {
    bridge_reconfigure: 0,
    drop_action_recursion_too_deep: 0,
    drop_action_stack_too_deep: 0,
    drop_action_too_many_resubmit: 0,
    dpif_execute: 0,
    dpif_flow_del: 0,
    dpif_flow_flush: 0,
    dpif_flow_put: 0,
    dpif_port_add: 0,
    dpif_port_del: 0,
    flow_extract: 0,
    mac_learning_evicted: 0,
    mac_learning_expired: 0,
    mac_learning_learned: 0,
    mac_learning_moved: 0,
    mac_learning_static_none_move: 0,
    netdev_get_stats: 0,
    ofproto_packet_out: 0,
    ofproto_recv_openflow: 0,
    ofproto_update_port: 0,
    packet_in_overflow: 0,
    rev_bond: 0,
    rev_flow_table: 0,
    rev_mac_learning: 0,
    rev_port_toggled: 0,
    rev_reconfigure: 0,
    txn_error: 0,
    txn_success: 0,
    txn_unchanged: 0,
    upcall_flow_limit_hit: 0,
    upcall_flow_limit_kill: 0,
    vconn_received: 0,
    vconn_sent: 0,
    xlate_actions: 0,
  };
}

/** All counts by name, with those of the datapath. */
export function allCounts(
  counts: Readonly<EventCounts>,
  { nReceived, nSent, nLost, nWithoutPort }: DatapathTraffic,
): Readonly<Record<string, number>> {
  return {
    ...counts,
    netdev_received: nReceived,
    netdev_sent: nSent,
    datapath_drop_upcall_error: nLost,
    datapath_drop_invalid_port: nWithoutPort,
  };
}
