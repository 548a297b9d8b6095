/** Addresses and ports that the kernel's program chooses for connections that begin, against the tracker of user space. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { CT_STATE, type CtDatapathAction, type CtNat } from "@tenet/datapath";
import { buildIcmp4, buildIcmp6, buildTcp, buildUdp } from "@tenet/net";
import { TRACK } from "./ct-actions.ts";
import { frameOf, listed } from "./tracked-frames.ts";
import { useKernelTrackers, UserTracker } from "./trackers.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
/** Ids of connections that are over rest for a second, so more are needed than there are connections at a time. */
const CAPACITY = 65_536;
const COMMIT: CtDatapathAction = { ...TRACK, isCommit: true };

describe.skipIf(obstacle !== undefined)("the kernel's program", () => {
  const trackers = useKernelTrackers(CAPACITY);

  test("chooses addresses and ports as the tracker of user space does", () => {
    let nBegun = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(anyRequest(), anyRange()), { minLength: 30, maxLength: 60 }), (requests) => {
        const [shared, user] = [trackers.open(), new UserTracker()];
        for (const [frame, nat] of requests) {
          const states = [shared, user].map((tracker) => tracker.track(frame, { ...COMMIT, nat }));
          expect(states[0]).toBe(states[1]);
          if (states[0] !== 0) expect([...shared.frame]).toEqual([...user.frame]); // else no address was left
        }
        expect(listed(shared)).toEqual(listed(user));
        nBegun += shared.nInKernel;
      }),
      { endOnFailure: true },
    );
    expect(nBegun).toBeGreaterThan(1000);
  });

  test("gives each of many connections a port of its own, by chance or in turn, and leaves those to user space that many others are in the way of", () => {
    for (const portChoice of ["random", "hash"] as const) {
      const tracker = trackers.open();
      const nat: CtNat = { ...PORTS, portChoice };
      const ports = new Set<number>();
      for (let i = 0; i < 1000; i++) {
        const client = frameOf(
          `10.1.${i >> 8}.${i & 0xff}`,
          "10.0.0.2",
          17,
          buildUdp({ srcPort: 7, dstPort: 53 }, Uint8Array.of(1)),
        );
        expect(tracker.track(client, { ...COMMIT, nat })).toBe(CT_STATE.trk | CT_STATE.new | CT_STATE.snat);
        ports.add(((tracker.frame[34] ?? 0) << 8) | (tracker.frame[35] ?? 0));
      }
      expect([ports.size, Math.min(...ports), Math.max(...ports)]).toEqual([1000, 4000, 4999]);
      expect(tracker.nInKernel).toBeGreaterThan(500);
      expect(tracker.nUp).toBeGreaterThan(0);
    }
  });
});

const PUBLIC = Uint32Array.of(0x0a09_0901);
const PORTS = {
  side: "src",
  firstAddress: PUBLIC,
  lastAddress: PUBLIC,
  firstPort: 4000,
  lastPort: 4999,
  isPersistent: false,
} as const;

/** A packet that begins a connection. */
function anyRequest(): fc.Arbitrary<Uint8Array> {
  const host = fc.nat(3);
  const port = fc.constantFrom(80, 1023, 1024, 4001, 65535);
  return fc
    .tuple(fc.boolean(), host, host, port, port, fc.constantFrom("icmp", "tcp", "udp"))
    .map(([isSix, a, b, srcPort, dstPort, proto]) => {
      const [src, dst] = isSix ? [`fd00::${a + 1}`, `fd00::1${b}`] : [`10.0.0.${a + 1}`, `10.0.0.1${b}`];
      const rest = srcPort << 16;
      if (proto === "tcp") return frameOf(src, dst, 6, buildTcp({ srcPort, dstPort, flags: 2 }));
      if (proto === "udp") return frameOf(src, dst, 17, buildUdp({ srcPort, dstPort }, Uint8Array.of(1)));
      return isSix ? frameOf(src, dst, 58, buildIcmp6({ type: 128, rest })) : frameOf(src, dst, 1, buildIcmp4({ type: 8, rest }));
    });
}

/** A range of one or a few addresses and ports, or any; its last word may run over. */
function anyRange(): fc.Arbitrary<CtNat> {
  const bases = [
    Uint32Array.of(0x0a09_0901),
    Uint32Array.of(0xfd99_0000, 0, 0xffff_ffff, 0xffff_fffe),
    new Uint32Array(1),
    undefined,
  ];
  return fc
    .record({
      side: fc.constantFrom("src" as const, "dst" as const),
      firstAddress: fc.constantFrom(...bases.slice(0, 2), ...bases),
      nMore: fc.constantFrom(0, 0, 1, 4),
      firstPort: fc.constantFrom(0, 0, 4000, 65535),
      lastPort: fc.constantFrom(0, 4001, 4100),
      isPersistent: fc.boolean(),
      portChoice: fc.constantFrom("hash" as const, undefined),
    })
    .map(({ nMore, ...nat }) => {
      const lastAddress = nat.firstAddress?.slice();
      for (let i = (lastAddress?.length ?? 0) - 1, carry = nMore; lastAddress !== undefined && i >= 0; i--) {
        const sum = (lastAddress[i] ?? 0) + carry;
        lastAddress[i] = sum;
        carry = sum > 0xffff_ffff ? 1 : 0;
      }
      return { ...nat, lastAddress };
    });
}
