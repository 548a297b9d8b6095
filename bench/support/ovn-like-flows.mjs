/**
 * The flows of a logical switch with two ports, their security and a stateful access list, as OVN 23.03 would have them: the
 * ingress pipeline from table 8, the egress pipeline from table 42, each through the connection tracker in the zone of its port.
 */
import { ADDRESSES, MACS, SINK } from "./switches.mjs";

const PORTS = [
  { name: "a", number: 1, hosts: [{ mac: MACS.a, address: ADDRESSES.a }] },
  { name: "b", number: 2, hosts: [{ mac: MACS.b, address: ADDRESSES.b }, SINK] },
];
const FLOOD = 0x8000;
const ZONE = "zone=NXM_NX_REG13[0..15]";
const IS_NEW = "ct_state=+trk+new-est-rel-inv";
const IS_KNOWN = "ct_state=+trk-new+est-rel-inv";
const TO_TRACKER = "reg0=0x1/0x1";
const TO_COMMIT = "reg0=0x2/0x2";

/** To be given to `ovs-ofctl`. */
export function ovnLikeFlows() {
  return [
    ...PORTS.flatMap(({ name, number, hosts }) => [
      `table=0,in_port=${name},actions=load:${number}->NXM_NX_REG13[],load:${number}->NXM_NX_REG14[],load:7->OXM_OF_METADATA[],resubmit(,8)`,
      ...hosts.flatMap(({ mac, address }) => hostFlows(number, mac, address)),
      `table=40,priority=100,reg15=${number},metadata=7,actions=load:${number}->NXM_NX_REG13[],resubmit(,41)`,
      `table=41,priority=100,reg14=${number},reg15=${number},actions=drop`,
      `table=65,priority=100,reg15=${number},metadata=7,actions=output:${name}`,
    ]),
    "table=10,priority=80,arp,metadata=7,actions=drop",
    ...pass(10, 11),
    ...pass(11, 12),
    ...throughTracker({ first: 12, next: 23 }),
    ...pass(23, 24),
    ...pass(24, 25),
    `table=25,priority=70,metadata=7,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=load:${FLOOD}->NXM_NX_REG15[],resubmit(,37)`,
    ...pass(37, 38),
    ...pass(38, 40),
    `table=40,priority=100,reg15=${FLOOD},metadata=7,actions=${PORTS.map(({ number }) => `load:${number}->NXM_NX_REG13[],load:${number}->NXM_NX_REG15[],resubmit(,41)`).join()}`,
    "table=41,priority=0,metadata=7,actions=load:0->NXM_NX_REG0[],resubmit(,42)",
    ...throughTracker({ first: 42, next: 51 }),
    "table=51,priority=80,arp,metadata=7,actions=resubmit(,64)",
    "table=51,priority=100,metadata=7,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=resubmit(,64)",
    ...pass(64, 65),
  ];
}

/** Who may send from a port, and what is sent to it. */
function hostFlows(number, mac, address) {
  return [
    `table=8,priority=50,reg14=${number},metadata=7,dl_src=${mac},actions=resubmit(,9)`,
    `table=9,priority=90,ip,reg14=${number},metadata=7,dl_src=${mac},nw_src=${address},actions=resubmit(,10)`,
    `table=9,priority=80,arp,reg14=${number},metadata=7,dl_src=${mac},actions=resubmit(,10)`,
    `table=10,priority=90,arp,reg14=${number},metadata=7,arp_spa=${address},arp_sha=${mac},actions=resubmit(,11)`,
    `table=25,priority=50,metadata=7,dl_dst=${mac},actions=load:${number}->NXM_NX_REG15[],resubmit(,37)`,
    `table=51,priority=90,ip,reg15=${number},metadata=7,dl_dst=${mac},nw_dst=${address},actions=resubmit(,64)`,
  ];
}

/** Nine tables: whether to track, to the tracker, what it said, the access list, service and balancing that let all pass, and committing. */
function throughTracker({ first, next }) {
  const [track, untracked, send, hint, list, ...others] = Array.from({ length: 8 }, (_, i) => first + i);
  const commit = first + 8;
  return [
    `table=${track},priority=110,metadata=7,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=resubmit(,${untracked})`,
    `table=${track},priority=100,ip,metadata=7,actions=load:1->NXM_NX_REG0[0],resubmit(,${untracked})`,
    ...pass(track, untracked),
    ...pass(untracked, send),
    `table=${send},priority=100,ip,${TO_TRACKER},metadata=7,actions=ct(table=${hint},${ZONE})`,
    ...pass(send, hint),
    `table=${hint},priority=7,${IS_NEW},metadata=7,actions=load:1->NXM_NX_REG0[7],load:1->NXM_NX_REG0[9],resubmit(,${list})`,
    `table=${hint},priority=1,${IS_KNOWN},ct_label=0/0x1,metadata=7,actions=load:1->NXM_NX_REG0[8],load:1->NXM_NX_REG0[10],resubmit(,${list})`,
    ...pass(hint, list),
    `table=${list},priority=2001,reg0=0x80/0x80,tcp,metadata=7,actions=load:1->NXM_NX_REG0[1],resubmit(,${others[0]})`,
    `table=${list},priority=2001,reg0=0x80/0x80,udp,metadata=7,actions=load:1->NXM_NX_REG0[1],resubmit(,${others[0]})`,
    `table=${list},priority=65532,${IS_KNOWN},ct_label=0/0x1,metadata=7,actions=resubmit(,${others[0]})`,
    `table=${list},priority=65532,ct_state=+trk+inv,metadata=7,actions=drop`,
    `table=${list},priority=1,ip,metadata=7,actions=drop`,
    ...pass(list, others[0]),
    ...others.flatMap((table, i) => pass(table, others[i + 1] ?? commit)),
    `table=${commit},priority=100,ip,${TO_COMMIT},metadata=7,actions=ct(commit,${ZONE},exec(load:0->NXM_NX_CT_LABEL[0])),resubmit(,${next})`,
    ...pass(commit, next),
  ];
}

/** Of packets that no other flow of the table wants. */
function pass(table, next) {
  return [`table=${table},priority=0,metadata=7,actions=resubmit(,${next})`];
}
