/** Sets of actions, as bits of their numbers in OpenFlow 1.0, 1.1 or later versions. */
import { VERSION } from "../message.ts";

/** Name and number, in the order in which they are shown. */
type Numbered = readonly (readonly [name: string, number: number])[];

const ACTIONS_10: Numbered = [
  ["output", 0],
  ["enqueue", 11],
  ["set_vlan_vid", 1],
  ["set_vlan_pcp", 2],
  ["strip_vlan", 3],
  ["mod_dl_src", 4],
  ["mod_dl_dst", 5],
  ["mod_nw_src", 6],
  ["mod_nw_dst", 7],
  ["mod_nw_tos", 8],
  ["mod_tp_src", 9],
  ["mod_tp_dst", 10],
];
const ACTIONS_11: Numbered = [
  ["output", 0],
  ["group", 22],
  ["set_vlan_vid", 1],
  ["set_vlan_pcp", 2],
  ["strip_vlan", 18],
  ["push_vlan", 17],
  ["mod_dl_src", 3],
  ["mod_dl_dst", 4],
  ["mod_nw_src", 5],
  ["mod_nw_dst", 6],
  ["mod_nw_tos", 7],
  ["mod_nw_ecn", 8],
  ["mod_nw_ttl", 23],
  ["mod_tp_src", 9],
  ["mod_tp_dst", 10],
  ["dec_ttl", 24],
  ["set_mpls_label", 13],
  ["set_mpls_tc", 14],
  ["set_mpls_ttl", 15],
  ["dec_mpls_ttl", 16],
  ["push_mpls", 19],
  ["pop_mpls", 20],
  ["set_queue", 21],
];
const ACTIONS_12: Numbered = [
  ["output", 0],
  ["group", 22],
  ["set_field", 25],
  ["strip_vlan", 18],
  ["push_vlan", 17],
  ["mod_nw_ttl", 23],
  ["dec_ttl", 24],
  ["set_mpls_ttl", 15],
  ["dec_mpls_ttl", 16],
  ["push_mpls", 19],
  ["pop_mpls", 20],
  ["set_queue", 21],
];

/** Writes the names of the actions whose bits are set. */
export function namesOfActions(bits: number, version: number): string {
  const names = version === VERSION.OF10 ? ACTIONS_10 : version === VERSION.OF11 ? ACTIONS_11 : ACTIONS_12;
  return names
    .filter(([, number]) => (bits & (1 << number)) !== 0)
    .map(([name]) => name)
    .join(" ");
}
