/** Rows of Open_vSwitch 8.3.1, written by scripts/schema-types.mjs. */
import type { MapInput, SetInput, UuidInput } from "../../client/table-forms.ts";

/** A row of Open_vSwitch. */
export interface OpenVSwitchRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Datapath. */
  readonly datapaths: ReadonlyMap<string, string>;
  /** Uuids of Bridge. */
  readonly bridges: readonly string[];
  /** Uuids of Manager. */
  readonly manager_options: readonly string[];
  /** Uuids of SSL, one or none. */
  readonly ssl: readonly string[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly next_cfg: number | bigint;
  readonly cur_cfg: number | bigint;
  readonly statistics: ReadonlyMap<string, string>;
  /** One or none. */
  readonly ovs_version: readonly string[];
  /** One or none. */
  readonly db_version: readonly string[];
  /** One or none. */
  readonly system_type: readonly string[];
  /** One or none. */
  readonly system_version: readonly string[];
  readonly datapath_types: readonly string[];
  readonly iface_types: readonly string[];
  readonly dpdk_initialized: boolean;
  /** One or none. */
  readonly dpdk_version: readonly string[];
}

/** What may be written to a row of Open_vSwitch. */
export interface OpenVSwitchInput {
  readonly datapaths?: MapInput<string, UuidInput> | undefined;
  readonly bridges?: SetInput<UuidInput> | undefined;
  readonly manager_options?: SetInput<UuidInput> | undefined;
  readonly ssl?: SetInput<UuidInput> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly next_cfg?: number | bigint | undefined;
  readonly cur_cfg?: number | bigint | undefined;
  readonly statistics?: MapInput<string, string> | undefined;
  readonly ovs_version?: SetInput<string> | undefined;
  readonly db_version?: SetInput<string> | undefined;
  readonly system_type?: SetInput<string> | undefined;
  readonly system_version?: SetInput<string> | undefined;
  readonly datapath_types?: SetInput<string> | undefined;
  readonly iface_types?: SetInput<string> | undefined;
  readonly dpdk_initialized?: boolean | undefined;
  readonly dpdk_version?: SetInput<string> | undefined;
}

/** A row of Bridge. */
export interface BridgeRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly datapath_type: string;
  readonly datapath_version: string;
  /** One or none. */
  readonly datapath_id: readonly string[];
  readonly stp_enable: boolean;
  readonly rstp_enable: boolean;
  readonly mcast_snooping_enable: boolean;
  /** Uuids of Port. */
  readonly ports: readonly string[];
  /** Uuids of Mirror. */
  readonly mirrors: readonly string[];
  /** Uuids of NetFlow, one or none. */
  readonly netflow: readonly string[];
  /** Uuids of sFlow, one or none. */
  readonly sflow: readonly string[];
  /** Uuids of IPFIX, one or none. */
  readonly ipfix: readonly string[];
  /** Uuids of Controller. */
  readonly controller: readonly string[];
  readonly protocols: readonly ("OpenFlow10" | "OpenFlow11" | "OpenFlow12" | "OpenFlow13" | "OpenFlow14" | "OpenFlow15")[];
  /** One or none. */
  readonly fail_mode: readonly ("secure" | "standalone")[];
  readonly status: ReadonlyMap<string, string>;
  readonly rstp_status: ReadonlyMap<string, string>;
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly flood_vlans: readonly number[];
  /** Uuids of Flow_Table. */
  readonly flow_tables: ReadonlyMap<number, string>;
  /** Uuids of AutoAttach, one or none. */
  readonly auto_attach: readonly string[];
}

