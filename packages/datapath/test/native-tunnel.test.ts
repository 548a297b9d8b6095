/** Outer headers that the datapath puts in front of packets and takes off, over cables: no sockets, no privileges. */
import {
  buildOuterHeader,
  type DatapathAction,
  MemoryLink,
  type TunnelPushAction,
  type TunnelSpec,
  type Upcall,
  UserDatapath,
} from "@tenet/datapath";
import {
  buildEthernet,
  buildIp4,
  buildIp6,
  FIELDS,
  foldSum,
  getField,
  getFieldBig,
  getU16,
  internetChecksum,
  makeFlowKey,
  MAX_OPTIONS_BYTES,
  parseIp4,
  parseIp6,
  pseudoSum4,
  putU16,
  setField,
  TUNNEL_FLAG,
  tunnelFamily,
} from "@tenet/net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";

const MACS = { src: 0x02_00_00_00_00_01, dst: 0x02_00_00_00_00_02 };
const L3 = 14;
/** Ports of every datapath here. */
const CABLE = 1;
const WIRE = 2;
const TUNNEL = 3;

interface End {
  readonly datapath: UserDatapath;
  readonly cable: MemoryLink;
  readonly wire: MemoryLink;
  /** What was looked up and met no flow. */
  readonly upcalls: Upcall[];
}

function openEnd(tunnel: TunnelSpec): End {
  const [cable, wire] = [new MemoryLink(), new MemoryLink()];
  const datapath = new UserDatapath({ openMemoryLink: (name) => (name === "cable" ? cable : wire) });
  datapath.addPort({ name: "cable", kind: "memory" });
  datapath.addPort({ name: "wire", kind: "memory" });
  datapath.addPort({ name: "tunnel", kind: "tunnel", tunnel: { ...tunnel, isNative: true } });
  const upcalls: Upcall[] = [];
  datapath.onUpcall((upcall) => upcalls.push({ ...upcall, frame: upcall.frame.slice(), key: upcall.key.slice() }));
  return { datapath, cable, wire, upcalls };
}

function onPort(end: End, portNo: number, actions: readonly DatapathAction[], fragments = false): void {
  const { key, mask } = matchOf({ in_port: portNo, nw_frag: fragments ? 1 : 0 });
  if (fragments) setField(mask, FIELDS.nw_frag, 1);
  end.datapath.putFlow(key, mask, actions);
}

/** A tunnel block between two addresses. */
function blockOf(family: 4 | 6, fill: (key: Uint32Array) => void = () => undefined): Uint32Array {
  const key = makeFlowKey();
  if (family === 4) {
    setField(key, FIELDS.tun_src, parseIp4("10.0.0.1"));
    setField(key, FIELDS.tun_dst, parseIp4("10.0.0.2"));
  } else {
    const words = (address: string): number[] => [0, 4, 8, 12].map((at) => new DataView(parseIp6(address).buffer).getUint32(at));
    key.set(words("fd00::1"), FIELDS.tun_ipv6_src.word);
    key.set(words("fd00::2"), FIELDS.tun_ipv6_dst.word);
  }
  key[FIELDS.tun_id.word + 1] = 0x123456;
  setField(key, FIELDS.tun_ttl, 64);
  setField(key, FIELDS.tun_flags, TUNNEL_FLAG.key);
  fill(key);
  return key;
}

function pushOf({ type, dstPort, hasPolicy }: TunnelSpec, key: Uint32Array): TunnelPushAction {
  const header = buildOuterHeader({ type, hasPolicy }, { key, dstPort }, MACS);
  return { type: "tunnelPush", tunnelPort: TUNNEL, kind: type, outPort: WIRE, header };
}

