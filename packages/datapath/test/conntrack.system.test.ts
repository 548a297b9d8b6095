/** The connection tracker that user space shares with the kernel's program: what that does, and what it leaves, is one. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { type ConnectionTracker, CT_STATE, type CtDatapathAction, type CtNat } from "@tenet/datapath";
import { buildIcmp4, buildIcmp6, buildTcp, buildUdp, FIELDS, parseIp4 } from "@tenet/net";
import { SystemCallError } from "@tenet/linux";
import { KNOWN_NAT, TRACK } from "./ct-actions.ts";
import { addressText, frameOf, listed } from "./tracked-frames.ts";
import { testTracker } from "./tracker-suite.ts";
import { type Tracker, useKernelTrackers, UserTracker } from "./trackers.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("a tracker in the kernel and in user space", () => {
  const trackers = useKernelTrackers();

  afterAll(() => expect(trackers.nInKernel).toBeGreaterThan(1000));

  testTracker(trackers.open);

  test("says of random packets what the tracker of user space says, and has the same connections", () => {
    expect(compare(40)).toBeGreaterThan(10);
  });

  test("keeps a device's sum of all bytes true", (context) => {
    trackers.program.isSummed = true;
    try {
      if (!canRunSummed(trackers.open())) context.skip("the kernel runs no packets that are summed up, as it does from 6.16 on");
      compare(10);
    } finally {
      trackers.program.isSummed = false;
    }
  });

  /** @returns how many segments that open were tracked in the kernel */
  function compare(numRuns: number): number {
    let nRestarts = 0;
    fc.assert(
      fc.property(fc.array(step(), { minLength: 30, maxLength: 120 }), (steps) => {
        const [shared, user] = [trackers.open(), new UserTracker()];
        for (const { frame, actions } of steps) {
          const nUp = shared.nUp;
          const states = [shared, user].map((tracker) => tracker.track(frame, ...actions));
          expect(states[0]).toBe(states[1]);
          if (states[0] === 0) continue; // it was dropped
          expect(shared.key.slice(FIRST_WORD, LAST_WORD)).toEqual(user.key.slice(FIRST_WORD, LAST_WORD));
          expect([...shared.frame]).toEqual([...user.frame]);
          if (shared.nUp === nUp && isOpening(frame) && user.conntrack.size > 0) nRestarts++;
        }
        expect(listed(shared)).toEqual(listed(user));
      }),
      { numRuns, endOnFailure: true },
    );
    return nRestarts;
  }

  test.each(MASQUERADES)("translates known connections by itself: %o", (masquerade) => {
    const tracker = trackers.open();
    const isSix = masquerade.firstAddress?.length === 4;
    const [client, server, shown] = isSix ? ["fd00::1", "fd00::2", MASQUERADED[6]] : ["10.0.0.1", "10.0.0.2", MASQUERADED[4]];
    const request = frameOf(client, server, 17, buildUdp({ srcPort: 5, dstPort: 6 }, Uint8Array.of(1)));
    tracker.track(request, { ...COMMIT, nat: masquerade });
    tracker.nUp = 0;
    tracker.track(frameOf(server, shown, 17, buildUdp({ srcPort: 6, dstPort: 5 }, Uint8Array.of(1))), {
      ...COMMIT,
      nat: KNOWN_NAT,
    });
    expect([...tracker.frame]).toEqual([...frameOf(server, client, 17, buildUdp({ srcPort: 6, dstPort: 5 }, Uint8Array.of(1)))]);
    tracker.track(request, { ...COMMIT, nat: KNOWN_NAT });
    expect([...tracker.frame]).toEqual([...frameOf(shown, server, 17, buildUdp({ srcPort: 5, dstPort: 6 }, Uint8Array.of(1)))]);
    expect(tracker.nUp).toBe(0);
  });

  test.each(MASQUERADES)("translates errors about known connections by itself, whatever they quote: %o", (masquerade) => {
    const isSix = masquerade.firstAddress?.length === 4;
    const [client, server, shown] = isSix ? ["fd00::1", "fd00::2", MASQUERADED[6]] : ["10.0.0.1", "10.0.0.2", MASQUERADED[4]];
    const [icmp, build, type] = isSix ? ([58, buildIcmp6, 1] as const) : ([1, buildIcmp4, 3] as const);
    const ports = { srcPort: 5, dstPort: 6 };
    const nat = { ...masquerade, firstPort: 4000, lastPort: 4001 };
    for (const [proto, body] of [
      [6, buildTcp({ ...ports, flags: 2 })],
      [17, buildUdp(ports, new Uint8Array(12))],
      [icmp, build({ type: isSix ? 128 : 8, rest: 5 }, new Uint8Array(12))],
    ] as const) {
      const [shared, user] = [trackers.open(), new UserTracker()];
      const request = frameOf(client, server, proto, body);
      for (const tracker of [shared, user]) tracker.track(request, { ...COMMIT, nat });
      const seen = shared.frame.slice(14);
      shared.nUp = 0;
      for (const nBytes of [8, 16, 17, 18, 20]) {
        const error = frameOf(server, shown, icmp, build({ type, code: 1 }, seen.subarray(0, (isSix ? 40 : 20) + nBytes)));
        const states = [shared, user].map((tracker) => tracker.track(error, { ...COMMIT, isCommit: false, nat: KNOWN_NAT }));
        expect(states).toEqual(Array(2).fill(CT_STATE.trk | CT_STATE.rel | CT_STATE.rpl | CT_STATE.dnat));
        expect([...shared.frame]).toEqual([...user.frame]);
        expect(addressText(shared.frame, isSix ? 6 : 4, "dst")).toBe(client);
      }
      expect(shared.nUp).toBe(0);
    }
  });

  test.each([
    ["a zone", ({ zoneLimits }: ConnectionTracker, n: number) => zoneLimits.set(COMMIT.zone, n)],
    ["zones that have none of their own", (conntrack: ConnectionTracker, n: number) => void (conntrack.defaultZoneLimit = n)],
    [
      "a zone, whatever the others have",
      (conntrack: ConnectionTracker, n: number): void => {
        conntrack.zoneLimits.set(COMMIT.zone, n);
        conntrack.defaultZoneLimit = 1;
      },
    ],
    ["all connections", (conntrack: ConnectionTracker, n: number) => void (conntrack.maxConnections = n)],
  ])("keeps to the limit of %s by itself, also when that changes", (_name, limit) => {
    const tracker = trackers.open();
    const { conntrack } = tracker;
    const segment = (srcPort: number, flags: number): Uint8Array =>
      frameOf("10.0.0.1", "10.0.0.2", 6, buildTcp({ srcPort, dstPort: 80, seq: 5, ack: 1, flags }));
    const send = (srcPort: number, flags = 2): number =>
      tracker.track(segment(srcPort, flags), { ...COMMIT, nat: MASQUERADES[0] });
    const { trk, snat } = CT_STATE;
    limit(conntrack, 2);
    tracker.nUp = 0;
    const isNew = trk | CT_STATE.new;
    expect([1, 2, 3, 4].map((port) => send(port))).toEqual([isNew | snat, isNew | snat, isNew, isNew]);
    expect([tracker.nUp, conntrack.size]).toEqual([0, 2]);
    limit(conntrack, 1000);
    expect([send(3), tracker.nUp, conntrack.size]).toEqual([isNew | snat, 0, 3]);
    limit(conntrack, 3);
    expect(conntrack.flush({ matches: ({ original }) => original.srcPort === 2 })).toBe(1);
    expect([send(5), send(6), tracker.nUp, conntrack.size]).toEqual([isNew | snat, isNew, 0, 3]);
  });

  test("begins and follows SCTP and protocols without ports by itself", () => {
    const tracker = trackers.open();
    tracker.nUp = 0;
    for (const proto of [132, 50]) {
      const there = frameOf("10.0.0.1", "10.0.0.2", proto, Uint8Array.of(0, 5, 0, 6, ...new Uint8Array(12)));
      const back = frameOf("10.0.0.2", "10.0.0.1", proto, Uint8Array.of(0, 6, 0, 5, ...new Uint8Array(12)));
      for (const frame of [there, back, there]) tracker.track(frame, COMMIT);
    }
    expect([tracker.nUp, tracker.conntrack.size]).toEqual([0, 2]);
  });

  /** A switch's zone, a load balancer's and a gateway's, as OVN goes through them: looked up, committed where new, and looked up again. */
  test("takes packets through three zones that translate both ends, there and back, by itself", () => {
    const tracker = trackers.open();
    const [own, balanced, hidden] = [1, 2, 3].map((zone): CtDatapathAction => ({ ...TRACK, zone, nat: KNOWN_NAT }));
    if (own === undefined || balanced === undefined || hidden === undefined) throw new Error("three zones");
    const server = Uint32Array.of(parseIp4("10.0.0.2"));
    const toServer = {
      ...KNOWN_NAT,
      side: "dst",
      firstAddress: server,
      lastAddress: server,
      firstPort: 81,
      lastPort: 81,
    } as const;
    const commit = { isCommit: true, mark: 1, markMask: 1 };
    const there: readonly CtDatapathAction[] = [
      own,
      { ...own, ...commit, nat: undefined },
      hidden,
      balanced,
      { ...balanced, ...commit, nat: toServer },
      { ...balanced, ...commit },
      { ...hidden, ...commit, nat: MASQUERADES[0] },
      { ...hidden, ...commit },
    ];
    const back = [hidden, balanced, hidden, balanced, own, { ...own, ...commit, nat: undefined }];
    tracker.nUp = 0;
    for (const [proto, ask, answer] of TALKS) {
      for (let i = 0; i < 3; i++) {
        tracker.track(frameOf("10.0.0.1", "10.8.8.8", proto, ask(80)), ...there);
        expect([...tracker.frame]).toEqual([...frameOf(MASQUERADED[4], "10.0.0.2", proto, ask(81))]);
        tracker.track(frameOf("10.0.0.2", MASQUERADED[4], proto, answer(81)), ...back);
        expect([...tracker.frame]).toEqual([...frameOf("10.8.8.8", "10.0.0.1", proto, answer(80))]);
      }
    }
    expect([tracker.nUp, tracker.conntrack.size]).toEqual([0, 9]);
  });

  test("a connection that begins anew has the room of the one that it follows", () => {
    const tracker = trackers.open();
    tracker.conntrack.zoneLimits.set(COMMIT.zone, 1);
    const ports = { srcPort: 1, dstPort: 80 };
    const segment = (flags: number): number =>
      tracker.track(frameOf("10.0.0.1", "10.0.0.2", 6, buildTcp({ ...ports, seq: 5, window: 9, flags })), COMMIT);
    const [syn, reset] = [2, 4];
    const { trk, est } = CT_STATE;
    expect(segment(syn)).toBe(trk | CT_STATE.new);
    const answer = buildTcp({ srcPort: 80, dstPort: 1, seq: 7, ack: 6, window: 9, flags: 0x12 });
    tracker.track(frameOf("10.0.0.2", "10.0.0.1", 6, answer), COMMIT);
    expect(segment(reset)).toBe(trk | est);
    tracker.nUp = 0;
    expect([segment(syn), segment(syn), tracker.nUp]).toEqual([trk | CT_STATE.new, trk | CT_STATE.new, 0]);
    expect([...tracker.conntrack.connections()].map(({ tcpStates }) => tcpStates)).toEqual([["SYN_SENT", "CLOSED"]]);
  });

  test("tells why packets are left to user space", () => {
    const tracker = trackers.open();
    const before = trackers.maps.nLeftByReason;
    const fragment = frameOf("10.0.0.1", "10.0.0.2", 17, new Uint8Array(16));
    fragment[20] = 0x20;
    tracker.track(fragment, COMMIT);
    tracker.track(frameOf("10.0.0.1", "10.0.0.2", 1, buildIcmp4({ type: 13, rest: 5 })), COMMIT);
    const control = frameOf("10.0.0.1", "10.0.0.2", 6, buildTcp({ srcPort: 5, dstPort: 21, flags: 2 }));
    for (let i = 0; i < 2; i++) tracker.track(control, { ...COMMIT, helper: "ftp" });
    const more = [...trackers.maps.nLeftByReason].map(([reason, n]) => [reason, n - (before.get(reason) ?? 0)]);
    expect(more.filter(([, n]) => n !== 0)).toEqual([
      ["fragments", 1],
      ["rare headers", 1],
      ["helpers", 2],
    ]);
  });

  test("more connections than the program can hold are all tracked, and make room for it again", () => {
    const tracker = trackers.open();
    const nAll = trackers.maps.capacity + 500;
    const send = (i: number, isAnswer: boolean): number => {
      const [client, server] = [`10.1.${i >> 8}.${i & 0xff}`, "10.0.0.2"];
      const [src, dst] = isAnswer ? [server, client] : [client, server];
      return tracker.track(frameOf(src, dst, 17, buildUdp({ srcPort: 53, dstPort: 53 }, Uint8Array.of(1))), {
        ...COMMIT,
        isCommit: !isAnswer,
      });
    };
    for (let i = 0; i < nAll; i++) expect(send(i, false)).toBe(CT_STATE.trk | CT_STATE.new);
    expect(tracker.conntrack.size).toBe(nAll);
    for (let i = 0; i < nAll; i += 97) expect(send(i, true)).toBe(CT_STATE.trk | CT_STATE.est | CT_STATE.rpl);
    expect(tracker.conntrack.flush()).toBe(nAll);
    expect(tracker.conntrack.size).toBe(0);
    expect(send(0, false)).toBe(CT_STATE.trk | CT_STATE.new);
    expect(tracker.conntrack.size).toBe(1);
  });
});

