/** Tunnel ports over the loopback device: two datapaths, each with a cable and a tunnel to the other. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type DatapathAction,
  MemoryLink,
  type SetTunnelAction,
  type TunnelSpec,
  type Upcall,
  UserDatapath,
} from "@tenet/datapath";
import { FIELDS, getField, getFieldBig, makeFlowKey, parseIp4, setField, setFieldBig } from "@tenet/net";
import { buildEthernet, buildIp4, buildUdp } from "@tenet/net";
import { matchOf, tcpFrame, udpFrame } from "./frames.ts";

const LOOPBACK = parseIp4("127.0.0.1");
const CABLE = 1;
const TUNNEL = 2;

/** One end: what goes in at its cable goes into the tunnel, and what comes out of that is an upcall. */
interface End {
  readonly datapath: UserDatapath;
  readonly link: MemoryLink;
  readonly upcalls: Upcall[];
  readonly dstPort: number;
}

const stop: AbortController[] = [];
let ends: End[] = [];

function openEnd(type: TunnelSpec["type"], hasPolicy: boolean): End {
  const link = new MemoryLink();
  const datapath = new UserDatapath({ openMemoryLink: () => link });
  datapath.addPort({ name: "cable", kind: "memory" });
  const upcalls: Upcall[] = [];
  datapath.onUpcall((upcall) => upcalls.push({ ...upcall, frame: upcall.frame.slice(), key: upcall.key.slice() }));
  const signal = new AbortController();
  stop.push(signal);
  for (let dstPort = 30_000 + (process.pid % 9000); ; dstPort++) {
    try {
      datapath.addPort({ name: "tunnel", kind: "tunnel", tunnel: { type, dstPort, hasPolicy } });
      datapath.start(signal.signal);
      return { datapath, link, upcalls, dstPort };
    } catch (error) {
      if (!String(error).includes("EADDRINUSE")) throw error;
    }
  }
}

/** Opens both ends; `fill` says what the outer headers of packets from the first hold. */
function join(type: TunnelSpec["type"], fill: (key: Uint32Array) => void, hasPolicy = false): [End, End, SetTunnelAction] {
  const [a, b] = [openEnd(type, hasPolicy), openEnd(type, hasPolicy)];
  ends = [a, b];
  const key = makeFlowKey();
  setField(key, FIELDS.tun_dst, LOOPBACK);
  fill(key);
  const action: SetTunnelAction = { type: "setTunnel", key, dstPort: b.dstPort };
  sendInto(a, [action, { type: "output", port: TUNNEL }]);
  return [a, b, action];
}

function sendInto({ datapath }: End, actions: readonly DatapathAction[]): void {
  const { key, mask } = matchOf({ in_port: CABLE });
  datapath.putFlow(key, mask, actions);
}

async function arrival({ upcalls }: End): Promise<Upcall> {
  return vi.waitUntil(() => upcalls[0], { timeout: 10_000, interval: 5 });
}

