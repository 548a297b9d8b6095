/** Rows of OVN_Southbound 20.27.0, written by scripts/schema-types.mjs. */
import type { MapInput, SetInput, UuidInput } from "../../client/table-forms.ts";

/** A row of SB_Global. */
export interface SBGlobalRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly nb_cfg: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
  /** Uuids of Connection. */
  readonly connections: readonly string[];
  /** Uuids of SSL, one or none. */
  readonly ssl: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly ipsec: boolean;
}

/** What may be written to a row of SB_Global. */
export interface SBGlobalInput {
  readonly nb_cfg?: number | bigint | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly connections?: SetInput<UuidInput> | undefined;
  readonly ssl?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly ipsec?: boolean | undefined;
}

/** A row of Connection. */
export interface ConnectionRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly target: string;
  /** One or none. */
  readonly max_backoff: readonly (number | bigint)[];
  /** One or none. */
  readonly inactivity_probe: readonly (number | bigint)[];
  readonly read_only: boolean;
  readonly role: string;
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly is_connected: boolean;
  readonly status: ReadonlyMap<string, string>;
}

/** What may be written to a row of Connection. */
export interface ConnectionInput {
  readonly target?: string | undefined;
  readonly max_backoff?: SetInput<number | bigint> | undefined;
  readonly inactivity_probe?: SetInput<number | bigint> | undefined;
  readonly read_only?: boolean | undefined;
  readonly role?: string | undefined;
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
  readonly ssl_protocols: string;
  readonly ssl_ciphers: string;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of SSL. */
export interface SSLInput {
  readonly private_key?: string | undefined;
  readonly certificate?: string | undefined;
  readonly ca_cert?: string | undefined;
  readonly bootstrap_ca_cert?: boolean | undefined;
  readonly ssl_protocols?: string | undefined;
  readonly ssl_ciphers?: string | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of RBAC_Role. */
export interface RBACRoleRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of RBAC_Permission. */
  readonly permissions: ReadonlyMap<string, string>;
}

/** What may be written to a row of RBAC_Role. */
export interface RBACRoleInput {
  readonly name?: string | undefined;
  readonly permissions?: MapInput<string, UuidInput> | undefined;
}

/** A row of RBAC_Permission. */
export interface RBACPermissionRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly table: string;
  readonly authorization: readonly string[];
  readonly insert_delete: boolean;
  readonly update: readonly string[];
}

/** What may be written to a row of RBAC_Permission. */
export interface RBACPermissionInput {
  readonly table?: string | undefined;
  readonly authorization?: SetInput<string> | undefined;
  readonly insert_delete?: boolean | undefined;
  readonly update?: SetInput<string> | undefined;
}

/** A row of DHCP_Options. */
export interface DHCPOptionsRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly code: number;
  readonly type: "bool" | "domains" | "host_id" | "ipv4" | "static_routes" | "str" | "uint16" | "uint32" | "uint8";
}

/** What may be written to a row of DHCP_Options. */
export interface DHCPOptionsInput {
  readonly name?: string | undefined;
  readonly code?: number | undefined;
  readonly type?: "bool" | "domains" | "host_id" | "ipv4" | "static_routes" | "str" | "uint16" | "uint32" | "uint8" | undefined;
}

/** A row of DHCPv6_Options. */
export interface DHCPv6OptionsRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly code: number;
  readonly type: "ipv6" | "mac" | "str";
}

/** What may be written to a row of DHCPv6_Options. */
export interface DHCPv6OptionsInput {
  readonly name?: string | undefined;
  readonly code?: number | undefined;
  readonly type?: "ipv6" | "mac" | "str" | undefined;
}

/** A row of DNS. */
export interface DNSRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly records: ReadonlyMap<string, string>;
  /** Uuids of Datapath_Binding. */
  readonly datapaths: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of DNS. */
export interface DNSInput {
  readonly records?: MapInput<string, string> | undefined;
  readonly datapaths?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Meter. */
export interface MeterRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly unit: "kbps" | "pktps";
  /** Uuids of Meter_Band. */
  readonly bands: readonly string[];
}

