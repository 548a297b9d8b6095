/** Random groups. */
import {
  BUCKET,
  type Bucket,
  type GroupMod,
  type GroupSpec,
  type GroupType,
  MATCH_FIELDS,
  type SelectionMethod,
  toFieldWords,
} from "@tenet/openflow";
import fc from "fast-check";
import { plainActionsArbitrary } from "./arbitrary-flow.ts";

const port = fc.oneof(fc.integer({ min: 1, max: 0xfeff }), fc.constant(0xfffe));

/** Fields that tell parts of other fields, that the wire and text name differently, or whose size only a switch knows. */
const NOT_DRAWN =
  /^(tun_metadata.*|tun_flags|tun_erspan.*|in_port_oxm|in_port|nw_tos|tp_.*|ip_frag|dl_vlan.*|ct_state|tcp_flags)$/;
const FIELDS = MATCH_FIELDS.filter(
  ({ text, nxm, oxm, isMaskable }) => !NOT_DRAWN.test(text) && isMaskable && (nxm ?? oxm) !== undefined,
);

const selection: fc.Arbitrary<SelectionMethod> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((parameter) => ({ method: "dp_hash" as const, parameter, fields: [] })),
  fc
    .record({ parameter: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fields: fc.subarray([...FIELDS], { maxLength: 4 }) })
    .chain(({ parameter, fields }) =>
      fc.tuple(...fields.map(({ nBits }) => fc.bigInt({ min: 1n, max: (1n << BigInt(nBits)) - 1n }))).map((masks) => ({
        method: "hash" as const,
        parameter,
        fields: fields.map((field, i) => ({ field, mask: toFieldWords(field, masks[i] ?? 0n) })),
      })),
    ),
);

function bucketArbitrary(groupType: GroupType): fc.Arbitrary<Bucket> {
  const watched = groupType === "fastFailover" || groupType === "select";
  return fc
    .record({
      id: fc.nat(BUCKET.MAX),
      weight: groupType === "select" ? fc.nat(0xffff) : fc.constant(0),
      watchPort: watched ? fc.option(port, { nil: undefined }) : fc.constant(undefined),
      watchGroup: watched ? fc.option(fc.nat(0xffff), { nil: undefined }) : fc.constant(undefined),
      actions: plainActionsArbitrary,
    })
    .map(({ watchPort, watchGroup, ...bucket }) => ({
      ...bucket,
      ...(watchPort === undefined && (groupType !== "fastFailover" || watchGroup !== undefined)
        ? {}
        : { watchPort: watchPort ?? 1 }),
      ...(watchGroup === undefined ? {} : { watchGroup }),
    }));
}

const groupArbitrary: fc.Arbitrary<GroupSpec> = fc
  .constantFrom<GroupType>("all", "select", "indirect", "fastFailover")
  .chain((groupType) => {
    const one = groupType === "indirect";
    return fc.record({
      id: fc.nat(0xffff_ff00),
      groupType: fc.constant(groupType),
      buckets: fc.uniqueArray(bucketArbitrary(groupType), {
        minLength: one ? 1 : 0,
        maxLength: one ? 1 : 5,
        selector: ({ id }) => id,
      }),
      selection: groupType === "select" ? fc.option(selection, { nil: undefined }) : fc.constant(undefined),
    });
  })
  .map(({ selection: method, ...group }) => (method === undefined ? group : { ...group, selection: method }));

/** A random group-mod that every version which has its command can say. */
export const groupModArbitrary: fc.Arbitrary<GroupMod> = fc
  .record({
    command: fc.constantFrom("add" as const, "modify" as const, "addOrModify" as const, "insertBucket" as const),
    group: groupArbitrary,
    bucketId: fc.oneof(fc.nat(9), fc.constantFrom(BUCKET.FIRST, BUCKET.LAST)),
  })
  .map(({ command, group, bucketId }) => {
    if (command !== "insertBucket") return { type: "groupMod", command, group };
    const { selection: _selection, ...rest } = group;
    return { type: "groupMod", command, group: rest, bucketId };
  });

/** Texts of groups whose reading and printing must be that of ovs-ofctl. */
export const GROUP_TEXTS: readonly string[] = [
  "group_id=1,type=select,bucket=weight:5,actions=output:1,bucket=output:2",
  "group_id=2,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:1,watch_port:2,actions=group:1",
  "group_id=3,type=select,selection_method=hash,fields(ip_src=255.255.0.0,tcp_dst),bucket=bucket_id:7,actions=output:1",
  "group_id=4,type=select,selection_method=hash,selection_method_param=9,fields=ip_src,bucket=weight=4,drop",
  "group_id=5,type=select,selection_method=dp_hash,selection_method_param=5,bucket=output:1",
  "group_id=6,type=all,bucket=actions=set_field:1->reg0,resubmit(,5),bucket=clone(output:1),bucket=drop",
  "group_id=7,type=indirect,bucket=mod_dl_src:00:00:00:00:00:05,LOCAL",
  "group_id=8,type=all",
  "group_id=9,type=select,selection_method=hash,fields(eth_dst=ff:ff:ff:00:00:00,vlan_tci,udp_dst,tcp_dst=255,ipv6_src=ffff::),bucket=weight=0,actions=drop",
];