const FIRST_WORD = FIELDS.ct_state.word;
const LAST_WORD = FIELDS.ct_tp_src.word + 1;
const COMMIT: CtDatapathAction = { ...TRACK, isCommit: true };
const MASQUERADED = { 4: "10.9.9.254", 6: "fd99::fe" };
const PUBLIC = Uint32Array.of(parseIp4(MASQUERADED[4]));
const MASQUERADES = [PUBLIC, Uint32Array.of(0xfd99_0000, 0, 0, 0xfe)].map(
  (address): CtNat => ({ ...KNOWN_NAT, side: "src", firstAddress: address, lastAddress: address }),
);

const OTHER_PORTS: CtNat = {
  ...KNOWN_NAT,
  side: "src",
  firstAddress: PUBLIC,
  lastAddress: PUBLIC,
  firstPort: 4000,
  lastPort: 4001,
};

/** What is asked of a port of a server and answered from it, by protocol. */
const TALKS: readonly (readonly [number, (port: number) => Uint8Array, (port: number) => Uint8Array])[] = [
  [
    6,
    (dstPort) => buildTcp({ srcPort: 5, dstPort, seq: 1, flags: 2 }),
    (srcPort) => buildTcp({ srcPort, dstPort: 5, seq: 1, ack: 2, flags: 0x12 }),
  ],
  [
    17,
    (dstPort) => buildUdp({ srcPort: 5, dstPort }, Uint8Array.of(1)),
    (srcPort) => buildUdp({ srcPort, dstPort: 5 }, Uint8Array.of(2)),
  ],
  [1, () => buildIcmp4({ type: 8, rest: 5 << 16 }), () => buildIcmp4({ type: 0, rest: 5 << 16 })],
];