/** What may be written to a row of Meter. */
export interface MeterInput {
  readonly name?: string | undefined;
  readonly unit?: "kbps" | "pktps" | undefined;
  readonly bands?: SetInput<UuidInput> | undefined;
}

/** A row of Meter_Band. */
export interface MeterBandRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly action: "drop";
  readonly rate: number;
  readonly burst_size: number;
}

/** What may be written to a row of Meter_Band. */
export interface MeterBandInput {
  readonly action?: "drop" | undefined;
  readonly rate?: number | undefined;
  readonly burst_size?: number | undefined;
}

/** A row of Mirror. */
export interface MirrorRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly filter: "from-lport" | "to-lport";
  readonly sink: string;
  readonly type: "erspan" | "gre";
  readonly index: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Mirror. */
export interface MirrorInput {
  readonly name?: string | undefined;
  readonly filter?: "from-lport" | "to-lport" | undefined;
  readonly sink?: string | undefined;
  readonly type?: "erspan" | "gre" | undefined;
  readonly index?: number | bigint | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Chassis_Template_Var. */
export interface ChassisTemplateVarRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly chassis: string;
  readonly variables: ReadonlyMap<string, string>;
}

/** What may be written to a row of Chassis_Template_Var. */
export interface ChassisTemplateVarInput {
  readonly chassis?: string | undefined;
  readonly variables?: MapInput<string, string> | undefined;
}

/** A row of Controller_Event. */
export interface ControllerEventRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly event_type: "empty_lb_backends";
  readonly event_info: ReadonlyMap<string, string>;
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  readonly seq_num: number | bigint;
}

/** What may be written to a row of Controller_Event. */
export interface ControllerEventInput {
  readonly event_type?: "empty_lb_backends" | undefined;
  readonly event_info?: MapInput<string, string> | undefined;
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly seq_num?: number | bigint | undefined;
}

/** A row of Chassis. */
export interface ChassisRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly hostname: string;
  /** Uuids of Encap. */
  readonly encaps: readonly string[];
  readonly vtep_logical_switches: readonly string[];
  readonly nb_cfg: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly other_config: ReadonlyMap<string, string>;
  readonly transport_zones: readonly string[];
}

/** What may be written to a row of Chassis. */
export interface ChassisInput {
  readonly name?: string | undefined;
  readonly hostname?: string | undefined;
  readonly encaps?: SetInput<UuidInput> | undefined;
  readonly vtep_logical_switches?: SetInput<string> | undefined;
  readonly nb_cfg?: number | bigint | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly transport_zones?: SetInput<string> | undefined;
}

/** A row of Chassis_Private. */
export interface ChassisPrivateRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  readonly nb_cfg: number | bigint;
  readonly nb_cfg_timestamp: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Chassis_Private. */
export interface ChassisPrivateInput {
  readonly name?: string | undefined;
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly nb_cfg?: number | bigint | undefined;
  readonly nb_cfg_timestamp?: number | bigint | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Encap. */
export interface EncapRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly type: "geneve" | "stt" | "vxlan";
  readonly options: ReadonlyMap<string, string>;
  readonly ip: string;
  readonly chassis_name: string;
}

/** What may be written to a row of Encap. */
export interface EncapInput {
  readonly type?: "geneve" | "stt" | "vxlan" | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly ip?: string | undefined;
  readonly chassis_name?: string | undefined;
}

/** A row of Gateway_Chassis. */
export interface GatewayChassisRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  readonly priority: number;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
}

/** What may be written to a row of Gateway_Chassis. */
export interface GatewayChassisInput {
  readonly name?: string | undefined;
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly priority?: number | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly options?: MapInput<string, string> | undefined;
}

