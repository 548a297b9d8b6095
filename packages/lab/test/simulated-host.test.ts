import {
  buildArp,
  buildEthernet,
  buildIcmp4,
  buildIp4,
  buildTcp,
  buildVlan,
  type Dissection,
  dissect,
  ETH_TYPE,
  IP_PROTO,
  MAC_BROADCAST,
  parseIp4,
  parseMac,
  TCP_FLAG,
} from "@tenet/net";
import { afterEach, expect, test } from "vitest";
import { SimulatedHost, type SimulatedHostConfig } from "../src/simulated/simulated-host.ts";

/** A cable whose other end is the test, or a hub that repeats every frame to all others, later. */
class Cable {
  readonly sent: Uint8Array[] = [];
  onSend: (frame: Uint8Array) => void = () => undefined;
  #listener: (frame: Uint8Array) => void = () => undefined;
  send(frame: Uint8Array): void {
    this.sent.push(frame);
    this.onSend(frame);
  }
  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#listener = listener;
  }
  deliver(frame: Uint8Array): void {
    this.#listener(frame);
  }
  layers(): Dissection[] {
    return this.sent.map(dissect);
  }
}

const opened: SimulatedHost[] = [];
afterEach(() => {
  for (const host of opened.splice(0)) host.close();
});

function plug(n: number, cable: Cable, more: Partial<SimulatedHostConfig> = {}): SimulatedHost {
  const addresses = [`10.0.0.${n}/24`, `fd00::${n}/64`];
  const host = new SimulatedHost({ mac: `0a:00:00:00:00:0${n}`, addresses, listen: [80], greeting: "hello\n", ...more }, cable);
  opened.push(host);
  return host;
}

/** Hosts 1, 2, … on a hub that loses what `isLost` says. */
function hub(n: number, isLost: (frame: Dissection, nth: number) => boolean = () => false) {
  const cables = Array.from({ length: n }, () => new Cable());
  let nth = 0;
  cables.forEach((cable, i) => {
    cable.onSend = (frame) => {
      if (isLost(dissect(frame), nth++)) return;
      const others = cables.filter((_other, k) => k !== i);
      setImmediate(() => others.forEach((other) => other.deliver(frame)));
    };
  });
  return { cables, hosts: cables.map((cable, i) => plug(i + 1, cable)) };
}

const TIMEOUT_MS = 700;
const MAC1 = parseMac("0a:00:00:00:00:01");
const MAC9 = parseMac("0a:00:00:00:00:09");
const arpRequest = (target: string): Uint8Array => {
  const fields = { operation: 1, senderMac: MAC9, senderIp: parseIp4("10.0.0.9"), targetMac: 0, targetIp: parseIp4(target) };
  return buildEthernet({ dst: MAC_BROADCAST, src: MAC9, type: ETH_TYPE.arp }, buildArp(fields));
};
const ip = (proto: number, message: Uint8Array, dst = "10.0.0.1", mac: number = MAC1): Uint8Array => {
  const packet = buildIp4({ src: parseIp4("10.0.0.9"), dst: parseIp4(dst), proto }, message);
  return buildEthernet({ dst: mac, src: MAC9, type: ETH_TYPE.ip4 }, packet);
};
const echo = (): Uint8Array => ip(IP_PROTO.icmp, buildIcmp4({ type: 8, rest: 0x1234_0001 }, Uint8Array.of(1, 2, 3)));

/** One host with an address learned by ARP, and what it answered to frames since. */
function single(more: Partial<SimulatedHostConfig> = {}) {
  const cable = new Cable();
  const host = plug(1, cable, more);
  cable.deliver(arpRequest("10.0.0.1"));
  cable.sent.length = 0;
  const answers = (...frames: Uint8Array[]): Dissection[] => {
    cable.sent.length = 0;
    for (const frame of frames) cable.deliver(frame);
    return cable.layers();
  };
  return { host, cable, answers };
}

test.each(["10.0.0.2", "fd00::2"])("two hosts ping each other at %s", async (address) => {
  const { hosts, cables } = hub(3);
  expect(await hosts[0]?.ping(address, TIMEOUT_MS)).toMatchObject({ isOpen: true });
  expect(await hosts[0]?.ping(address, TIMEOUT_MS)).toMatchObject({ isOpen: true });
  // The address was asked for once; the third host heard the question and said nothing.
  expect(cables[0]?.sent).toHaveLength(3);
  expect(cables[2]?.sent).toHaveLength(0);
});

test.each(["10.0.0.2", "fd00::2"])("a TCP port of %s that is served opens, another is refused", async (address) => {
  const { hosts } = hub(2);
  expect(await hosts[0]?.connect(address, 80, TIMEOUT_MS)).toMatchObject({ isOpen: true });
  expect(await hosts[0]?.connect(address, 81, TIMEOUT_MS)).toEqual({ isOpen: false, isSilent: false });
});