/** Two ends whose wires are one: what goes in at the cable of the first is looked up inside the tunnel of the second. */
function join(spec: TunnelSpec, key: Uint32Array): { a: End; b: End; outer: Uint8Array[] } {
  const [a, b] = [openEnd(spec), openEnd(spec)];
  onPort(a, CABLE, [pushOf(spec, key), { type: "output", port: WIRE }]);
  onPort(b, WIRE, [{ type: "tunnelPop", port: TUNNEL }]);
  onPort(b, WIRE, [{ type: "reassemble" }], true);
  const outer: Uint8Array[] = [];
  a.wire.onFrame((frame) => {
    outer.push(frame.slice());
    b.wire.send(frame);
  });
  return { a, b, outer };
}

const VXLAN: TunnelSpec = { type: "vxlan", dstPort: 4789, hasPolicy: false };
const specs = fc.constantFrom<TunnelSpec>(
  VXLAN,
  { type: "geneve", dstPort: 6081, hasPolicy: false },
  { type: "gre", dstPort: 0, hasPolicy: false },
  { type: "vxlan", dstPort: 8472, hasPolicy: true },
);
const family = fc.constantFrom<4 | 6>(4, 6);
const payload = fc.uint8Array({ maxLength: 200 });

test("the first bytes of a packet go into a tunnel, and those behind it get all of it", () => {
  const key = blockOf(4, () => undefined);
  const { a, outer } = join(VXLAN, key);
  const frame = udpFrame(53, new Uint8Array(150).fill(7));
  const into = { type: "clone", actions: [pushOf(VXLAN, key), { type: "output", port: WIRE }] } as const;
  onPort(a, CABLE, [{ type: "truncate", maxLength: 100 }, into, { type: "output", port: WIRE }]);
  a.cable.send(frame);
  expect(outer.map(({ length }) => length)).toEqual([50 + 100, frame.length]);
  expect(outer[0]?.slice(50)).toEqual(frame.slice(0, 100));
  onPort(a, CABLE, [{ type: "truncate", maxLength: 100 }, ...into.actions]);
  a.cable.send(frame);
  expect(outer[2]?.slice(50)).toEqual(frame.slice(0, 100));
});

test("a packet of which the first bytes are to leave a tunnel does not, and those behind it get all of it", () => {
  const { a, outer } = join(VXLAN, blockOf(4));
  const frame = udpFrame(53, new Uint8Array(150).fill(7));
  onPort(a, CABLE, [
    { type: "truncate", maxLength: 100 },
    { type: "tunnelPop", port: TUNNEL },
    { type: "output", port: WIRE },
  ]);
  a.cable.send(frame);
  expect(outer.map(({ length }) => length)).toEqual([frame.length]);
});

