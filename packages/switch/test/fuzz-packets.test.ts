/** Frames that no host would send go through a whole pipeline: nothing throws, what leaves is no longer than a frame, others are served. */
import { composePacket, FIELDS, makeFlowKey, parseFlowKey } from "@tenet/net";
import { expect, inject, test } from "vitest";
import { keyOf } from "./bench-switch.ts";
import { Cables } from "./cables.ts";

const N_BYTES = 2_000_000 * inject("effort");

const FLOWS = [
  "table=0,priority=9,ip,in_port=1,actions=ct(table=1,zone=5,nat)",
  "table=0,priority=9,ipv6,in_port=1,actions=ct(table=1,zone=6)",
  "table=0,priority=8,arp,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],IN_PORT",
  "table=0,priority=7,vlan_tci=0x1000/0x1000,actions=strip_vlan,resubmit(,0)",
  "table=0,priority=1,actions=push_vlan:0x8100,set_field:4099->vlan_vid,NORMAL",
  "table=1,priority=9,ct_state=+new+trk,ip,actions=ct(commit,zone=5,nat(src=10.9.0.1-10.9.0.9:1024-2047),exec(set_field:7->ct_mark)),2",
  "table=1,priority=9,tcp,ct_state=+est+trk,actions=dec_ttl,mod_nw_tos:32,set_field:9->tp_dst,2,3",
  "table=1,priority=8,ct_state=+inv+trk,actions=CONTROLLER:64",
  "table=1,priority=7,icmp6,icmp_type=135,actions=set_field:fe80::9->nd_target,set_field:02:00:00:00:00:09->nd_sll,2",
  "table=1,priority=1,ipv6,actions=dec_ttl,set_field:2001:db8::1->ipv6_dst,2,clone(mod_dl_dst:02:00:00:00:00:77,3)",
];
const SEEDS = [
  "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80,tcp_flags=2",
  "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=2,tp_src=53,tp_dst=53",
  "sctp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1,tp_dst=2",
  "icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,icmp_type=3,icmp_code=1",
  "ip,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_proto=47,nw_ttl=9,nw_frag=first",
  "tcp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=64,tp_src=1024,tp_dst=80,tcp_flags=18",
  "icmp6,ipv6_src=fe80::1,ipv6_dst=ff02::1,nw_ttl=255,icmp_type=135,nd_target=fe80::2,nd_sll=02:00:00:00:00:05",
  "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1",
  "dl_vlan=7,dl_vlan_pcp=3,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1,tp_dst=2",
].map((text) => composePacket(keyOf(`dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,${text}`)));
/** Bytes that lengths, versions and types are made of. */
const ODD = [0, 1, 4, 5, 6, 15, 0x3c, 0x45, 0x4f, 0x60, 0x7f, 0x80, 0x81, 0xff];

/** Numbers below `n`, the same for the same seed (xorshift). */
function randomFrom(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

function mutant(random: (n: number) => number): Uint8Array {
  if (random(20) === 0) return Uint8Array.from({ length: random(200) }, () => random(256));
  const seed = SEEDS[random(SEEDS.length)] ?? new Uint8Array(0);
  const frame = random(4) === 0 ? seed.slice(0, random(seed.length + 1)) : seed.slice();
  for (let n = random(6); n > 0 && frame.length > 0; n--) {
    frame[random(frame.length)] = random(2) === 0 ? random(256) : (ODD[random(ODD.length)] ?? 0);
  }
  return frame;
}

test("whatever comes in is parsed, tracked, rewritten and forwarded, or dropped", {
  timeout: 600_000 * inject("effort"),
}, async () => {
  await using cables = new Cables("p1", "p2", "p3");
  for (const flow of FLOWS) cables.apply(flow);
  const random = randomFrom(inject("seed"));
  const key = makeFlowKey();
  const ports = ["p1", "p2", "p3"] as const;
  let nLeft = 0;
  for (let nBytes = 0, n = 0; nBytes < N_BYTES; n++) {
    const frame = mutant(random);
    nBytes += frame.length;
    parseFlowKey(frame, frame.length, 1, key);
    cables.sendFrame(ports[random(3)] ?? "p1", frame);
    for (const { frame: sent } of cables.received) {
      nLeft++;
      if (sent.length > frame.length + 4) throw new Error(`${sent.length} bytes left of ${Buffer.from(frame).toString("hex")}`);
    }
    if (n % 1000 === 0) {
      cables.clock.advance(500);
      cables.vswitch.tick();
    }
  }
  expect(nLeft).toBeGreaterThan(N_BYTES / 1000);
  expect(cables.send("p1", "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1,dl_src=02:00:00:00:00:0a")).toEqual(["p1"]);
  expect(key[FIELDS.in_port.word]).toBe(1);
});