/** A packet between one of two clients and a server, and what is done with it. */
function step(): fc.Arbitrary<{ frame: Uint8Array; actions: readonly CtDatapathAction[] }> {
  const action = fc
    .record({
      isCommit: fc.boolean(),
      zone: fc.nat(1),
      mark: fc.nat(3),
      markMask: fc.constantFrom(0, 1, 0xffff_ffff),
      hasLabel: fc.boolean(),
      nat: fc.constantFrom(undefined, undefined, KNOWN_NAT, ...MASQUERADES, OTHER_PORTS),
    })
    .map(({ hasLabel, ...rest }): CtDatapathAction => {
      const words = hasLabel ? Uint32Array.of(1, 0, 0xffff_0000, 7) : undefined;
      return { ...TRACK, ...rest, label: words, labelMask: words };
    });
  const frame = fc.oneof({ arbitrary: anyFrame(), weight: 3 }, { arbitrary: anyError(), weight: 1 });
  return fc.record({ frame, actions: fc.array(action, { minLength: 1, maxLength: 3 }) });
}

/** An error about a packet, from its receiver or a router, with all of it or as little as may be. */
function anyError(): fc.Arbitrary<Uint8Array> {
  const about = fc.tuple(anyFrame(), fc.boolean(), fc.constantFrom(undefined, 8, 16, 18, 20, 7), fc.constantFrom(3, 11, 1, 2, 5));
  return about.map(([frame, isFromRouter, nBytes, type]) => {
    const isSix = frame[12] === 0x86;
    const quoted = frame.subarray(14, nBytes === undefined ? undefined : 14 + (isSix ? 40 : 20) + nBytes);
    const [sender, receiver] = ["src", "dst"].map((side) => addressText(frame, isSix ? 6 : 4, side as "src" | "dst"));
    const router = isSix ? "fd00::7" : "10.0.0.7";
    const message = isSix ? buildIcmp6({ type, rest: 0 }, quoted) : buildIcmp4({ type, rest: 0 }, quoted);
    return frameOf(isFromRouter ? router : (receiver ?? ""), sender ?? "", isSix ? 58 : 1, message);
  });
}

