/** Tests of a connection tracker, whichever it is: who is new, who is known, until when, how many, and what they are translated to. */
import {
  buildIcmp4,
  buildIcmp6,
  buildTcp,
  buildUdp,
  dissect,
  FIELDS,
  foldSum,
  formatIp4,
  getField,
  internetChecksum,
  parseIp4,
  TCP_FLAG,
} from "@tenet/net";
import { CT_STATE, type CtDatapathAction } from "@tenet/datapath";
import { addToSum, pseudoSum4, pseudoSum6 } from "@tenet/net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KNOWN_NAT, TRACK } from "./ct-actions.ts";
import { addressText, frameOf } from "./tracked-frames.ts";
import { type Tracker, UserTracker } from "./trackers.ts";

const COMMIT: CtDatapathAction = { ...TRACK, isCommit: true };

function udp(src: string, srcPort: number, dst: string, dstPort: number): Uint8Array {
  const body = buildUdp({ srcPort, dstPort }, Uint8Array.of(1, 2, 3));
  return frameOf(src, dst, 17, body);
}

const A = "10.0.0.1";
const B = "10.0.0.2";
const { trk, est, rpl, rel, inv, snat, dnat } = CT_STATE;
const isNew = CT_STATE.new;

/** Connections that are not over. */
function nConnections(tracker: Tracker): number {
  return [...tracker.conntrack.connections()].length;
}

