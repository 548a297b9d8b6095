/** Rows of OVN_Northbound 7.0.0, written by scripts/schema-types.mjs. */
import type { MapInput, SetInput, UuidInput } from "../../client/table-forms.ts";

/** A row of NB_Global. */
export interface NBGlobalRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly nb_cfg: number | bigint;
  readonly nb_cfg_timestamp: number | bigint;
  readonly sb_cfg: number | bigint;
  readonly sb_cfg_timestamp: number | bigint;
  readonly hv_cfg: number | bigint;
  readonly hv_cfg_timestamp: number | bigint;
  readonly external_ids: ReadonlyMap<string, string>;
  /** Uuids of Connection. */
  readonly connections: readonly string[];
  /** Uuids of SSL, one or none. */
  readonly ssl: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly ipsec: boolean;
}

/** What may be written to a row of NB_Global. */
export interface NBGlobalInput {
  readonly name?: string | undefined;
  readonly nb_cfg?: number | bigint | undefined;
  readonly nb_cfg_timestamp?: number | bigint | undefined;
  readonly sb_cfg?: number | bigint | undefined;
  readonly sb_cfg_timestamp?: number | bigint | undefined;
  readonly hv_cfg?: number | bigint | undefined;
  readonly hv_cfg_timestamp?: number | bigint | undefined;
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

/** A row of Copp. */
export interface CoppRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly meters: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Copp. */
export interface CoppInput {
  readonly name?: string | undefined;
  readonly meters?: MapInput<string, string> | undefined;
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
  /** One or none. */
  readonly fair: readonly boolean[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Meter. */
export interface MeterInput {
  readonly name?: string | undefined;
  readonly unit?: "kbps" | "pktps" | undefined;
  readonly bands?: SetInput<UuidInput> | undefined;
  readonly fair?: SetInput<boolean> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Meter_Band. */
export interface MeterBandRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly action: "drop";
  readonly rate: number;
  readonly burst_size: number;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Meter_Band. */
export interface MeterBandInput {
  readonly action?: "drop" | undefined;
  readonly rate?: number | undefined;
  readonly burst_size?: number | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Chassis_Template_Var. */
export interface ChassisTemplateVarRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly chassis: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Chassis_Template_Var. */
export interface ChassisTemplateVarInput {
  readonly chassis?: string | undefined;
  readonly variables?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_Switch. */
export interface LogicalSwitchRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Logical_Switch_Port. */
  readonly ports: readonly string[];
  /** Uuids of ACL. */
  readonly acls: readonly string[];
  /** Uuids of QoS. */
  readonly qos_rules: readonly string[];
  /** Uuids of Load_Balancer. */
  readonly load_balancer: readonly string[];
  /** Uuids of Load_Balancer_Group. */
  readonly load_balancer_group: readonly string[];
  /** Uuids of DNS. */
  readonly dns_records: readonly string[];
  /** Uuids of Copp, one or none. */
  readonly copp: readonly string[];
  readonly other_config: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
  /** Uuids of Forwarding_Group. */
  readonly forwarding_groups: readonly string[];
}

/** What may be written to a row of Logical_Switch. */
export interface LogicalSwitchInput {
  readonly name?: string | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
  readonly acls?: SetInput<UuidInput> | undefined;
  readonly qos_rules?: SetInput<UuidInput> | undefined;
  readonly load_balancer?: SetInput<UuidInput> | undefined;
  readonly load_balancer_group?: SetInput<UuidInput> | undefined;
  readonly dns_records?: SetInput<UuidInput> | undefined;
  readonly copp?: SetInput<UuidInput> | undefined;
  readonly other_config?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly forwarding_groups?: SetInput<UuidInput> | undefined;
}

/** A row of Logical_Switch_Port. */
export interface LogicalSwitchPortRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
  /** One or none. */
  readonly parent_name: readonly string[];
  /** One or none. */
  readonly tag_request: readonly number[];
  /** One or none. */
  readonly tag: readonly number[];
  readonly addresses: readonly string[];
  /** One or none. */
  readonly dynamic_addresses: readonly string[];
  readonly port_security: readonly string[];
  /** One or none. */
  readonly up: readonly boolean[];
  /** One or none. */
  readonly enabled: readonly boolean[];
  /** Uuids of DHCP_Options, one or none. */
  readonly dhcpv4_options: readonly string[];
  /** Uuids of DHCP_Options, one or none. */
  readonly dhcpv6_options: readonly string[];
  /** Uuids of Mirror. */
  readonly mirror_rules: readonly string[];
  /** Uuids of HA_Chassis_Group, one or none. */
  readonly ha_chassis_group: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Switch_Port. */
export interface LogicalSwitchPortInput {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly parent_name?: SetInput<string> | undefined;
  readonly tag_request?: SetInput<number> | undefined;
  readonly tag?: SetInput<number> | undefined;
  readonly addresses?: SetInput<string> | undefined;
  readonly dynamic_addresses?: SetInput<string> | undefined;
  readonly port_security?: SetInput<string> | undefined;
  readonly up?: SetInput<boolean> | undefined;
  readonly enabled?: SetInput<boolean> | undefined;
  readonly dhcpv4_options?: SetInput<UuidInput> | undefined;
  readonly dhcpv6_options?: SetInput<UuidInput> | undefined;
  readonly mirror_rules?: SetInput<UuidInput> | undefined;
  readonly ha_chassis_group?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Port_Group. */
export interface PortGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Logical_Switch_Port. */
  readonly ports: readonly string[];
  /** Uuids of ACL. */
  readonly acls: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Port_Group. */
export interface PortGroupInput {
  readonly name?: string | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
  readonly acls?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Address_Set. */
export interface AddressSetRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Address_Set. */
export interface AddressSetInput {
  readonly name?: string | undefined;
  readonly addresses?: SetInput<string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of ACL. */
export interface ACLRow {
  readonly _uuid: string;
  readonly _version: string;
  /** One or none. */
  readonly name: readonly string[];
  readonly priority: number;
  readonly direction: "from-lport" | "to-lport";
  readonly match: string;
  readonly action: "allow" | "allow-related" | "allow-stateless" | "drop" | "reject";
  readonly log: boolean;
  /** One or none. */
  readonly severity: readonly ("alert" | "debug" | "info" | "notice" | "warning")[];
  /** One or none. */
  readonly meter: readonly string[];
  readonly label: number;
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of ACL. */
export interface ACLInput {
  readonly name?: SetInput<string> | undefined;
  readonly priority?: number | undefined;
  readonly direction?: "from-lport" | "to-lport" | undefined;
  readonly match?: string | undefined;
  readonly action?: "allow" | "allow-related" | "allow-stateless" | "drop" | "reject" | undefined;
  readonly log?: boolean | undefined;
  readonly severity?: SetInput<"alert" | "debug" | "info" | "notice" | "warning"> | undefined;
  readonly meter?: SetInput<string> | undefined;
  readonly label?: number | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of QoS. */
export interface QoSRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly priority: number;
  readonly direction: "from-lport" | "to-lport";
  readonly match: string;
  readonly action: ReadonlyMap<"dscp", number>;
  readonly bandwidth: ReadonlyMap<"burst" | "rate", number>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of QoS. */
export interface QoSInput {
  readonly priority?: number | undefined;
  readonly direction?: "from-lport" | "to-lport" | undefined;
  readonly match?: string | undefined;
  readonly action?: MapInput<"dscp", number> | undefined;
  readonly bandwidth?: MapInput<"burst" | "rate", number> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
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

/** A row of Forwarding_Group. */
export interface ForwardingGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly vip: string;
  readonly vmac: string;
  readonly liveness: boolean;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly child_port: readonly string[];
}

/** What may be written to a row of Forwarding_Group. */
export interface ForwardingGroupInput {
  readonly name?: string | undefined;
  readonly vip?: string | undefined;
  readonly vmac?: string | undefined;
  readonly liveness?: boolean | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly child_port?: SetInput<string> | undefined;
}

/** A row of DHCP_Options. */
export interface DHCPOptionsRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly cidr: string;
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of DHCP_Options. */
export interface DHCPOptionsInput {
  readonly cidr?: string | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of DNS. */
export interface DNSRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly records: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of DNS. */
export interface DNSInput {
  readonly records?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_Router. */
export interface LogicalRouterRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Logical_Router_Port. */
  readonly ports: readonly string[];
  /** Uuids of Logical_Router_Static_Route. */
  readonly static_routes: readonly string[];
  /** Uuids of Logical_Router_Policy. */
  readonly policies: readonly string[];
  /** One or none. */
  readonly enabled: readonly boolean[];
  /** Uuids of NAT. */
  readonly nat: readonly string[];
  /** Uuids of Load_Balancer. */
  readonly load_balancer: readonly string[];
  /** Uuids of Load_Balancer_Group. */
  readonly load_balancer_group: readonly string[];
  /** Uuids of Copp, one or none. */
  readonly copp: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Router. */
export interface LogicalRouterInput {
  readonly name?: string | undefined;
  readonly ports?: SetInput<UuidInput> | undefined;
  readonly static_routes?: SetInput<UuidInput> | undefined;
  readonly policies?: SetInput<UuidInput> | undefined;
  readonly enabled?: SetInput<boolean> | undefined;
  readonly nat?: SetInput<UuidInput> | undefined;
  readonly load_balancer?: SetInput<UuidInput> | undefined;
  readonly load_balancer_group?: SetInput<UuidInput> | undefined;
  readonly copp?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_Router_Port. */
export interface LogicalRouterPortRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Gateway_Chassis. */
  readonly gateway_chassis: readonly string[];
  /** Uuids of HA_Chassis_Group, one or none. */
  readonly ha_chassis_group: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly networks: readonly string[];
  readonly mac: string;
  /** One or none. */
  readonly peer: readonly string[];
  /** One or none. */
  readonly enabled: readonly boolean[];
  readonly ipv6_ra_configs: ReadonlyMap<string, string>;
  readonly ipv6_prefix: readonly string[];
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Router_Port. */
export interface LogicalRouterPortInput {
  readonly name?: string | undefined;
  readonly gateway_chassis?: SetInput<UuidInput> | undefined;
  readonly ha_chassis_group?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly networks?: SetInput<string> | undefined;
  readonly mac?: string | undefined;
  readonly peer?: SetInput<string> | undefined;
  readonly enabled?: SetInput<boolean> | undefined;
  readonly ipv6_ra_configs?: MapInput<string, string> | undefined;
  readonly ipv6_prefix?: SetInput<string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_Router_Static_Route. */
export interface LogicalRouterStaticRouteRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly route_table: string;
  readonly ip_prefix: string;
  /** One or none. */
  readonly policy: readonly ("dst-ip" | "src-ip")[];
  readonly nexthop: string;
  /** One or none. */
  readonly output_port: readonly string[];
  /** Uuids of BFD, one or none. */
  readonly bfd: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Router_Static_Route. */
export interface LogicalRouterStaticRouteInput {
  readonly route_table?: string | undefined;
  readonly ip_prefix?: string | undefined;
  readonly policy?: SetInput<"dst-ip" | "src-ip"> | undefined;
  readonly nexthop?: string | undefined;
  readonly output_port?: SetInput<string> | undefined;
  readonly bfd?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Logical_Router_Policy. */
export interface LogicalRouterPolicyRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly priority: number;
  readonly match: string;
  readonly action: "allow" | "drop" | "reroute";
  /** One or none. */
  readonly nexthop: readonly string[];
  readonly nexthops: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Logical_Router_Policy. */
export interface LogicalRouterPolicyInput {
  readonly priority?: number | undefined;
  readonly match?: string | undefined;
  readonly action?: "allow" | "drop" | "reroute" | undefined;
  readonly nexthop?: SetInput<string> | undefined;
  readonly nexthops?: SetInput<string> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of NAT. */
export interface NATRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly external_ip: string;
  /** One or none. */
  readonly external_mac: readonly string[];
  readonly external_port_range: string;
  readonly logical_ip: string;
  /** One or none. */
  readonly logical_port: readonly string[];
  readonly type: "dnat" | "dnat_and_snat" | "snat";
  /** Uuids of Address_Set, one or none. */
  readonly allowed_ext_ips: readonly string[];
  /** Uuids of Address_Set, one or none. */
  readonly exempted_ext_ips: readonly string[];
  /** Uuids of Logical_Router_Port, one or none. */
  readonly gateway_port: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of NAT. */
export interface NATInput {
  readonly external_ip?: string | undefined;
  readonly external_mac?: SetInput<string> | undefined;
  readonly external_port_range?: string | undefined;
  readonly logical_ip?: string | undefined;
  readonly logical_port?: SetInput<string> | undefined;
  readonly type?: "dnat" | "dnat_and_snat" | "snat" | undefined;
  readonly allowed_ext_ips?: SetInput<UuidInput> | undefined;
  readonly exempted_ext_ips?: SetInput<UuidInput> | undefined;
  readonly gateway_port?: SetInput<UuidInput> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Static_MAC_Binding. */
export interface StaticMACBindingRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly logical_port: string;
  readonly ip: string;
  readonly mac: string;
  readonly override_dynamic_mac: boolean;
}

/** What may be written to a row of Static_MAC_Binding. */
export interface StaticMACBindingInput {
  readonly logical_port?: string | undefined;
  readonly ip?: string | undefined;
  readonly mac?: string | undefined;
  readonly override_dynamic_mac?: boolean | undefined;
}

/** A row of BFD. */
export interface BFDRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly logical_port: string;
  readonly dst_ip: string;
  /** One or none. */
  readonly min_tx: readonly (number | bigint)[];
  /** One or none. */
  readonly min_rx: readonly (number | bigint)[];
  /** One or none. */
  readonly detect_mult: readonly (number | bigint)[];
  /** One or none. */
  readonly status: readonly ("admin_down" | "down" | "init" | "up")[];
  readonly external_ids: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
}

/** What may be written to a row of BFD. */
export interface BFDInput {
  readonly logical_port?: string | undefined;
  readonly dst_ip?: string | undefined;
  readonly min_tx?: SetInput<number | bigint> | undefined;
  readonly min_rx?: SetInput<number | bigint> | undefined;
  readonly detect_mult?: SetInput<number | bigint> | undefined;
  readonly status?: SetInput<"admin_down" | "down" | "init" | "up"> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly options?: MapInput<string, string> | undefined;
}

/** A row of Gateway_Chassis. */
export interface GatewayChassisRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly chassis_name: string;
  readonly priority: number;
  readonly external_ids: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
}

/** What may be written to a row of Gateway_Chassis. */
export interface GatewayChassisInput {
  readonly name?: string | undefined;
  readonly chassis_name?: string | undefined;
  readonly priority?: number | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
  readonly options?: MapInput<string, string> | undefined;
}

/** A row of HA_Chassis. */
export interface HAChassisRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly chassis_name: string;
  readonly priority: number;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of HA_Chassis. */
export interface HAChassisInput {
  readonly chassis_name?: string | undefined;
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
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of HA_Chassis_Group. */
export interface HAChassisGroupInput {
  readonly name?: string | undefined;
  readonly ha_chassis?: SetInput<UuidInput> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Load_Balancer. */
export interface LoadBalancerRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly vips: ReadonlyMap<string, string>;
  /** One or none. */
  readonly protocol: readonly ("sctp" | "tcp" | "udp")[];
  /** Uuids of Load_Balancer_Health_Check. */
  readonly health_check: readonly string[];
  readonly ip_port_mappings: ReadonlyMap<string, string>;
  readonly selection_fields: readonly ("eth_dst" | "eth_src" | "ip_dst" | "ip_src" | "tp_dst" | "tp_src")[];
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Load_Balancer. */
export interface LoadBalancerInput {
  readonly name?: string | undefined;
  readonly vips?: MapInput<string, string> | undefined;
  readonly protocol?: SetInput<"sctp" | "tcp" | "udp"> | undefined;
  readonly health_check?: SetInput<UuidInput> | undefined;
  readonly ip_port_mappings?: MapInput<string, string> | undefined;
  readonly selection_fields?: SetInput<"eth_dst" | "eth_src" | "ip_dst" | "ip_src" | "tp_dst" | "tp_src"> | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** A row of Load_Balancer_Group. */
export interface LoadBalancerGroupRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** Uuids of Load_Balancer. */
  readonly load_balancer: readonly string[];
}

/** What may be written to a row of Load_Balancer_Group. */
export interface LoadBalancerGroupInput {
  readonly name?: string | undefined;
  readonly load_balancer?: SetInput<UuidInput> | undefined;
}

/** A row of Load_Balancer_Health_Check. */
export interface LoadBalancerHealthCheckRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly vip: string;
  readonly options: ReadonlyMap<string, string>;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** What may be written to a row of Load_Balancer_Health_Check. */
export interface LoadBalancerHealthCheckInput {
  readonly vip?: string | undefined;
  readonly options?: MapInput<string, string> | undefined;
  readonly external_ids?: MapInput<string, string> | undefined;
}

/** The tables of OVN_Northbound. */
export type OVNNorthboundTables = {
  readonly NB_Global: { readonly row: NBGlobalRow; readonly input: NBGlobalInput; readonly immutable: never };
  readonly Connection: { readonly row: ConnectionRow; readonly input: ConnectionInput; readonly immutable: never };
  readonly SSL: { readonly row: SSLRow; readonly input: SSLInput; readonly immutable: never };
  readonly Copp: { readonly row: CoppRow; readonly input: CoppInput; readonly immutable: never };
  readonly Meter: { readonly row: MeterRow; readonly input: MeterInput; readonly immutable: never };
  readonly Meter_Band: { readonly row: MeterBandRow; readonly input: MeterBandInput; readonly immutable: never };
  readonly Chassis_Template_Var: {
    readonly row: ChassisTemplateVarRow;
    readonly input: ChassisTemplateVarInput;
    readonly immutable: never;
  };
  readonly Logical_Switch: { readonly row: LogicalSwitchRow; readonly input: LogicalSwitchInput; readonly immutable: never };
  readonly Logical_Switch_Port: {
    readonly row: LogicalSwitchPortRow;
    readonly input: LogicalSwitchPortInput;
    readonly immutable: never;
  };
  readonly Port_Group: { readonly row: PortGroupRow; readonly input: PortGroupInput; readonly immutable: never };
  readonly Address_Set: { readonly row: AddressSetRow; readonly input: AddressSetInput; readonly immutable: never };
  readonly ACL: { readonly row: ACLRow; readonly input: ACLInput; readonly immutable: never };
  readonly QoS: { readonly row: QoSRow; readonly input: QoSInput; readonly immutable: never };
  readonly Mirror: { readonly row: MirrorRow; readonly input: MirrorInput; readonly immutable: never };
  readonly Forwarding_Group: {
    readonly row: ForwardingGroupRow;
    readonly input: ForwardingGroupInput;
    readonly immutable: never;
  };
  readonly DHCP_Options: { readonly row: DHCPOptionsRow; readonly input: DHCPOptionsInput; readonly immutable: never };
  readonly DNS: { readonly row: DNSRow; readonly input: DNSInput; readonly immutable: never };
  readonly Logical_Router: { readonly row: LogicalRouterRow; readonly input: LogicalRouterInput; readonly immutable: never };
  readonly Logical_Router_Port: {
    readonly row: LogicalRouterPortRow;
    readonly input: LogicalRouterPortInput;
    readonly immutable: never;
  };
  readonly Logical_Router_Static_Route: {
    readonly row: LogicalRouterStaticRouteRow;
    readonly input: LogicalRouterStaticRouteInput;
    readonly immutable: never;
  };
  readonly Logical_Router_Policy: {
    readonly row: LogicalRouterPolicyRow;
    readonly input: LogicalRouterPolicyInput;
    readonly immutable: never;
  };
  readonly NAT: { readonly row: NATRow; readonly input: NATInput; readonly immutable: never };
  readonly Static_MAC_Binding: {
    readonly row: StaticMACBindingRow;
    readonly input: StaticMACBindingInput;
    readonly immutable: never;
  };
  readonly BFD: { readonly row: BFDRow; readonly input: BFDInput; readonly immutable: never };
  readonly Gateway_Chassis: { readonly row: GatewayChassisRow; readonly input: GatewayChassisInput; readonly immutable: never };
  readonly HA_Chassis: { readonly row: HAChassisRow; readonly input: HAChassisInput; readonly immutable: never };
  readonly HA_Chassis_Group: { readonly row: HAChassisGroupRow; readonly input: HAChassisGroupInput; readonly immutable: never };
  readonly Load_Balancer: { readonly row: LoadBalancerRow; readonly input: LoadBalancerInput; readonly immutable: never };
  readonly Load_Balancer_Group: {
    readonly row: LoadBalancerGroupRow;
    readonly input: LoadBalancerGroupInput;
    readonly immutable: never;
  };
  readonly Load_Balancer_Health_Check: {
    readonly row: LoadBalancerHealthCheckRow;
    readonly input: LoadBalancerHealthCheckInput;
    readonly immutable: never;
  };
};