/** What may be written to a row of Bridge. */
export interface BridgeInput {
  readonly name?: string | undefined;
  readonly datapath_type?: string | undefined;
  readonly datapath_version?: string | undefined;
  readonly datapath_id?: SetInput<string> | undefined;
  readonly stp_enable?: boolean | undefined;
  readonly rstp_enable?: boolean | undefined;
  readonly mcast_snooping_enable?: boolean | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
  readonly mirrors?: SetInput<UuidInput> | undefined;
  readonly netflow?: SetInput<UuidInput> | undefined;
  readonly sflow?: SetInput<UuidInput> | undefined;
  readonly ipfix?: SetInput<UuidInput> | undefined;
  readonly controller?: SetInput<UuidInput> | undefined;
  readonly protocols?:
    | SetInput<"OpenFlow10" | "OpenFlow11" | "OpenFlow12" | "OpenFlow13" | "OpenFlow14" | "OpenFlow15">
    | undefined;
  readonly fail_mode?: SetInput<"secure" | "standalone"> | undefined;
  readonly status?: MapInput<string, string> | undefined;
  readonly rstp_status?: MapInput<string, string> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly flood_vlans?: SetInput<number> | undefined;
  readonly flow_tables?: MapInput<number, UuidInput> | undefined;
  readonly auto_attach?: SetInput<UuidInput> | undefined;
}

/** A row of Port. */
export interface PortRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Interface. */
  readonly interfaces: readonly string[];
  readonly trunks: readonly number[];
  readonly cvlans: readonly number[];
  /** One or none. */
  readonly tag: readonly number[];
  /** One or none. */
  readonly vlan_mode: readonly ("access" | "dot1q-tunnel" | "native-tagged" | "native-untagged" | "trunk")[];
  /** Uuids of QoS, one or none. */
  readonly qos: readonly string[];
  /** One or none. */
  readonly mac: readonly string[];
  /** One or none. */
  readonly bond_mode: readonly ("active-backup" | "balance-slb" | "balance-tcp")[];
  /** One or none. */
  readonly lacp: readonly ("active" | "off" | "passive")[];
  readonly bond_updelay: number | bigint;
  readonly bond_downdelay: number | bigint;
  /** One or none. */
  readonly bond_active_slave: readonly string[];
  readonly bond_fake_iface: boolean;
  readonly fake_bridge: boolean;
  readonly status: ReadonlyMap<string, string>;
  readonly rstp_status: ReadonlyMap<string, string>;
  readonly rstp_statistics: ReadonlyMap<string, number | bigint>;
  readonly statistics: ReadonlyMap<string, number | bigint>;
  readonly protected: boolean;
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Port. */
export interface PortInput {
  readonly name?: string | undefined;
  readonly interfaces?: SetInput<UuidInput> | undefined;
  readonly trunks?: SetInput<number> | undefined;
  readonly cvlans?: SetInput<number> | undefined;
  readonly tag?: SetInput<number> | undefined;
  readonly vlan_mode?: SetInput<"access" | "dot1q-tunnel" | "native-tagged" | "native-untagged" | "trunk"> | undefined;
  readonly qos?: SetInput<UuidInput> | undefined;
  readonly mac?: SetInput<string> | undefined;
  readonly bond_mode?: SetInput<"active-backup" | "balance-slb" | "balance-tcp"> | undefined;
  readonly lacp?: SetInput<"active" | "off" | "passive"> | undefined;
  readonly bond_updelay?: number | bigint | undefined;
  readonly bond_downdelay?: number | bigint | undefined;
  readonly bond_active_slave?: SetInput<string> | undefined;
  readonly bond_fake_iface?: boolean | undefined;
  readonly fake_bridge?: boolean | undefined;
  readonly status?: MapInput<string, string> | undefined;
  readonly rstp_status?: MapInput<string, string> | undefined;
  readonly rstp_statistics?: MapInput<string, number | bigint> | undefined;
  readonly statistics?: MapInput<string, number | bigint> | undefined;
  readonly protected?: boolean | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Interface. */
export interface InterfaceRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
  readonly ingress_policing_rate: number | bigint;
  readonly ingress_policing_burst: number | bigint;
  readonly ingress_policing_kpkts_rate: number | bigint;
  readonly ingress_policing_kpkts_burst: number | bigint;
  /** One or none. */
  readonly mac_in_use: readonly string[];
  /** One or none. */
  readonly mac: readonly string[];
  /** One or none. */
  readonly ifindex: readonly number[];
  readonly external_ids: ReadonlyMap<string, string>;
  /** One or none. */
  readonly ofport: readonly (number | bigint)[];
  /** One or none. */
  readonly ofport_request: readonly number[];
  readonly bfd: ReadonlyMap<string, string>;
  readonly bfd_status: ReadonlyMap<string, string>;
  /** One or none. */
  readonly cfm_mpid: readonly (number | bigint)[];
  readonly cfm_remote_mpids: readonly (number | bigint)[];
  /** One or none. */
  readonly cfm_flap_count: readonly (number | bigint)[];
  /** One or none. */
  readonly cfm_fault: readonly boolean[];
  readonly cfm_fault_status: readonly string[];
  /** One or none. */
  readonly cfm_remote_opstate: readonly ("down" | "up")[];
  /** One or none. */
  readonly cfm_health: readonly number[];
  /** One or none. */
  readonly lacp_current: readonly boolean[];
  readonly lldp: ReadonlyMap<string, string>;
  readonly other_config: ReadonlyMap<string, string>;
  readonly statistics: ReadonlyMap<string, number | bigint>;
  readonly status: ReadonlyMap<string, string>;
  /** One or none. */
  readonly admin_state: readonly ("down" | "up")[];
  /** One or none. */
  readonly link_state: readonly ("down" | "up")[];
  /** One or none. */
  readonly link_resets: readonly (number | bigint)[];
  /** One or none. */
  readonly link_speed: readonly (number | bigint)[];
  /** One or none. */
  readonly duplex: readonly ("full" | "half")[];
  /** One or none. */
  readonly mtu: readonly (number | bigint)[];
  /** One or none. */
  readonly mtu_request: readonly (number | bigint)[];
  /** One or none. */
  readonly error: readonly string[];
}