/** What holds of every tracker. */
export function testTracker(openTracker: () => Tracker): void {
  test("a connection is known from either side once it is committed, and in its zone alone", () => {
    const tracker = openTracker();
    expect(tracker.track(udp(A, 5, B, 6), TRACK)).toBe(trk | isNew);
    expect(tracker.track(udp(B, 6, A, 5), TRACK)).toBe(trk | isNew);
    expect(tracker.track(udp(A, 5, B, 6), COMMIT)).toBe(trk | isNew);
    expect(tracker.track(udp(B, 6, A, 5), TRACK)).toBe(trk | est | rpl);
    expect(tracker.track(udp(A, 5, B, 6), TRACK)).toBe(trk | est);
    expect(tracker.track(udp(A, 5, B, 6), { ...TRACK, zone: 7 })).toBe(trk | isNew);
    expect(tracker.track(udp(A, 5, B, 7), TRACK)).toBe(trk | isNew);
  });

  test("mark, label and the original tuple are those of the connection, for answers too", () => {
    const tracker = openTracker();
    const mark = { mark: 0xff05, markMask: 0x00ff, label: Uint32Array.of(0, 0, 0, 9), labelMask: Uint32Array.of(0, 0, 0, 0xf) };
    tracker.track(udp(A, 5, B, 6), { ...COMMIT, ...mark });
    tracker.track(udp(B, 6, A, 5), TRACK);
    const read = (name: "ct_mark" | "ct_nw_src" | "ct_nw_dst" | "ct_tp_src" | "ct_tp_dst" | "ct_nw_proto"): number =>
      getField(tracker.key, FIELDS[name]);
    expect(read("ct_mark")).toBe(5);
    expect(tracker.key[FIELDS.ct_label.word + 3]).toBe(9);
    expect([formatIp4(read("ct_nw_src")), formatIp4(read("ct_nw_dst"))]).toEqual([A, B]);
    expect([read("ct_nw_proto"), read("ct_tp_src"), read("ct_tp_dst")]).toEqual([17, 5, 6]);
  });

  const sctp = (src: string, srcPort: number, dst: string, dstPort: number): Uint8Array =>
    frameOf(src, dst, 132, Uint8Array.of(0, srcPort, 0, dstPort, ...new Uint8Array(12)));
  const gre = (src: string, dst: string): Uint8Array => frameOf(src, dst, 47, new Uint8Array(8));

  test.each([
    ["UDP, asked once", 60_000, udp(A, 5, B, 6), [], udp(B, 6, A, 5)],
    ["UDP, answered", 30_000, udp(A, 5, B, 6), [udp(B, 6, A, 5)], udp(B, 6, A, 5)],
    ["SCTP, asked more than once", 60_000, sctp(A, 5, B, 6), [sctp(A, 5, B, 6)], sctp(B, 6, A, 5)],
    ["SCTP over IPv6, answered", 30_000, sctp("fd00::1", 5, "fd00::2", 6), [sctp("fd00::2", 6, "fd00::1", 5)], sctp(B, 6, A, 5)],
    ["a protocol without ports, answered", 30_000, gre(A, B), [gre(B, A)], gre(B, A)],
  ])("a connection lives as long as its protocol says: %s", (_name, timeoutMs, first, more, answer) => {
    const tracker = openTracker();
    tracker.track(first, COMMIT);
    for (const frame of more) tracker.track(frame, TRACK);
    tracker.advance(timeoutMs - tracker.slackMs);
    expect(nConnections(tracker)).toBe(1);
    tracker.advance(tracker.slackMs);
    expect(nConnections(tracker)).toBe(0);
    expect(tracker.track(answer, TRACK)).toBe(trk | isNew);
  });

  test("SCTP has connections by its ports, and other protocols by their addresses", () => {
    const tracker = openTracker();
    const read = (name: "ct_nw_proto" | "ct_tp_src" | "ct_tp_dst"): number => getField(tracker.key, FIELDS[name]);
    expect(tracker.track(sctp(A, 5, B, 6), COMMIT)).toBe(trk | isNew);
    expect(tracker.track(sctp(A, 5, B, 6), TRACK)).toBe(trk | isNew);
    expect(tracker.track(sctp(A, 5, B, 6), TRACK)).toBe(trk | isNew);
    expect(tracker.track(sctp(B, 6, A, 5), TRACK)).toBe(trk | est | rpl);
    expect([read("ct_nw_proto"), read("ct_tp_src"), read("ct_tp_dst")]).toEqual([132, 5, 6]);
    expect(tracker.track(sctp(A, 4, B, 6), TRACK)).toBe(trk | isNew);
    expect(tracker.track(sctp(A, 5, B, 0), COMMIT)).toBe(trk | inv);
    expect(tracker.track(frameOf(A, B, 132, new Uint8Array(11).fill(1)), COMMIT)).toBe(trk | inv);
    expect(tracker.track(gre(A, B), COMMIT)).toBe(trk | isNew);
    expect(tracker.track(gre(B, A), TRACK)).toBe(trk | est | rpl);
    expect([read("ct_nw_proto"), read("ct_tp_src"), read("ct_tp_dst")]).toEqual([47, 0, 0]);
    const about = buildIcmp4({ type: 3, code: 4 }, sctp(A, 5, B, 6).subarray(14));
    expect(tracker.track(frameOf("10.0.0.9", A, 1, about), TRACK)).toBe(trk | rel | rpl);
    expect(nConnections(tracker)).toBe(2);
  });

  test("connections that are over are buried while packets come, a few with each", () => {
    const tracker = openTracker();
    for (let port = 1; port <= 3000; port++) tracker.track(udp(A, port, B, 6), COMMIT);
    expect(tracker.conntrack.size).toBe(3000);
    tracker.advance(60_000);
    for (let n = 0, before = tracker.conntrack.size; n < 20; n++, before = tracker.conntrack.size) {
      tracker.track(udp(A, 1, B, 7), TRACK);
      expect(before - tracker.conntrack.size).toBeLessThanOrEqual(256);
    }
    expect(tracker.conntrack.size).toBe(0);
  });

  test("a connection that is over leaves nothing to the one that comes next", () => {
    const tracker = openTracker();
    const syn = frameOf(A, B, 6, buildTcp({ srcPort: 5, dstPort: 6, seq: 1, flags: TCP_FLAG.syn }));
    const answer = frameOf(B, A, 6, buildTcp({ srcPort: 6, dstPort: 5, seq: 1, ack: 2, flags: TCP_FLAG.syn | TCP_FLAG.ack }));
    const label = { label: Uint32Array.of(1, 2, 3, 4), labelMask: new Uint32Array(4).fill(0xffffffff) };
    const marked = { ...COMMIT, mark: 7, markMask: 0xff, ...label };
    const listed = (): unknown[] =>
      [...tracker.conntrack.connections()].map((each) => [each.proto, each.mark, [...each.label], each.tcpStates]);
    tracker.track(syn, marked);
    tracker.track(answer, TRACK);
    expect(listed()).toEqual([[6, 7, [1, 2, 3, 4], ["ESTABLISHED", "SYN_SENT"]]]);
    for (const [frame, states] of [
      [syn, ["SYN_SENT", "CLOSED"]],
      [udp(A, 5, B, 6), undefined],
      [syn, ["SYN_SENT", "CLOSED"]],
    ] as const) {
      expect(tracker.conntrack.flush()).toBe(1);
      expect(tracker.track(frame, COMMIT)).toBe(trk | isNew);
      expect(listed()).toEqual([[frame === syn ? 6 : 17, 0, [0, 0, 0, 0], states]]);
    }
    expect(tracker.track(answer, TRACK)).toBe(trk | est | rpl);
  });

  test("a segment outside the window belongs to no connection, unless sequence numbers are not looked at", () => {
    const tracker = openTracker();
    const segment = (seq: number, ack: number, flags: number, nBytes = 0): Uint8Array =>
      frameOf(A, B, 6, buildTcp({ srcPort: 5, dstPort: 6, seq, ack, flags, window: 1000 }, new Uint8Array(nBytes)));
    const answer = buildTcp({ srcPort: 6, dstPort: 5, seq: 1, ack: 2, flags: TCP_FLAG.syn | TCP_FLAG.ack, window: 1000 });
    tracker.track(segment(1, 0, TCP_FLAG.syn), COMMIT);
    tracker.track(frameOf(B, A, 6, answer), TRACK);
    tracker.track(segment(2, 2, TCP_FLAG.ack), TRACK);
    const far = segment(0x1000_0000, 2, TCP_FLAG.ack, 1);
    expect(tracker.track(far, TRACK) & inv).toBe(inv);
    tracker.conntrack.checksSequences = false;
    expect(tracker.track(far, TRACK)).toBe(trk | est);
    tracker.conntrack.checksSequences = true;
    expect(tracker.track(segment(0x3000_0000, 2, TCP_FLAG.ack, 1), TRACK) & inv).toBe(inv);
  });

  test("a limit of a zone, and the limit of all, leave later connections untracked", () => {
    const tracker = openTracker();
    tracker.conntrack.zoneLimits.set(3, 2);
    for (let port = 1; port <= 5; port++) tracker.track(udp(A, port, B, 6), { ...COMMIT, zone: 3 });
    expect(nConnections(tracker)).toBe(2);
    tracker.conntrack.maxConnections = 4;
    for (let port = 1; port <= 5; port++) tracker.track(udp(A, port, B, 6), { ...COMMIT, zone: 4 });
    expect(nConnections(tracker)).toBe(4);
    expect(tracker.conntrack.flush({ zone: 3 })).toBe(2);
    expect([...tracker.conntrack.connections()].map(({ zone }) => zone)).toEqual([4, 4]);
  });

  test("an error about a connection is related to it, in the direction that it goes", () => {
    const tracker = openTracker();
    tracker.track(udp(A, 5, B, 6), COMMIT);
    const about = (frame: Uint8Array): Uint8Array => buildIcmp4({ type: 3, code: 3 }, frame.subarray(14));
    expect(tracker.track(frameOf(B, A, 1, about(udp(A, 5, B, 6))), TRACK)).toBe(trk | rel | rpl);
    expect(tracker.track(frameOf("10.0.0.9", A, 1, about(udp(A, 5, B, 6))), TRACK)).toBe(trk | rel | rpl);
    expect(tracker.track(frameOf(B, A, 1, about(udp(A, 4, B, 6))), TRACK)).toBe(trk | inv);
    expect(tracker.track(frameOf(B, "10.0.0.7", 1, about(udp(A, 5, B, 6))), TRACK)).toBe(trk | inv);
  });

  test("fragments, wrong checksums and stray answers are invalid", () => {
    const tracker = openTracker();
    const broken = udp(A, 5, B, 6);
    broken[broken.length - 1] = 0xff;
    if (tracker instanceof UserTracker) expect(tracker.track(broken, TRACK)).toBe(trk | inv);
    const fragment = udp(A, 5, B, 6);
    fragment[20] = 0x20;
    expect(tracker.track(fragment, TRACK)).toBe(trk | inv);
    expect(tracker.track(frameOf(A, B, 6, buildTcp({ srcPort: 5, dstPort: 6, flags: TCP_FLAG.syn | TCP_FLAG.ack })), TRACK)).toBe(
      trk | inv,
    );
    expect(tracker.track(frameOf(A, B, 1, buildIcmp4({ type: 0, rest: 5 })), TRACK)).toBe(trk | inv);
  });

  test("source translation: clients share an address, answers find each of them, no two have the same port", () => {
    const tracker = openTracker();
    const first = Uint32Array.of(parseIp4("10.9.9.1"));
    const nat = { ...KNOWN_NAT, side: "src", firstAddress: first, lastAddress: first, firstPort: 4000, lastPort: 4009 } as const;
    const ports = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const client = `10.0.1.${i}`;
      expect(tracker.track(udp(client, 77, B, 6), { ...COMMIT, nat })).toBe(trk | isNew | snat);
      const sent = dissect(tracker.frame);
      expect(formatIp4(sent.ip4?.src ?? 0)).toBe("10.9.9.1");
      const port = sent.udp?.srcPort ?? 0;
      ports.add(port);
      expect(hasRightChecksums(tracker.frame)).toBe(true);
      expect(tracker.track(udp(B, 6, "10.9.9.1", port), { ...TRACK, nat: KNOWN_NAT })).toBe(trk | est | rpl | dnat);
      expect(formatIp4(dissect(tracker.frame).ip4?.dst ?? 0)).toBe(client);
      expect(dissect(tracker.frame).udp?.dstPort).toBe(77);
    }
    expect([...ports].sort()).toEqual(Array.from({ length: 10 }, (_, i) => 4000 + i));
    expect(tracker.track(udp("10.0.1.10", 77, B, 6), { ...COMMIT, nat })).toBe(0); // no port is left: dropped
  });

  test.each([
    ["IPv4", "10.0.0.1", "10.0.0.2", "10.9.9.1", "src"],
    ["IPv4", "10.0.0.1", "10.0.0.2", "10.9.9.1", "dst"],
    ["IPv6", "fd00::1", "fd00::2", "fd99:0:0:1::9", "src"],
    ["IPv6", "fd00::1", "fd00::2", "fd99:0:0:1::9", "dst"],
  ] as const)("translation of known connections over %s, from %s to %s by %s at their %s", (_name, a, b, other, side) => {
    const tracker = openTracker();
    const isSix = a.includes(":");
    const to = isSix ? Uint32Array.of(0xfd99_0000, 1, 0, 9) : Uint32Array.of(parseIp4(other));
    const nat = { ...KNOWN_NAT, side, firstAddress: to, lastAddress: to };
    const [icmp, build] = isSix ? ([58, buildIcmp6] as const) : ([1, buildIcmp4] as const);
    const echo = (isAnswer: boolean): Uint8Array => build({ type: isSix ? (isAnswer ? 129 : 128) : isAnswer ? 0 : 8, rest: 7 });
    const tcp = (isAnswer: boolean): Uint8Array =>
      isAnswer
        ? buildTcp({ srcPort: 80, dstPort: 1234, seq: 1, ack: 2, flags: TCP_FLAG.syn | TCP_FLAG.ack }, Uint8Array.of(1))
        : buildTcp({ srcPort: 1234, dstPort: 80, seq: 1, flags: TCP_FLAG.syn });
    const datagram = (isAnswer: boolean): Uint8Array =>
      buildUdp(isAnswer ? { srcPort: 80, dstPort: 1234 } : { srcPort: 1234, dstPort: 80 }, Uint8Array.of(1, 2, 3));
    const [src, dst] = side === "src" ? [other, b] : [a, other];
    const [there, back] = side === "src" ? [snat, dnat] : [dnat, snat];
    const association = (isAnswer: boolean): Uint8Array => Uint8Array.of(...datagram(isAnswer), 7, 7, 7);
    const encrypted = (): Uint8Array => new Uint8Array(20).fill(7);
    for (const [proto, body] of [
      [icmp, echo],
      [6, tcp],
      [17, datagram],
      [132, association],
      [50, encrypted],
    ] as const) {
      expect(tracker.track(frameOf(a, b, proto, body(false)), { ...COMMIT, nat })).toBe(trk | isNew | there);
      expect([...tracker.frame]).toEqual([...frameOf(src, dst, proto, body(false))]);
      expect(tracker.track(frameOf(dst, src, proto, body(true)), { ...TRACK, nat: KNOWN_NAT })).toBe(trk | est | rpl | back);
      expect([...tracker.frame]).toEqual([...frameOf(b, a, proto, body(true))]);
      expect(tracker.track(frameOf(a, b, proto, body(false)), { ...TRACK, nat: KNOWN_NAT }) & (snat | dnat)).toBe(there);
      expect([...tracker.frame]).toEqual([...frameOf(src, dst, proto, body(false))]);
    }
  });

  test("a packet that was translated in a zone is of the same connection there afterwards", () => {
    const tracker = openTracker();
    const to = Uint32Array.of(parseIp4("10.0.0.99"));
    const nat = { ...KNOWN_NAT, side: "dst", firstAddress: to, lastAddress: to, firstPort: 8080, lastPort: 8080 } as const;
    const again = { ...COMMIT, nat: KNOWN_NAT, mark: 3, markMask: 3 };
    expect(tracker.track(udp(A, 5, "10.8.8.8", 80), { ...COMMIT, nat }, again)).toBe(trk | isNew | dnat);
    expect(dissect(tracker.frame).udp?.dstPort).toBe(8080);
    expect(nConnections(tracker)).toBe(1);
    expect([...tracker.conntrack.connections()][0]?.mark).toBe(3);
  });

  test.each(["src", "dst"] as const)(
    "packets both ways go through a zone twice, before and after it translates their %s",
    (side) => {
      const tracker = openTracker();
      const shown = side === "src" ? "10.0.0.99" : "10.8.8.8";
      const to = Uint32Array.of(parseIp4(side === "src" ? shown : B));
      const nat = { ...KNOWN_NAT, side, firstAddress: to, lastAddress: to, firstPort: 8080, lastPort: 8080 };
      const [asked, answered] = side === "src" ? [snat, dnat] : [dnat, snat];
      const here = { ...TRACK, nat: KNOWN_NAT };
      const mark = { ...COMMIT, nat: KNOWN_NAT, mark: 3, markMask: 3 };
      const [there, back] =
        side === "src" ? [udp(A, 5, B, 80), udp(B, 80, shown, 8080)] : [udp(A, 5, shown, 80), udp(B, 8080, A, 5)];
      const sent = side === "src" ? udp(shown, 8080, B, 80) : udp(A, 5, B, 8080);
      expect(tracker.track(there, { ...COMMIT, nat }, mark)).toBe(trk | isNew | asked);
      expect([...tracker.frame]).toEqual([...sent]);
      expect(tracker.track(there, here, mark, here)).toBe(trk | isNew | asked);
      expect([...tracker.frame]).toEqual([...sent]);
      expect(tracker.track(back, here, here, TRACK)).toBe(trk | est | rpl | answered);
      expect([...tracker.frame]).toEqual([...(side === "src" ? udp(B, 80, A, 5) : udp(shown, 80, A, 5))]);
      expect(getField(tracker.key, FIELDS.ct_mark)).toBe(3);
      expect(formatIp4(getField(tracker.key, FIELDS.ct_nw_src))).toBe(A);
      expect(getField(tracker.key, FIELDS.ct_tp_dst)).toBe(80);
      expect(nConnections(tracker)).toBe(1);
    },
  );

  const ip = (family: 4 | 6) => fc.nat(3).map((n) => (family === 4 ? `10.0.0.${n + 1}` : `fd00::${n + 1}`));

  test("translated packets and the packets inside of errors have true checksums", () => {
    const scenario = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
      fc.record({
        family: fc.constant(family),
        client: ip(family),
        server: ip(family),
        port: fc.integer({ min: 1, max: 65535 }),
        newPort: fc.nat(65535),
        side: fc.constantFrom("src" as const, "dst" as const),
        isTcp: fc.boolean(),
        payload: fc.uint8Array({ maxLength: 40 }),
      }),
    );
    fc.assert(
      fc.property(scenario, ({ family, client, server, port, newPort, side, isTcp, payload }) => {
        const tracker = openTracker();
        const to = family === 4 ? Uint32Array.of(0x0a0909fe) : Uint32Array.of(0xfd990000, 1, 2, 0xfffe);
        const nat = { ...KNOWN_NAT, side, firstAddress: to, lastAddress: to, firstPort: newPort, lastPort: newPort };
        const proto = isTcp ? 6 : 17;
        const body = (srcPort: number, dstPort: number): Uint8Array =>
          isTcp ? buildTcp({ srcPort, dstPort, seq: 9, flags: TCP_FLAG.syn }, payload) : buildUdp({ srcPort, dstPort }, payload);
        tracker.track(frameOf(client, server, proto, body(port, 99)), { ...COMMIT, nat });
        const sent = tracker.frame;
        expect(hasRightChecksums(sent)).toBe(true);
        // The receiver says that nobody is there; the sender hears of the packet that it sent.
        const seen = dissect(sent);
        const source = addressText(sent, family, "src");
        const target = addressText(sent, family, "dst");
        const quoted = sent.subarray(14);
        const error = family === 4 ? buildIcmp4({ type: 3, code: 3 }, quoted) : buildIcmp6({ type: 1, code: 4 }, quoted);
        const state = tracker.track(frameOf(target, source, family === 4 ? 1 : 58, error), { ...TRACK, nat: KNOWN_NAT });
        expect(state & (rel | rpl)).toBe(rel | rpl);
        expect(hasRightChecksums(tracker.frame)).toBe(true);
        expect(addressText(tracker.frame, family, "dst")).toBe(client);
        const inner = tracker.frame.subarray(14 + (family === 4 ? 28 : 48));
        const original = frameOf(client, server, proto, body(port, 99)).subarray(14);
        expect(Buffer.from(inner).equals(Buffer.from(original)), seen.ip4 === undefined ? "IPv6" : "IPv4").toBe(true);
      }),
    );
  });

  /** Random packets of few ends, against a list of connections that is searched from end to end. */
  test("what is new and what is known agrees with a plain list", () => {
    const packet = fc.record({
      from: fc.nat(2),
      to: fc.nat(2),
      fromPort: fc.integer({ min: 1, max: 2 }),
      toPort: fc.integer({ min: 1, max: 2 }),
      zone: fc.nat(1),
      commits: fc.boolean(),
      waitMs: fc.constantFrom(0, 0, 0, 25_000, 31_000, 61_000), // no sum of some is nearly that of others
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 20, maxLength: 200 }), (packets) => {
        const tracker = openTracker();
        let known: { from: string; to: string; phase: "one way" | "both"; expiresMs: number }[] = [];
        for (const { from, to, fromPort, toPort, zone, commits, waitMs } of packets) {
          tracker.advance(waitMs);
          const nowMs = tracker.nowMs();
          known = known.filter(({ expiresMs }) => expiresMs > nowMs);
          const [sender, receiver] = [`${zone} 10.0.0.${from} ${fromPort}`, `${zone} 10.0.0.${to} ${toPort}`];
          const forward = known.find((each) => each.from === sender && each.to === receiver);
          const backward = forward === undefined ? known.find((each) => each.from === receiver && each.to === sender) : undefined;
          const found = forward ?? backward;
          let expected = trk | isNew;
          if (found !== undefined) {
            if (backward !== undefined || found.phase === "both") found.phase = "both";
            if (found.phase === "both") expected = trk | est | (backward === undefined ? 0 : rpl);
            found.expiresMs = nowMs + (found.phase === "both" ? 30_000 : 60_000);
          } else if (commits) known.push({ from: sender, to: receiver, phase: "one way", expiresMs: nowMs + 60_000 });
          const frame = udp(`10.0.0.${from}`, fromPort, `10.0.0.${to}`, toPort);
          expect(tracker.track(frame, { ...(commits ? COMMIT : TRACK), zone })).toBe(expected);
          expect(nConnections(tracker)).toBe(known.length);
        }
      }),
      { numRuns: 30 },
    );
  });
}

/** Of the IP header and of the message in it. */
function hasRightChecksums(frame: Uint8Array): boolean {
  const packet = frame.subarray(14);
  const isIp4 = (packet[0] ?? 0) >>> 4 === 4;
  if (isIp4 && internetChecksum(packet, 0, 20) !== 0) return false;
  const at = isIp4 ? 20 : 40;
  const proto = packet[isIp4 ? 9 : 6] ?? 0;
  const n = packet.length - at;
  const pseudo = proto === 1 ? 0 : isIp4 ? pseudoSum4(packet, 0, proto, n) : pseudoSum6(packet, 0, proto, n);
  return foldSum(addToSum(pseudo, packet, at, n)) === 0xffff;
}