test("both ends of a connection say all and close: nothing is left open", async () => {
  const { hosts, cables } = hub(2);
  await hosts[0]?.connect("10.0.0.2", 80, TIMEOUT_MS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const segments = cables.flatMap((cable) => cable.layers().filter((layers) => layers.tcp !== undefined));
  const fins = segments.filter(({ tcp }) => ((tcp?.flags ?? 0) & TCP_FLAG.fin) !== 0);
  expect(fins).toHaveLength(2);
  expect(fins.map(({ payload }) => new TextDecoder().decode(payload))).toContain("hello\n");
  expect(segments.some(({ tcp }) => ((tcp?.flags ?? 0) & TCP_FLAG.rst) !== 0)).toBe(false);
});

test("silence is a time-out", async () => {
  const { hosts } = hub(2, (layers) => layers.arp === undefined);
  const outcomes = await Promise.all([hosts[0]?.ping("10.0.0.2", 100), hosts[0]?.connect("10.0.0.2", 80, 100)]);
  expect(outcomes).toEqual([
    { isOpen: false, isSilent: true },
    { isOpen: false, isSilent: true },
  ]);
});

test("a host that nobody is, is asked for twice and no more", async () => {
  const { hosts, cables } = hub(2);
  expect(await hosts[0]?.ping("10.0.0.77", TIMEOUT_MS)).toEqual({ isOpen: false, isSilent: true });
  expect(cables[0]?.layers().map(({ arp }) => arp?.operation)).toEqual([1, 1]);
});

test("one lost question, SYN or answer to it is made good", async () => {
  for (const lost of [0, 2, 3]) {
    const { hosts } = hub(2, (_frame, nth) => nth === lost); // ARP request, its reply, SYN, SYN+ACK
    expect(await hosts[0]?.connect("10.0.0.2", 80, TIMEOUT_MS)).toMatchObject({ isOpen: true });
  }
});

test("another network is reached through the gateway, and not at all without one", async () => {
  const cable = new Cable();
  const alone = plug(1, cable);
  expect(await alone.ping("10.0.1.1", TIMEOUT_MS)).toEqual({ isOpen: false, isSilent: false });
  expect(cable.sent).toHaveLength(0);
  const other = new Cable();
  const routed = plug(1, other, { gateway: "10.0.0.254" });
  void routed.connect("10.0.1.1", 80, 50);
  expect(other.layers()[0]?.arp).toMatchObject({ operation: 1, targetIp: parseIp4("10.0.0.254") });
});

test("an echo request is answered with what it carried", () => {
  const { answers } = single();
  const [reply] = answers(echo());
  expect(reply).toMatchObject({ ethernet: { dst: MAC9, src: MAC1 }, icmp: { type: 0, rest: 0x1234_0001 } });
  expect([...(reply?.payload ?? [])]).toEqual([1, 2, 3]);
});

test("what is not for this host, or broken, is not answered", () => {
  const { answers } = single();
  const badIp = echo();
  badIp[24] = (badIp[24] ?? 0) ^ 1; // header checksum
  const badIcmp = echo();
  badIcmp[40] = (badIcmp[40] ?? 0) ^ 1;
  const syn = ip(IP_PROTO.tcp, buildTcp({ srcPort: 1, dstPort: 80, flags: TCP_FLAG.syn }));
  const badTcp = syn.slice();
  badTcp[38] = (badTcp[38] ?? 0) ^ 1;
  const message = buildIcmp4({ type: 8 });
  const otherMac = ip(IP_PROTO.icmp, message, "10.0.0.1", parseMac("0a:00:00:00:00:02"));
  const otherIp = ip(IP_PROTO.icmp, message, "10.0.0.2");
  const toAll = ip(IP_PROTO.icmp, message, "10.0.0.1", MAC_BROADCAST);
  const tagged = buildVlan({ vid: 3 }, echo());
  const reset = ip(IP_PROTO.tcp, buildTcp({ srcPort: 1, dstPort: 81, flags: TCP_FLAG.rst }));
  const frames = [badIp, badIcmp, badTcp, otherMac, otherIp, toAll, tagged, reset, arpRequest("10.0.0.2"), new Uint8Array(9)];
  for (let length = 0; length < syn.length; length++) frames.push(syn.slice(0, length));
  expect(answers(...frames)).toEqual([]);
  expect(answers(syn)).toMatchObject([{ tcp: { flags: TCP_FLAG.syn | TCP_FLAG.ack, ack: 1 } }]);
});

test("segments out of nowhere are reset", () => {
  const { answers } = single();
  const stray = ip(IP_PROTO.tcp, buildTcp({ srcPort: 5, dstPort: 80, seq: 7, ack: 99, flags: TCP_FLAG.ack }));
  expect(answers(stray)).toMatchObject([{ tcp: { flags: TCP_FLAG.rst, seq: 99, srcPort: 80, dstPort: 5 } }]);
  const closed = ip(IP_PROTO.tcp, buildTcp({ srcPort: 5, dstPort: 81, seq: 7, flags: TCP_FLAG.syn }));
  expect(answers(closed)).toMatchObject([{ tcp: { flags: TCP_FLAG.rst | TCP_FLAG.ack, ack: 8 } }]);
});

test("a closed host answers nothing and ends its probes", async () => {
  const { host, answers } = single();
  const probing = host.ping("10.0.0.9", 60_000);
  host.close();
  expect(await probing).toEqual({ isOpen: false, isSilent: true });
  expect(answers(echo())).toEqual([]);
});