/** What may be written to a row of Interface. */
export interface InterfaceInput {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly ingress_policing_rate?: number | bigint | undefined;
  readonly ingress_policing_burst?: number | bigint | undefined;
  readonly ingress_policing_kpkts_rate?: number | bigint | undefined;
  readonly ingress_policing_kpkts_burst?: number | bigint | undefined;
  readonly mac_in_use?: SetInput<string> | undefined;
  readonly mac?: SetInput<string> | undefined;
  readonly ifindex?: SetInput<number> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly ofport?: SetInput<number | bigint> | undefined;
  readonly ofport_request?: SetInput<number> | undefined;
  readonly bfd?: MapInput<string, string> | undefined;
  readonly bfd_status?: MapInput<string, string> | undefined;
  readonly cfm_mpid?: SetInput<number | bigint> | undefined;
  readonly cfm_remote_mpids?: SetInput<number | bigint> | undefined;
  readonly cfm_flap_count?: SetInput<number | bigint> | undefined;
  readonly cfm_fault?: SetInput<boolean> | undefined;
  readonly cfm_fault_status?: SetInput<string> | undefined;
  readonly cfm_remote_opstate?: SetInput<"down" | "up"> | undefined;
  readonly cfm_health?: SetInput<number> | undefined;
  readonly lacp_current?: SetInput<boolean> | undefined;
  readonly lldp?: MapInput<string, string> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly statistics?: MapInput<string, number | bigint> | undefined;
  readonly status?: MapInput<string, string> | undefined;
  readonly admin_state?: SetInput<"down" | "up"> | undefined;
  readonly link_state?: SetInput<"down" | "up"> | undefined;
  readonly link_resets?: SetInput<number | bigint> | undefined;
  readonly link_speed?: SetInput<number | bigint> | undefined;
  readonly duplex?: SetInput<"full" | "half"> | undefined;
  readonly mtu?: SetInput<number | bigint> | undefined;
  readonly mtu_request?: SetInput<number | bigint> | undefined;
  readonly error?: SetInput<string> | undefined;
}