/** A row of HA_Chassis. */
export interface HAChassisRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  readonly priority: number;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of HA_Chassis. */
export interface HAChassisInput {
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly priority?: number | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of HA_Chassis_Group. */
export interface HAChassisGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of HA_Chassis. */
  readonly ha_chassis: readonly string[];
  /** Uuids of Chassis. */
  readonly ref_chassis: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of HA_Chassis_Group. */
export interface HAChassisGroupInput {
  readonly name?: string | undefined;
  readonly ha_chassis?: SetInput<UuidInput> | undefined;
  readonly ref_chassis?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Datapath_Binding. */
export interface DatapathBindingRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly tunnel_key: number;
  readonly load_balancers: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Datapath_Binding. */
export interface DatapathBindingInput {
  readonly tunnel_key?: number | undefined;
  readonly load_balancers?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Port_Binding. */
export interface PortBindingRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly logical_port: string;
  readonly type: string;
  /** Uuids of Gateway_Chassis. */
  readonly gateway_chassis: readonly string[];
  /** Uuids of HA_Chassis_Group, one or none. */
  readonly ha_chassis_group: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  /** Uuids of Datapath_Binding. */
  readonly datapath: string;
  readonly tunnel_key: number;
  /** One or none. */
  readonly parent_port: readonly string[];
  /** One or none. */
  readonly tag: readonly number[];
  /** One or none. */
  readonly virtual_parent: readonly string[];
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  /** Uuids of Chassis. */
  readonly additional_chassis: readonly string[];
  /** Uuids of Encap, one or none. */
  readonly encap: readonly string[];
  /** Uuids of Encap. */
  readonly additional_encap: readonly string[];
  /** Uuids of Mirror. */
  readonly mirror_rules: readonly string[];
  readonly mac: readonly string[];
  readonly port_security: readonly string[];
  readonly nat_addresses: readonly string[];
  /** One or none. */
  readonly up: readonly boolean[];
  readonly external_ids: ReadonlyMap<string, string>;
  /** Uuids of Chassis, one or none. */
  readonly requested_chassis: readonly string[];
  /** Uuids of Chassis. */
  readonly requested_additional_chassis: readonly string[];
}

/** What may be written to a row of Port_Binding. */
export interface PortBindingInput {
  readonly logical_port?: string | undefined;
  readonly type?: string | undefined;
  readonly gateway_chassis?: SetInput<UuidInput> | undefined;
  readonly ha_chassis_group?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly datapath?: UuidInput | undefined;
  readonly tunnel_key?: number | undefined;
  readonly parent_port?: SetInput<string> | undefined;
  readonly tag?: SetInput<number> | undefined;
  readonly virtual_parent?: SetInput<string> | undefined;
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly additional_chassis?: SetInput<UuidInput> | undefined;
  readonly encap?: SetInput<UuidInput> | undefined;
  readonly additional_encap?: SetInput<UuidInput> | undefined;
  readonly mirror_rules?: SetInput<UuidInput> | undefined;
  readonly mac?: SetInput<string> | undefined;
  readonly port_security?: SetInput<string> | undefined;
  readonly nat_addresses?: SetInput<string> | undefined;
  readonly up?: SetInput<boolean> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly requested_chassis?: SetInput<UuidInput> | undefined;
  readonly requested_additional_chassis?: SetInput<UuidInput> | undefined;
}

/** A row of Multicast_Group. */
export interface MulticastGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Datapath_Binding. */
  readonly datapath: string;
  readonly name: string;
  readonly tunnel_key: number;
  /** Uuids of Port_Binding. */
  readonly ports: readonly string[];
}

/** What may be written to a row of Multicast_Group. */
export interface MulticastGroupInput {
  readonly datapath?: UuidInput | undefined;
  readonly name?: string | undefined;
  readonly tunnel_key?: number | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
}

/** A row of Logical_Flow. */
export interface LogicalFlowRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Datapath_Binding, one or none. */
  readonly logical_datapath: readonly string[];
  /** Uuids of Logical_DP_Group, one or none. */
  readonly logical_dp_group: readonly string[];
  readonly pipeline: "egress" | "ingress";
  readonly table_id: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  readonly tags: ReadonlyMap<string, string>;
  /** One or none. */
  readonly controller_meter: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Flow. */
export interface LogicalFlowInput {
  readonly logical_datapath?: SetInput<UuidInput> | undefined;
  readonly logical_dp_group?: SetInput<UuidInput> | undefined;
  readonly pipeline?: "egress" | "ingress" | undefined;
  readonly table_id?: number | undefined;
  readonly priority?: number | undefined;
  readonly match?: string | undefined;
  readonly actions?: string | undefined;
  readonly tags?: MapInput<string, string> | undefined;
  readonly controller_meter?: SetInput<string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_DP_Group. */
export interface LogicalDPGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Datapath_Binding. */
  readonly datapaths: readonly string[];
}

/** What may be written to a row of Logical_DP_Group. */
export interface LogicalDPGroupInput {
  readonly datapaths?: SetInput<UuidInput> | undefined;
}

/** A row of Address_Set. */
export interface AddressSetRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What may be written to a row of Address_Set. */
export interface AddressSetInput {
  readonly name?: string | undefined;
  readonly addresses?: SetInput<string> | undefined;
}

/** A row of Port_Group. */
export interface PortGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly ports: readonly string[];
}