describe.skipIf(process.platform !== "linux")("a tunnel", () => {
  beforeEach(() => {
    ends = [];
  });
  afterEach(async () => {
    for (const each of stop.splice(0)) each.abort();
    for (const { datapath } of ends) await datapath[Symbol.asyncDispose]();
  });

  test("of Geneve carries the frame, the network's number, options, TTL and TOS", async () => {
    const [a, b] = join("geneve", (key) => {
      setFieldBig(key, FIELDS.tun_id, 0x123456n);
      setField(key, FIELDS.tun_ttl, 9);
      setField(key, FIELDS.tun_tos, 0x28);
      key[FIELDS.tun_options_present.word + 1] = 12;
      key.set([0x01028001, 0xdeadbeef, 0x01030100], FIELDS.tun_options.word);
    });
    const frame = udpFrame();
    a.link.send(frame);
    const { frame: got, key, inPort } = await arrival(b);
    expect([got, inPort]).toEqual([frame, TUNNEL]);
    expect(getFieldBig(key, FIELDS.tun_id)).toBe(0x123456n);
    expect([FIELDS.tun_src, FIELDS.tun_dst].map((field) => getField(key, field))).toEqual([LOOPBACK, LOOPBACK]);
    expect([getField(key, FIELDS.tun_ttl), getField(key, FIELDS.tun_tos)]).toEqual([9, 0x28]);
    expect(Array.from(key.subarray(FIELDS.tun_options_present.word, FIELDS.tun_options.word + 4))).toEqual([
      0, 12, 0x01028001, 0xdeadbeef, 0x01030100, 0,
    ]);
    expect(a.datapath.port(TUNNEL)?.stats).toMatchObject({ txPackets: 1, txBytes: frame.length, txDropped: 0 });
    expect(b.datapath.port(TUNNEL)?.stats).toMatchObject({ rxPackets: 1, rxBytes: frame.length, rxErrors: 0 });
  });

  test("of VXLAN carries a group policy", async () => {
    const fill = (key: Uint32Array): void => {
      setFieldBig(key, FIELDS.tun_id, 7n);
      setField(key, FIELDS.tun_gbp_id, 0x77);
      setField(key, FIELDS.tun_gbp_flags, 8);
    };
    const [a, b] = join("vxlan", fill, true);
    a.link.send(tcpFrame());
    const { key } = await arrival(b);
    expect([getField(key, FIELDS.tun_gbp_id), getField(key, FIELDS.tun_gbp_flags)]).toEqual([0x77, 8]);
  });

  test("over IPv6 has IPv6 addresses in the key, and none of IPv4", async () => {
    const [a, b] = join("geneve", (key) => {
      setField(key, FIELDS.tun_dst, 0);
      setFieldBig(key, FIELDS.tun_ipv6_dst, 1n);
    });
    a.link.send(udpFrame());
    const { key } = await arrival(b);
    expect(getFieldBig(key, FIELDS.tun_ipv6_src)).toBe(1n);
    expect(getField(key, FIELDS.tun_src)).toBe(0);
  });

  test("sends many packets of one burst in order", async () => {
    const [a, b] = join("vxlan", (key) => setFieldBig(key, FIELDS.tun_id, 1n));
    const frames = Array.from({ length: 200 }, (_, i) => udpFrame(53, Uint8Array.of(i, 1, 2)));
    for (const frame of frames) a.link.send(frame);
    await vi.waitUntil(() => b.upcalls.length === frames.length, { timeout: 10_000, interval: 5 });
    expect(b.upcalls.map(({ frame }) => frame)).toEqual(frames);
  });

  test("drops and counts packets that are broken, cut, or of what it does not speak", async () => {
    const [a, b] = join("vxlan", (key) => setFieldBig(key, FIELDS.tun_id, 1n));
    const { createSocket } = await import("node:dgram");
    const socket = createSocket("udp4");
    const send = (hex: string): Promise<void> =>
      new Promise((resolve) => socket.send(Buffer.from(hex, "hex"), b.dstPort, "127.0.0.1", () => resolve()));
    for (const hex of ["08", "0000000000000100", "8800007700000100", "0800000000000100", "08000000000001000a"]) await send(hex);
    socket.close();
    a.link.send(udpFrame());
    await arrival(b);
    expect(b.upcalls).toHaveLength(1);
    // Two have a good header, and less than an Ethernet header behind it.
    expect(b.datapath.port(TUNNEL)?.stats).toMatchObject({ rxErrors: 5, rxPackets: 3 });
  });

  test("does not take in its own outer packets, nor packets without a place to go", () => {
    const [a, , action] = join("geneve", () => undefined);
    const outer = buildUdp({ srcPort: 1, dstPort: action.dstPort }, new Uint8Array(60));
    a.link.send(buildEthernet({ dst: 2, src: 1, type: 0x0800 }, buildIp4({ src: 1, dst: LOOPBACK, proto: 17 }, outer)));
    sendInto(a, [{ type: "output", port: TUNNEL }]);
    a.link.send(udpFrame());
    expect(a.datapath.port(TUNNEL)?.stats).toMatchObject({ txPackets: 0, txDropped: 2 });
  });
});