function anyFrame(): fc.Arbitrary<Uint8Array> {
  const end = fc.constantFrom("10.0.0.1", "10.0.0.3", "fd00::1", MASQUERADED[4], MASQUERADED[6]);
  const flags = fc.constantFrom(0x02, 0x02, 0x12, 0x12, 0x10, 0x10, 0x18, 0x11, 0x14, 0x04, 0x00);
  const numbers = fc.record({ seq: fc.integer({ min: 100, max: 103 }), ack: fc.integer({ min: 100, max: 103 }), flags });
  return fc
    .tuple(end, fc.boolean(), fc.constantFrom(1, 6, 6, 6, 17, 17, 47, 132), numbers)
    .map(([client, hasAnswered, proto, tcp]) => {
      const isAnswer = hasAnswered || Object.values(MASQUERADED).includes(client); // which two connections would share, if it were a client
      const server = client.includes(":") ? "fd00::2" : "10.0.0.2";
      const [src, dst] = isAnswer ? [server, client] : [client, server];
      const ports = isAnswer ? { srcPort: 80, dstPort: 2000 } : { srcPort: 2000, dstPort: 80 };
      const body =
        proto === 1
          ? buildIcmp4({ type: isAnswer ? 0 : 8, rest: 5 << 16 })
          : proto === 6
            ? buildTcp({ ...ports, ...tcp, window: 100 })
            : buildUdp(ports, Uint8Array.of(1, 2, 3, 4)); // SCTP, which begins with ports, too, or a tunnel's
      if (proto !== 1 || server === "10.0.0.2") {
        const frame = frameOf(src, dst, proto, body);
        if (proto === 17 && server === "10.0.0.2" && tcp.seq % 2 === 0) frame.fill(0, 40, 42); // no checksum
        return frame;
      }
      return frameOf(src, dst, 58, buildIcmp6({ type: isAnswer ? 129 : 128, rest: 5 << 16 }, new Uint8Array(4)));
    });
}

function canRunSummed(tracker: Tracker): boolean {
  try {
    tracker.track(frameOf("10.0.0.1", "10.0.0.2", 17, buildUdp({ srcPort: 1, dstPort: 1 }, new Uint8Array(2))), COMMIT);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === "EINVAL") return false;
    throw error;
  }
}

function isOpening(frame: Uint8Array): boolean {
  return frame[23] === 6 && frame[47] === 0x02;
}