/** What may be written to a row of Port_Group. */
export interface PortGroupInput {
  readonly name?: string | undefined;
  readonly ports?: SetInput<string> | undefined;
}

/** A row of Load_Balancer. */
export interface LoadBalancerRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly vips: ReadonlyMap<string, string>;
  /** One or none. */
  readonly protocol: readonly ("sctp" | "tcp" | "udp")[];
  /** Uuids of Datapath_Binding. */
  readonly datapaths: readonly string[];
  /** Uuids of Logical_DP_Group, one or none. */
  readonly datapath_group: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Load_Balancer. */
export interface LoadBalancerInput {
  readonly name?: string | undefined;
  readonly vips?: MapInput<string, string> | undefined;
  readonly protocol?: SetInput<"sctp" | "tcp" | "udp"> | undefined;
  readonly datapaths?: SetInput<UuidInput> | undefined;
  readonly datapath_group?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of MAC_Binding. */
export interface MACBindingRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly logical_port: string;
  readonly ip: string;
  readonly mac: string;
  readonly timestamp: number | bigint;
  /** Uuids of Datapath_Binding. */
  readonly datapath: string;
}

/** What may be written to a row of MAC_Binding. */
export interface MACBindingInput {
  readonly logical_port?: string | undefined;
  readonly ip?: string | undefined;
  readonly mac?: string | undefined;
  readonly timestamp?: number | bigint | undefined;
  readonly datapath?: UuidInput | undefined;
}

/** A row of Static_MAC_Binding. */
export interface StaticMACBindingRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly logical_port: string;
  readonly ip: string;
  readonly mac: string;
  readonly override_dynamic_mac: boolean;
  /** Uuids of Datapath_Binding. */
  readonly datapath: string;
}

/** What may be written to a row of Static_MAC_Binding. */
export interface StaticMACBindingInput {
  readonly logical_port?: string | undefined;
  readonly ip?: string | undefined;
  readonly mac?: string | undefined;
  readonly override_dynamic_mac?: boolean | undefined;
  readonly datapath?: UuidInput | undefined;
}

/** A row of FDB. */
export interface FDBRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly mac: string;
  readonly dp_key: number;
  readonly port_key: number;
}

/** What may be written to a row of FDB. */
export interface FDBInput {
  readonly mac?: string | undefined;
  readonly dp_key?: number | undefined;
  readonly port_key?: number | undefined;
}