/** A row of Flow_Table. */
export interface FlowTableRow {
  readonly _uuid: string;
  readonly _version: string;
  /** One or none. */
  readonly name: readonly string[];
  /** One or none. */
  readonly flow_limit: readonly (number | bigint)[];
  /** One or none. */
  readonly overflow_policy: readonly ("evict" | "refuse")[];
  readonly groups: readonly string[];
  readonly prefixes: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Flow_Table. */
export interface FlowTableInput {
  readonly name?: SetInput<string> | undefined;
  readonly flow_limit?: SetInput<number | bigint> | undefined;
  readonly overflow_policy?: SetInput<"evict" | "refuse"> | undefined;
  readonly groups?: SetInput<string> | undefined;
  readonly prefixes?: SetInput<string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of QoS. */
export interface QoSRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly type: string;
  /** Uuids of Queue. */
  readonly queues: ReadonlyMap<number, string>;
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of QoS. */
export interface QoSInput {
  readonly type?: string | undefined;
  readonly queues?: MapInput<number, UuidInput> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Queue. */
export interface QueueRow {
  readonly _uuid: string;
  readonly _version: string;
  /** One or none. */
  readonly dscp: readonly number[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Queue. */
export interface QueueInput {
  readonly dscp?: SetInput<number> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of AutoAttach. */
export interface AutoAttachRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly system_name: string;
  readonly system_description: string;
  readonly mappings: ReadonlyMap<number, number>;
}

/** What may be written to a row of AutoAttach. */
export interface AutoAttachInput {
  readonly system_name?: string | undefined;
  readonly system_description?: string | undefined;
  readonly mappings?: MapInput<number, number> | undefined;
}

/** A row of Controller. */
export interface ControllerRow {
  readonly _uuid: string;
  readonly _version: string;
  /** One or none. */
  readonly type: readonly ("primary" | "service")[];
  readonly target: string;
  /** One or none. */
  readonly max_backoff: readonly (number | bigint)[];
  /** One or none. */
  readonly inactivity_probe: readonly (number | bigint)[];
  /** One or none. */
  readonly connection_mode: readonly ("in-band" | "out-of-band")[];
  /** One or none. */
  readonly local_ip: readonly string[];
  /** One or none. */
  readonly local_netmask: readonly string[];
  /** One or none. */
  readonly local_gateway: readonly string[];
  /** One or none. */
  readonly enable_async_messages: readonly boolean[];
  /** One or none. */
  readonly controller_queue_size: readonly number[];
  /** One or none. */
  readonly controller_rate_limit: readonly (number | bigint)[];
  /** One or none. */
  readonly controller_burst_limit: readonly (number | bigint)[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly is_connected: boolean;
  /** One or none. */
  readonly role: readonly ("master" | "other" | "slave")[];
  readonly status: ReadonlyMap<string, string>;
}

/** What may be written to a row of Controller. */
export interface ControllerInput {
  readonly type?: SetInput<"primary" | "service"> | undefined;
  readonly target?: string | undefined;
  readonly max_backoff?: SetInput<number | bigint> | undefined;
  readonly inactivity_probe?: SetInput<number | bigint> | undefined;
  readonly connection_mode?: SetInput<"in-band" | "out-of-band"> | undefined;
  readonly local_ip?: SetInput<string> | undefined;
  readonly local_netmask?: SetInput<string> | undefined;
  readonly local_gateway?: SetInput<string> | undefined;
  readonly enable_async_messages?: SetInput<boolean> | undefined;
  readonly controller_queue_size?: SetInput<number> | undefined;
  readonly controller_rate_limit?: SetInput<number | bigint> | undefined;
  readonly controller_burst_limit?: SetInput<number | bigint> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly is_connected?: boolean | undefined;
  readonly role?: SetInput<"master" | "other" | "slave"> | undefined;
  readonly status?: MapInput<string, string> | undefined;
}

/** A row of Manager. */
export interface ManagerRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly target: string;
  /** One or none. */
  readonly max_backoff: readonly (number | bigint)[];
  /** One or none. */
  readonly inactivity_probe: readonly (number | bigint)[];
  /** One or none. */
  readonly connection_mode: readonly ("in-band" | "out-of-band")[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly is_connected: boolean;
  readonly status: ReadonlyMap<string, string>;
}

/** What may be written to a row of Manager. */
export interface ManagerInput {
  readonly target?: string | undefined;
  readonly max_backoff?: SetInput<number | bigint> | undefined;
  readonly inactivity_probe?: SetInput<number | bigint> | undefined;
  readonly connection_mode?: SetInput<"in-band" | "out-of-band"> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly is_connected?: boolean | undefined;
  readonly status?: MapInput<string, string> | undefined;
}

/** A row of SSL. */
export interface SSLRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly private_key: string;
  readonly certificate: string;
  readonly ca_cert: string;
  readonly bootstrap_ca_cert: boolean;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of SSL. */
export interface SSLInput {
  readonly private_key?: string | undefined;
  readonly certificate?: string | undefined;
  readonly ca_cert?: string | undefined;
  readonly bootstrap_ca_cert?: boolean | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Mirror. */
export interface MirrorRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly select_all: boolean;
  /** Uuids of Port. */
  readonly select_src_port: readonly string[];
  /** Uuids of Port. */
  readonly select_dst_port: readonly string[];
  readonly select_vlan: readonly number[];
  /** Uuids of Port, one or none. */
  readonly output_port: readonly string[];
  /** One or none. */
  readonly output_vlan: readonly number[];
  /** One or none. */
  readonly snaplen: readonly number[];
  readonly statistics: ReadonlyMap<string, number | bigint>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Mirror. */
export interface MirrorInput {
  readonly name?: string | undefined;
  readonly select_all?: boolean | undefined;
  readonly select_src_port?: SetInput<UuidInput> | undefined;
  readonly select_dst_port?: SetInput<UuidInput> | undefined;
  readonly select_vlan?: SetInput<number> | undefined;
  readonly output_port?: SetInput<UuidInput> | undefined;
  readonly output_vlan?: SetInput<number> | undefined;
  readonly snaplen?: SetInput<number> | undefined;
  readonly statistics?: MapInput<string, number | bigint> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of NetFlow. */
export interface NetFlowRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly targets: readonly string[];
  /** One or none. */
  readonly engine_type: readonly number[];
  /** One or none. */
  readonly engine_id: readonly number[];
  readonly add_id_to_interface: boolean;
  readonly active_timeout: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of NetFlow. */
export interface NetFlowInput {
  readonly targets?: SetInput<string> | undefined;
  readonly engine_type?: SetInput<number> | undefined;
  readonly engine_id?: SetInput<number> | undefined;
  readonly add_id_to_interface?: boolean | undefined;
  readonly active_timeout?: number | bigint | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of sFlow. */
export interface SFlowRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly targets: readonly string[];
  /** One or none. */
  readonly sampling: readonly (number | bigint)[];
  /** One or none. */
  readonly polling: readonly (number | bigint)[];
  /** One or none. */
  readonly header: readonly (number | bigint)[];
  /** One or none. */
  readonly agent: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of sFlow. */
export interface SFlowInput {
  readonly targets?: SetInput<string> | undefined;
  readonly sampling?: SetInput<number | bigint> | undefined;
  readonly polling?: SetInput<number | bigint> | undefined;
  readonly header?: SetInput<number | bigint> | undefined;
  readonly agent?: SetInput<string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of IPFIX. */
export interface IPFIXRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly targets: readonly string[];
  /** One or none. */
  readonly sampling: readonly number[];
  /** One or none. */
  readonly obs_domain_id: readonly number[];
  /** One or none. */
  readonly obs_point_id: readonly number[];
  /** One or none. */
  readonly cache_active_timeout: readonly number[];
  /** One or none. */
  readonly cache_max_flows: readonly number[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of IPFIX. */
export interface IPFIXInput {
  readonly targets?: SetInput<string> | undefined;
  readonly sampling?: SetInput<number> | undefined;
  readonly obs_domain_id?: SetInput<number> | undefined;
  readonly obs_point_id?: SetInput<number> | undefined;
  readonly cache_active_timeout?: SetInput<number> | undefined;
  readonly cache_max_flows?: SetInput<number> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Flow_Sample_Collector_Set. */
export interface FlowSampleCollectorSetRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly id: number;
  /** Uuids of Bridge. */
  readonly bridge: string;
  /** Uuids of IPFIX, one or none. */
  readonly ipfix: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Flow_Sample_Collector_Set. */
export interface FlowSampleCollectorSetInput {
  readonly id?: number | undefined;
  readonly bridge?: UuidInput | undefined;
  readonly ipfix?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Datapath. */
export interface DatapathRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly datapath_version: string;
  /** Uuids of CT_Zone. */
  readonly ct_zones: ReadonlyMap<number, string>;
  readonly capabilities: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Datapath. */
export interface DatapathInput {
  readonly datapath_version?: string | undefined;
  readonly ct_zones?: MapInput<number, UuidInput> | undefined;
  readonly capabilities?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of CT_Zone. */
export interface CTZoneRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of CT_Timeout_Policy, one or none. */
  readonly timeout_policy: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of CT_Zone. */
export interface CTZoneInput {
  readonly timeout_policy?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of CT_Timeout_Policy. */
export interface CTTimeoutPolicyRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly timeouts: ReadonlyMap<
    | "icmp_first"
    | "icmp_reply"
    | "tcp_close"
    | "tcp_close_wait"
    | "tcp_established"
    | "tcp_fin_wait"
    | "tcp_last_ack"
    | "tcp_retransmit"
    | "tcp_syn_recv"
    | "tcp_syn_sent"
    | "tcp_syn_sent2"
    | "tcp_time_wait"
    | "tcp_unack"
    | "udp_first"
    | "udp_multiple"
    | "udp_single",
    number
  >;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of CT_Timeout_Policy. */
export interface CTTimeoutPolicyInput {
  readonly timeouts?:
    | MapInput<
        | "icmp_first"
        | "icmp_reply"
        | "tcp_close"
        | "tcp_close_wait"
        | "tcp_established"
        | "tcp_fin_wait"
        | "tcp_last_ack"
        | "tcp_retransmit"
        | "tcp_syn_recv"
        | "tcp_syn_sent"
        | "tcp_syn_sent2"
        | "tcp_time_wait"
        | "tcp_unack"
        | "udp_first"
        | "udp_multiple"
        | "udp_single",
        number
      >
    | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** The tables of Open_vSwitch. */
export type OpenVSwitchTables = {
  readonly Open_vSwitch: { readonly row: OpenVSwitchRow; readonly input: OpenVSwitchInput; readonly immutable: never };
  readonly Bridge: { readonly row: BridgeRow; readonly input: BridgeInput; readonly immutable: "name" };
  readonly Port: { readonly row: PortRow; readonly input: PortInput; readonly immutable: "name" };
  readonly Interface: { readonly row: InterfaceRow; readonly input: InterfaceInput; readonly immutable: "name" };
  readonly Flow_Table: { readonly row: FlowTableRow; readonly input: FlowTableInput; readonly immutable: never };
  readonly QoS: { readonly row: QoSRow; readonly input: QoSInput; readonly immutable: never };
  readonly Queue: { readonly row: QueueRow; readonly input: QueueInput; readonly immutable: never };
  readonly AutoAttach: { readonly row: AutoAttachRow; readonly input: AutoAttachInput; readonly immutable: never };
  readonly Controller: { readonly row: ControllerRow; readonly input: ControllerInput; readonly immutable: never };
  readonly Manager: { readonly row: ManagerRow; readonly input: ManagerInput; readonly immutable: never };
  readonly SSL: { readonly row: SSLRow; readonly input: SSLInput; readonly immutable: never };
  readonly Mirror: { readonly row: MirrorRow; readonly input: MirrorInput; readonly immutable: never };
  readonly NetFlow: { readonly row: NetFlowRow; readonly input: NetFlowInput; readonly immutable: never };
  readonly sFlow: { readonly row: SFlowRow; readonly input: SFlowInput; readonly immutable: never };
  readonly IPFIX: { readonly row: IPFIXRow; readonly input: IPFIXInput; readonly immutable: never };
  readonly Flow_Sample_Collector_Set: {
    readonly row: FlowSampleCollectorSetRow;
    readonly input: FlowSampleCollectorSetInput;
    readonly immutable: never;
  };
  readonly Datapath: { readonly row: DatapathRow; readonly input: DatapathInput; readonly immutable: never };
  readonly CT_Zone: { readonly row: CTZoneRow; readonly input: CTZoneInput; readonly immutable: never };
  readonly CT_Timeout_Policy: {
    readonly row: CTTimeoutPolicyRow;
    readonly input: CTTimeoutPolicyInput;
    readonly immutable: never;
  };
};
