/** OVN_Northbound: load balancers. */
import { map, oneOf, optional, ref, set, string, table, type TableJson } from "../builder.ts";

/** Tables of load balancing. */
export const balancingTables: { readonly [table: string]: TableJson } = {
  Load_Balancer: table(
    {
      name: string(),
      vips: map(),
      protocol: optional(oneOf(["tcp", "udp", "sctp"])),
      health_check: set(ref("Load_Balancer_Health_Check")),
      ip_port_mappings: map(),
      selection_fields: set(oneOf(["eth_src", "eth_dst", "ip_src", "ip_dst", "tp_src", "tp_dst"])),
      options: map(),
      external_ids: map(),
    },
    { isRoot: true },
  ),

  Load_Balancer_Group: table(
    {
      name: string(),
      load_balancer: set(ref("Load_Balancer", "weak")),
    },
    { isRoot: true, indexes: [["name"]] },
  ),

  Load_Balancer_Health_Check: table({
    vip: string(),
    options: map(),
    external_ids: map(),
  }),
};