/** A row of IP_Multicast. */
export interface IPMulticastRow {
  readonly _uuid: string;
  readonly _version: string;
  /** Uuids of Datapath_Binding. */
  readonly datapath: string;
  /** One or none. */
  readonly enabled: readonly boolean[];
  /** One or none. */
  readonly querier: readonly boolean[];
  readonly eth_src: string;
  readonly ip4_src: string;
  readonly ip6_src: string;
  /** One or none. */
  readonly table_size: readonly (number | bigint)[];
  /** One or none. */
  readonly idle_timeout: readonly (number | bigint)[];
  /** One or none. */
  readonly query_interval: readonly (number | bigint)[];
  /** One or none. */
  readonly query_max_resp: readonly (number | bigint)[];
  readonly seq_no: number | bigint;
}

/** What may be written to a row of IP_Multicast. */
export interface IPMulticastInput {
  readonly datapath?: UuidInput | undefined;
  readonly enabled?: SetInput<boolean> | undefined;
  readonly querier?: SetInput<boolean> | undefined;
  readonly eth_src?: string | undefined;
  readonly ip4_src?: string | undefined;
  readonly ip6_src?: string | undefined;
  readonly table_size?: SetInput<number | bigint> | undefined;
  readonly idle_timeout?: SetInput<number | bigint> | undefined;
  readonly query_interval?: SetInput<number | bigint> | undefined;
  readonly query_max_resp?: SetInput<number | bigint> | undefined;
  readonly seq_no?: number | bigint | undefined;
}

/** A row of IGMP_Group. */
export interface IGMPGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly address: string;
  /** Uuids of Datapath_Binding, one or none. */
  readonly datapath: readonly string[];
  /** Uuids of Chassis, one or none. */
  readonly chassis: readonly string[];
  /** Uuids of Port_Binding. */
  readonly ports: readonly string[];
}

/** What may be written to a row of IGMP_Group. */
export interface IGMPGroupInput {
  readonly address?: string | undefined;
  readonly datapath?: SetInput<UuidInput> | undefined;
  readonly chassis?: SetInput<UuidInput> | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
}