test("what is pushed is popped: the packet, identifier, addresses, TOS, TTL and options; lengths and checksums are right", () => {
  const settings = fc.record({
    spec: specs,
    family,
    tos: fc.integer({ min: 0, max: 255 }),
    ttl: fc.integer({ min: 1, max: 255 }),
    hasChecksum: fc.boolean(),
    optionWords: fc.constantFrom(0, 1, 31),
    payload,
  });
  fc.assert(
    fc.property(settings, (given) => {
      const key = blockOf(given.family, (block) => {
        setField(block, FIELDS.tun_tos, given.tos);
        setField(block, FIELDS.tun_ttl, given.ttl);
        setField(block, FIELDS.tun_flags, TUNNEL_FLAG.key | (given.hasChecksum ? TUNNEL_FLAG.checksum : 0));
        if (given.spec.type === "geneve") addOption(block, given.optionWords);
      });
      const { a, b, outer } = join(given.spec, key);
      const frame = udpFrame(53, given.payload);
      a.cable.send(frame);
      const [seen] = b.upcalls;
      if (seen === undefined) throw new Error("nothing came out");
      expect(seen.frame).toEqual(frame);
      expect(seen.inPort).toBe(TUNNEL);
      for (const name of [
        "tun_id",
        "tun_src",
        "tun_dst",
        "tun_ipv6_src",
        "tun_ipv6_dst",
        "tun_tos",
        "tun_ttl",
        "tun_options",
      ] as const) {
        expect(getFieldBig(seen.key, FIELDS[name]), name).toBe(getFieldBig(key, FIELDS[name]));
      }
      expect(isSound(outer[0] ?? new Uint8Array(0))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

/** Adds a Geneve option as long as it may be, or shorter. */
function addOption(key: Uint32Array, nWords: number): void {
  key[FIELDS.tun_options.word] = (0x0102 << 16) | (0x80 << 8) | nWords;
  for (let i = 1; i <= nWords; i++) key[FIELDS.tun_options.word + i] = i;
  key[FIELDS.tun_options_present.word + 1] = 4 * (1 + nWords);
  expect(4 * (1 + nWords)).toBeLessThanOrEqual(MAX_OPTIONS_BYTES);
}

/** Whether lengths and IP's checksum are right, and the UDP checksum where there is one. */
function isSound(frame: Uint8Array): boolean {
  const isIp4 = getU16(frame, 12) === 0x0800;
  const l4 = L3 + (isIp4 ? 20 : 40);
  if (isIp4 && (getU16(frame, L3 + 2) !== frame.length - L3 || internetChecksum(frame, L3, 20) !== 0)) return false;
  if (!isIp4 && getU16(frame, L3 + 4) !== frame.length - l4) return false;
  if (frame[L3 + (isIp4 ? 9 : 6)] !== 17) return true;
  if (getU16(frame, l4 + 4) !== frame.length - l4) return false;
  if (!isIp4 || getU16(frame, l4 + 6) === 0) return isIp4 || getU16(frame, l4 + 6) !== 0;
  const words = Array.from({ length: Math.ceil((frame.length - l4) / 2) }, (_, i) => getU16(frame, l4 + 2 * i));
  return foldSum(words.reduce((sum, word) => sum + word, pseudoSum4(frame, L3, 17, frame.length - l4))) === 0xffff;
}

test("UDP source ports tell connections apart, lie in their range, and stay", () => {
  const { a, outer } = join(VXLAN, blockOf(4));
  Object.assign(a.datapath.egressPorts, { first: 50_000, last: 50_100 });
  for (const port of [1, 1, 2, 3, 4, 5]) a.cable.send(udpFrame(port));
  const ports = outer.map((frame) => getU16(frame, L3 + 20));
  expect(ports.every((port) => port >= 50_000 && port <= 50_100)).toBe(true);
  expect(ports[0]).toBe(ports[1]);
  expect(new Set(ports).size).toBeGreaterThan(2);
});

test("a tunnel inside a tunnel has both headers", () => {
  const { a, b, outer } = join(VXLAN, blockOf(4));
  onPort(a, CABLE, [pushOf(VXLAN, blockOf(4)), pushOf(VXLAN, blockOf(6)), { type: "output", port: WIRE }]);
  const frame = udpFrame();
  a.cable.send(frame);
  expect(outer[0]?.length).toBe(frame.length + 50 + 70);
  expect(b.upcalls[0]?.frame.length).toBe(frame.length + 50);
  expect(tunnelFamily(b.upcalls[0]?.key ?? makeFlowKey())).toBe(6);
});

test("a copy goes into the tunnel, the packet itself goes on as it was", () => {
  const { a, b } = join(VXLAN, blockOf(4));
  const push: DatapathAction = { type: "clone", actions: [pushOf(VXLAN, blockOf(4)), { type: "output", port: WIRE }] };
  onPort(a, CABLE, [push, push, { type: "output", port: CABLE }]);
  const back: Uint8Array[] = [];
  a.cable.onFrame((frame) => back.push(frame));
  const frame = udpFrame();
  a.cable.send(frame);
  expect(back).toEqual([frame]);
  expect(b.upcalls.map((upcall) => upcall.frame)).toEqual([frame, frame]);
});

test("TCP that its sender left to be cut goes into the next tunnel segment by segment, each complete", () => {
  const { a, b, outer } = join(VXLAN, blockOf(4));
  onPort(b, TUNNEL, [pushOf(VXLAN, blockOf(6)), { type: "output", port: CABLE }]);
  const again: Uint8Array[] = [];
  b.cable.onFrame((frame) => again.push(frame));
  const large = tcpFrame(
    4,
    new Uint8Array(20_000).map((_, i) => i % 251),
  );
  putU16(large, L3 + 20 + 16, foldSum(pseudoSum4(large, L3, 6, large.length - L3 - 20))); // as a kernel leaves it
  a.cable.send(large);
  expect(outer).toHaveLength(1);
  expect(again.length).toBeGreaterThan(10);
  expect(again.every((frame) => frame.length <= 1500 && isSound(frame))).toBe(true);
  const carried = again.reduce((sum, frame) => sum + frame.length - 70 - 54, 0);
  expect(carried).toBe(20_000);
});

describe("what is no packet of the tunnel", () => {
  const { a, b, outer } = join(
    VXLAN,
    blockOf(4, (key) => setField(key, FIELDS.tun_flags, TUNNEL_FLAG.key | TUNNEL_FLAG.checksum)),
  );
  a.cable.send(udpFrame());
  const [good = new Uint8Array(0)] = outer;
  const arrives = (frame: Uint8Array): boolean => {
    const before = b.upcalls.length;
    b.wire.send(frame);
    return b.upcalls.slice(before).some(({ inPort }) => inPort === TUNNEL);
  };

  test("cut anywhere, it is dropped and counted", () => {
    expect(arrives(good)).toBe(true);
    const nErrors = (): number => b.datapath.port(TUNNEL)?.stats.rxErrors ?? 0;
    const before = nErrors();
    for (let length = 14; length < good.length; length++) expect(arrives(good.slice(0, length)), String(length)).toBe(false);
    expect(nErrors()).toBeGreaterThan(before);
  });

  test("with any bit behind Ethernet turned over, it is dropped", () => {
    for (let bit = 8 * L3; bit < 8 * good.length; bit++) {
      const broken = good.slice();
      broken[bit >>> 3] = (broken[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      // UDP's checksum may be turned into "none", never by one bit here; TOS and TTL are in IP's.
      expect(arrives(broken), `bit ${bit}`).toBe(false);
    }
  });

  test("random bytes never throw", () => {
    const tail = fc.uint8Array({ maxLength: 120 });
    fc.assert(
      fc.property(tail, fc.constantFrom(14, 34, 42, 50), (bytes, at) => {
        const frame = Uint8Array.from([...good.slice(0, at), ...bytes]);
        b.wire.send(frame);
      }),
    );
  });
});

describe("fragments of outer packets", () => {
  /** Cuts an IP packet in a frame into fragments of so many payload bytes. */
  function cut(frame: Uint8Array, size: number, id: number): Uint8Array[] {
    const isIp4 = getU16(frame, 12) === 0x0800;
    const l4 = L3 + (isIp4 ? 20 : 40);
    const [dst, src] = [frame.slice(0, 6), frame.slice(6, 12)].map((mac) => mac.reduce((value, byte) => value * 256 + byte, 0));
    const proto = frame[L3 + (isIp4 ? 9 : 6)] ?? 0;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < frame.length - l4; at += size) {
      const piece = frame.slice(l4 + at, l4 + at + size);
      const more = l4 + at + size < frame.length;
      const packet = isIp4
        ? buildIp4(
            { src: parseIp4("10.0.0.1"), dst: parseIp4("10.0.0.2"), proto, id, fragmentOffset: at / 8, moreFragments: more },
            piece,
          )
        : buildIp6({ src: parseIp6("fd00::1"), dst: parseIp6("fd00::2"), proto, fragment: { offset: at / 8, more, id } }, piece);
      pieces.push(buildEthernet({ dst: dst ?? 0, src: src ?? 0, type: getU16(frame, 12) }, packet));
    }
    return pieces;
  }

  /** What the far end gets to see of frames that arrive at its wire. */
  function received(
    spec: TunnelSpec,
    of: 4 | 6,
    frames: (outer: Uint8Array) => readonly Uint8Array[],
    inner: Uint8Array,
  ): Uint8Array[] {
    const { a, b, outer } = join(
      spec,
      blockOf(of, (key) => setField(key, FIELDS.tun_flags, TUNNEL_FLAG.key | TUNNEL_FLAG.checksum)),
    );
    a.wire.onFrame((frame) => outer.push(frame.slice()));
    a.cable.send(inner);
    for (const frame of frames(outer[0] ?? new Uint8Array(0))) b.wire.send(frame);
    return b.upcalls.filter(({ inPort }) => inPort === TUNNEL).map(({ frame }) => frame);
  }

  test("in any order are put together before the headers come off", () => {
    const order = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(specs, family, fc.integer({ min: 1, max: 40 }), order, (spec, of, units, keys) => {
        const inner = udpFrame(53, new Uint8Array(300).fill(7));
        const shuffled = (outer: Uint8Array): Uint8Array[] =>
          cut(outer, 8 * units, 77)
            .map((piece, i) => ({ piece, key: keys[i % keys.length] ?? 0 }))
            .sort((x, y) => x.key - y.key)
            .map(({ piece }) => piece);
        expect(received(spec, of, shuffled, inner)).toEqual([inner]);
      }),
      { numRuns: 60 },
    );
  });

  test("that lie over each other cost the packet; packets side by side do not mix", () => {
    const inner = udpFrame(53, new Uint8Array(300).fill(7));
    const overlapping = (outer: Uint8Array): Uint8Array[] => [...cut(outer, 64, 5).slice(0, 2), ...cut(outer, 48, 5).slice(1)];
    expect(received(VXLAN, 4, overlapping, inner)).toEqual([]);
    const mixed = (outer: Uint8Array): Uint8Array[] => {
      const [one, two] = [cut(outer, 64, 5), cut(outer, 64, 6)];
      return one.flatMap((piece, i) => [piece, two[i] ?? piece]);
    };
    expect(received(VXLAN, 4, mixed, inner)).toEqual([inner, inner]);
  });

  test("that are never complete take bounded room, and the oldest goes first", () => {
    const inner = udpFrame(53, new Uint8Array(300).fill(7));
    const flood = (outer: Uint8Array): Uint8Array[] => {
      const lost = Array.from({ length: 1000 }, (_, i) => cut(outer, 64, 1000 + i)[1] ?? outer);
      const [first = outer, ...rest] = cut(outer, 64, 5);
      return [first, ...lost, ...rest];
    };
    expect(received(VXLAN, 4, flood, inner)).toEqual([]);
    const short = (outer: Uint8Array): Uint8Array[] => {
      const [first = outer, ...rest] = cut(outer, 64, 5);
      return [first, ...Array.from({ length: 200 }, (_, i) => cut(outer, 64, 1000 + i)[1] ?? outer), ...rest];
    };
    expect(received(VXLAN, 4, short, inner)).toEqual([inner]);
  });
});

test("a port whose tunnel is native takes no socket, and packets sent to it are lost there", () => {
  const end = openEnd(VXLAN);
  const other = openEnd(VXLAN); // of the same UDP port
  onPort(end, CABLE, [
    { type: "setTunnel", key: blockOf(4), dstPort: 4789 },
    { type: "output", port: TUNNEL },
  ]);
  end.cable.send(udpFrame());
  expect(end.datapath.port(TUNNEL)?.stats).toMatchObject({ txPackets: 0, txDropped: 1 });
  expect(getField(keyOf(udpFrame()), FIELDS.tun_dst)).toBe(0);
  expect([...other.datapath.ports()]).toHaveLength(3);
});
