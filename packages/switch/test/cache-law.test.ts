/** The law of the megaflow cache: whatever was installed and whatever changed, a cached answer is a fresh one. */
import type { DatapathAction } from "@tenet/datapath";
import { composePacket, FIELDS, getField, setField } from "@tenet/net";
import { parseFlow } from "@tenet/openflow";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Bench, keyOf } from "./bench-switch.ts";

const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "ff:ff:ff:ff:ff:ff"];
const one = fc.constantFrom;

const matchText = fc
  .record({
    proto: one("", "ip", "tcp", "udp", "arp", "ipv6", "icmp"),
    inPort: one("", "", "in_port=1", "in_port=2"),
    mac: one("", "", ...MACS.map((mac) => `dl_dst=${mac}`), ...MACS.slice(0, 3).map((mac) => `dl_src=${mac}`)),
    vlan: one("", "", "", "vlan_tci=0", "dl_vlan=7"),
    address: one("", "", "nw_src=10.0.0.1", "nw_dst=10.0.0.0/24", "nw_dst=10.0.1.1", "nw_src=10.0.0.0/8"),
    port: one("", "", "tp_dst=80", "tp_src=0x400/0xff00"),
    register: one("", "", "reg0=1", "reg1=0x2/0x3", "metadata=9"),
  })
  .map(({ proto, inPort, mac, vlan, address, port, register }) => {
    const isIp4 = proto === "ip" || proto === "tcp" || proto === "udp" || proto === "icmp";
    const parts = [proto, inPort, mac, vlan, isIp4 ? address : "", proto === "tcp" || proto === "udp" ? port : "", register];
    return { text: parts.filter((part) => part !== "").join(","), isIp4, isTransport: proto === "tcp" || proto === "udp" };
  });

function actionTexts(table: number, isIp4: boolean, isTransport: boolean): fc.Arbitrary<string> {
  const anywhere = [
    "output:1",
    "output:2",
    "output:3",
    "NORMAL",
    "IN_PORT",
    "FLOOD",
    "load:1->NXM_NX_REG0[]",
    "load:2->NXM_NX_REG1[0..1]",
    "load:9->OXM_OF_METADATA[]",
    "mod_dl_src:02:00:00:00:00:03",
    "mod_dl_dst:02:00:00:00:00:01",
    "move:NXM_OF_ETH_SRC[0..7]->NXM_NX_REG0[0..7]",
    "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
    "mod_vlan_vid:7",
    "strip_vlan",
    "clone(mod_dl_dst:02:00:00:00:00:02,output:2)",
    `resubmit(,${table + 1})`,
    `resubmit(2,${table + 1})`,
    "resubmit(,0)",
    "push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]",
    "exit",
    "output:4",
  ];
  const ip4 = ["dec_ttl", "mod_nw_dst:10.0.1.1", "mod_nw_src:10.0.0.1", "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]"];
  const pool = [...anywhere, ...(isIp4 ? ip4 : []), ...(isTransport ? ["mod_tp_dst:80"] : [])];
  return fc.array(one(...pool), { minLength: 0, maxLength: 4 }).map((parts) => parts.join(",") || "drop");
}

const flows = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 4 }), matchText)
  .chain(([table, priority, { text, isIp4, isTransport }]) =>
    actionTexts(table, isIp4, isTransport).map((actions) => {
      const match = text === "" ? "" : `${text},`;
      return `table=${table},priority=${priority},${match}actions=${actions}`;
    }),
  );

const packets = fc
  .record({
    inPort: one(1, 2, 3),
    src: one(...MACS.slice(0, 3)),
    dst: one(...MACS),
    vlan: one("", "", "dl_vlan=7", "dl_vlan=8"),
    body: one(
      "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80",
      "tcp,nw_src=10.0.0.2,nw_dst=10.0.1.1,nw_ttl=1,tp_src=1024,tp_dst=81",
      "udp,nw_src=192.168.0.1,nw_dst=10.0.0.9,nw_ttl=9,tp_src=80,tp_dst=80",
      "icmp,nw_src=10.0.0.1,nw_dst=10.0.1.1,nw_ttl=64,icmp_type=8,icmp_code=0",
      "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1",
      "ipv6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_proto=17,nw_ttl=3",
      "dl_type=0x9999",
    ),
  })
  .map(({ inPort, src, dst, vlan, body }) =>
    [`in_port=${inPort}`, `dl_src=${src}`, `dl_dst=${dst}`, vlan, body].filter((part) => part !== "").join(","),
  );