/** A row of Service_Monitor. */
export interface ServiceMonitorRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly ip: string;
  /** One or none. */
  readonly protocol: readonly ("tcp" | "udp")[];
  readonly port: number;
  readonly logical_port: string;
  readonly src_mac: string;
  readonly src_ip: string;
  /** One or none. */
  readonly status: readonly ("error" | "offline" | "online")[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Service_Monitor. */
export interface ServiceMonitorInput {
  readonly ip?: string | undefined;
  readonly protocol?: SetInput<"tcp" | "udp"> | undefined;
  readonly port?: number | undefined;
  readonly logical_port?: string | undefined;
  readonly src_mac?: string | undefined;
  readonly src_ip?: string | undefined;
  readonly status?: SetInput<"error" | "offline" | "online"> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of BFD. */
export interface BFDRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly src_port: number;
  readonly disc: number | bigint;
  readonly logical_port: string;
  readonly dst_ip: string;
  readonly min_tx: number | bigint;
  readonly min_rx: number | bigint;
  readonly detect_mult: number | bigint;
  readonly status: "admin_down" | "down" | "init" | "up";
  readonly external_ids: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
}

/** What may be written to a row of BFD. */
export interface BFDInput {
  readonly src_port?: number | undefined;
  readonly disc?: number | bigint | undefined;
  readonly logical_port?: string | undefined;
  readonly dst_ip?: string | undefined;
  readonly min_tx?: number | bigint | undefined;
  readonly min_rx?: number | bigint | undefined;
  readonly detect_mult?: number | bigint | undefined;
  readonly status?: "admin_down" | "down" | "init" | "up" | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly options?: MapInput<string, string> | undefined;
}

/** The tables of OVN_Southbound. */
export type OVNSouthboundTables = {
  readonly SB_Global: { readonly row: SBGlobalRow; readonly input: SBGlobalInput; readonly immutable: never };
  readonly Connection: { readonly row: ConnectionRow; readonly input: ConnectionInput; readonly immutable: never };
  readonly SSL: { readonly row: SSLRow; readonly input: SSLInput; readonly immutable: never };
  readonly RBAC_Role: { readonly row: RBACRoleRow; readonly input: RBACRoleInput; readonly immutable: never };
  readonly RBAC_Permission: { readonly row: RBACPermissionRow; readonly input: RBACPermissionInput; readonly immutable: never };
  readonly DHCP_Options: { readonly row: DHCPOptionsRow; readonly input: DHCPOptionsInput; readonly immutable: never };
  readonly DHCPv6_Options: { readonly row: DHCPv6OptionsRow; readonly input: DHCPv6OptionsInput; readonly immutable: never };
  readonly DNS: { readonly row: DNSRow; readonly input: DNSInput; readonly immutable: never };
  readonly Meter: { readonly row: MeterRow; readonly input: MeterInput; readonly immutable: never };
  readonly Meter_Band: { readonly row: MeterBandRow; readonly input: MeterBandInput; readonly immutable: never };
  readonly Mirror: { readonly row: MirrorRow; readonly input: MirrorInput; readonly immutable: never };
  readonly Chassis_Template_Var: {
    readonly row: ChassisTemplateVarRow;
    readonly input: ChassisTemplateVarInput;
    readonly immutable: never;
  };
  readonly Controller_Event: {
    readonly row: ControllerEventRow;
    readonly input: ControllerEventInput;
    readonly immutable: never;
  };
  readonly Chassis: { readonly row: ChassisRow; readonly input: ChassisInput; readonly immutable: never };
  readonly Chassis_Private: { readonly row: ChassisPrivateRow; readonly input: ChassisPrivateInput; readonly immutable: never };
  readonly Encap: { readonly row: EncapRow; readonly input: EncapInput; readonly immutable: never };
  readonly Gateway_Chassis: { readonly row: GatewayChassisRow; readonly input: GatewayChassisInput; readonly immutable: never };
  readonly HA_Chassis: { readonly row: HAChassisRow; readonly input: HAChassisInput; readonly immutable: never };
  readonly HA_Chassis_Group: { readonly row: HAChassisGroupRow; readonly input: HAChassisGroupInput; readonly immutable: never };
  readonly Datapath_Binding: {
    readonly row: DatapathBindingRow;
    readonly input: DatapathBindingInput;
    readonly immutable: never;
  };
  readonly Port_Binding: { readonly row: PortBindingRow; readonly input: PortBindingInput; readonly immutable: never };
  readonly Multicast_Group: { readonly row: MulticastGroupRow; readonly input: MulticastGroupInput; readonly immutable: never };
  readonly Logical_Flow: { readonly row: LogicalFlowRow; readonly input: LogicalFlowInput; readonly immutable: never };
  readonly Logical_DP_Group: { readonly row: LogicalDPGroupRow; readonly input: LogicalDPGroupInput; readonly immutable: never };
  readonly Address_Set: { readonly row: AddressSetRow; readonly input: AddressSetInput; readonly immutable: never };
  readonly Port_Group: { readonly row: PortGroupRow; readonly input: PortGroupInput; readonly immutable: never };
  readonly Load_Balancer: { readonly row: LoadBalancerRow; readonly input: LoadBalancerInput; readonly immutable: never };
  readonly MAC_Binding: { readonly row: MACBindingRow; readonly input: MACBindingInput; readonly immutable: never };
  readonly Static_MAC_Binding: {
    readonly row: StaticMACBindingRow;
    readonly input: StaticMACBindingInput;
    readonly immutable: never;
  };
  readonly FDB: { readonly row: FDBRow; readonly input: FDBInput; readonly immutable: never };
  readonly IP_Multicast: { readonly row: IPMulticastRow; readonly input: IPMulticastInput; readonly immutable: never };
  readonly IGMP_Group: { readonly row: IGMPGroupRow; readonly input: IGMPGroupInput; readonly immutable: never };
  readonly Service_Monitor: { readonly row: ServiceMonitorRow; readonly input: ServiceMonitorInput; readonly immutable: never };
  readonly BFD: { readonly row: BFDRow; readonly input: BFDInput; readonly immutable: never };
};
