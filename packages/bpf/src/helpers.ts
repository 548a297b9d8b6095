/** Functions of the kernel that every program may call, by the names of bpf-helpers(7), with their numbers. */
export const HELPERS = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  trace_printk: 6,
  get_prandom_u32: 7,
  get_smp_processor_id: 8,
  skb_store_bytes: 9,
  l3_csum_replace: 10,
  l4_csum_replace: 11,
  tail_call: 12,
  clone_redirect: 13,
  skb_vlan_push: 18,
  skb_vlan_pop: 19,
  skb_get_tunnel_key: 20,
  skb_set_tunnel_key: 21,
  redirect: 23,
  perf_event_output: 25,
  skb_load_bytes: 26,
  csum_diff: 28,
  skb_get_tunnel_opt: 29,
  skb_set_tunnel_opt: 30,
  skb_change_proto: 31,
  skb_change_type: 32,
  get_hash_recalc: 34,
  skb_change_tail: 38,
  skb_pull_data: 39,
  csum_update: 40,
  set_hash_invalid: 41,
  skb_change_head: 43,
  xdp_adjust_head: 44,
  set_hash: 48,
  skb_adjust_room: 50,
  redirect_map: 51,
  xdp_adjust_tail: 65,
  skb_load_bytes_relative: 68,
  fib_lookup: 69,
  jiffies64: 118,
  ktime_get_boot_ns: 125,
  ringbuf_output: 130,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
  ringbuf_discard: 133,
  ringbuf_query: 134,
  csum_level: 135,
  redirect_neigh: 152,
  redirect_peer: 155,
  ktime_get_coarse_ns: 160,
  check_mtu: 163,
  for_each_map_elem: 164,
  loop: 181,
  map_lookup_percpu_elem: 195,
} as const;

/** A helper's name without its `bpf_`. */
export type HelperName = keyof typeof HELPERS;

const NAME_OF_HELPER = new Map<number, string>(Object.entries(HELPERS).map(([name, id]) => [id, name]));

/** How the kernel's log names a helper. */
export function helperText(id: number): string {
  const name = NAME_OF_HELPER.get(id);
  return name === undefined ? `helper#${id}` : `bpf_${name}#${id}`;
}