const steps = fc.oneof(
  { weight: 6, arbitrary: packets.map((packet) => ({ type: "packet", packet }) as const) },
  { weight: 2, arbitrary: flows.map((flow) => ({ type: "add", flow }) as const) },
  { weight: 1, arbitrary: flows.map((flow) => ({ type: "delete", flow }) as const) },
  { weight: 1, arbitrary: one({ type: "vlan", tag: 7 } as const, { type: "vlan", tag: 0 } as const, { type: "time" } as const) },
);

/** Every packet asked about so far must get from the cache what a fresh translation says. */
function checkLaw(bench: Bench, seen: readonly string[]): void {
  for (const packet of seen) {
    const key = keyOf(packet);
    const fresh = bench.vswitch.trace(bench.bridge, key);
    const datapathKey = key.slice();
    const link = bench.bridge.port(getField(key, FIELDS.in_port))?.link;
    setField(datapathKey, FIELDS.in_port, link?.kind === "datapath" ? link.portNo : 0);
    for (const flow of bench.datapath.flowsFor(datapathKey)) {
      if (isSame(flow.actions, fresh.actions)) continue;
      expect.fail(`${packet}: cached ${describe(flow.actions)}, fresh ${describe(fresh.actions)}`);
    }
  }
}

/** Whether two answers are equal; a trace has no numbers for packets to controllers. */
function isSame(a: readonly DatapathAction[], b: readonly DatapathAction[]): boolean {
  const text = (actions: readonly DatapathAction[]): string =>
    JSON.stringify(actions.map((action) => (action.type === "userspace" ? action.type : action)));
  return text(a) === text(b);
}

function describe(actions: readonly DatapathAction[]): string {
  return JSON.stringify(actions.map((action) => (action.type === "output" ? action.port : action.type)));
}

test("any tables, packets and changes: a cached answer equals a fresh translation", () => {
  const property = fc.property(
    fc.array(flows, { minLength: 1, maxLength: 12 }),
    fc.array(steps, { minLength: 5, maxLength: 40 }),
    (initial, run) => {
      const bench = new Bench(3, initial);
      const other = bench.vswitch.addBridge("br1");
      bench.vswitch.addPort(bench.bridge, { name: "to-br1", kind: "patch", peer: "to-br0", ofport: 4 });
      bench.vswitch.addPort(other, { name: "to-br0", kind: "patch", peer: "to-br1" });
      bench.vswitch.addPort(other, { name: "q1", kind: "memory" });
      other.pipeline.apply([{ command: "add", flow: parseFlow("actions=NORMAL") }]);
      const seen: string[] = [];
      for (const step of run) {
        if (step.type === "packet") {
          seen.push(step.packet);
          bench.datapath.receive(`p${getField(keyOf(step.packet), FIELDS.in_port)}`, composePacket(keyOf(step.packet)));
        } else if (step.type === "time") {
          bench.clock.advance(3000);
          bench.vswitch.tick();
        } else if (step.type === "vlan") {
          const port = bench.bridge.port(2);
          if (port !== undefined) {
            port.bundle.vlan =
              step.tag === 0 ? { mode: "trunk", tag: 0, trunks: [] } : { mode: "access", tag: step.tag, trunks: [] };
            bench.vswitch.portChanged(bench.bridge, port);
          }
        } else bench.bridge.pipeline.apply([{ command: step.type, flow: parseFlow(step.flow) }]);
        bench.vswitch.settle();
        checkLaw(bench, seen);
      }
    },
  );
  fc.assert(property, { numRuns: 150 });
});

test("flipping any wildcarded bit of a packet leaves the answer as it is", () => {
  const property = fc.property(fc.array(flows, { minLength: 1, maxLength: 12 }), packets, (initial, packet) => {
    const bench = new Bench(3, initial);
    const key = keyOf(packet);
    const { actions, mask } = bench.vswitch.trace(bench.bridge, key);
    for (let bit = FIELDS.eth_dst.word * 32; bit < key.length * 32; bit++) {
      const word = bit >>> 5;
      if (((mask[word] ?? 0) & (1 << (bit & 31))) !== 0) continue;
      const flipped = key.slice();
      flipped[word] = (flipped[word] ?? 0) ^ (1 << (bit & 31));
      if (!isPossible(flipped, key)) continue;
      const other = bench.vswitch.trace(bench.bridge, flipped);
      if (JSON.stringify(other.actions) !== JSON.stringify(actions)) expect.fail(`bit ${bit} of ${packet} decides`);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

/** Whether the changed key is one that a packet can have: a field the packet lacks stays zero. */
function isPossible(flipped: Uint32Array, key: Uint32Array): boolean {
  return flipped.every((word, i) => word === key[i] || (key[i] ?? 0) !== 0);
}
