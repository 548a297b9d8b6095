/** Fragments in the connection tracker: all of a packet fare as the first does, whatever their order. */
import { ManualClock } from "@tenet/kit";
import {
  addToSum,
  buildEthernet,
  buildIp4,
  buildIp6,
  buildUdp,
  FIELDS,
  foldSum,
  getField,
  getU16,
  internetChecksum,
  parseIp4,
  parseIp6,
  pseudoSum4,
} from "@tenet/net";
import { CT_STATE, type CtDatapathAction, MemoryLink, UserDatapath } from "@tenet/datapath";
import fc from "fast-check";
import { expect, test } from "vitest";

const PLAIN = { type: "ct", isForce: false, zone: 3, mark: 0, markMask: 0, label: undefined, labelMask: undefined } as const;
const TRACK: CtDatapathAction = { ...PLAIN, isCommit: false, nat: undefined };
const COMMIT: CtDatapathAction = { ...TRACK, isCommit: true };
const { trk, est, inv, rpl } = CT_STATE;
const NEW = CT_STATE.trk | CT_STATE.new;
const A = "10.0.0.1";
const B = "10.0.0.2";

/** What left the tracker: the state and the frame. */
interface Tracked {
  readonly state: number;
  readonly frame: Uint8Array;
}

/** A datapath whose frames go through one action. */
class Tracker {
  readonly clock = new ManualClock(1000);
  readonly datapath = new UserDatapath({ clock: this.clock, openMemoryLink: () => new MemoryLink(), random: () => 0.5 });
  readonly #port = this.datapath.addPort({ name: "m1", kind: "memory" });
  readonly #tracked: Tracked[] = [];

  constructor() {
    this.datapath.onUpcall(({ key, frame }) => this.#tracked.push({ state: getField(key, FIELDS.ct_state), frame }));
  }

  /** Sends frames through `action`. @returns what has left, in the order in which it did */
  track(frames: readonly Uint8Array[], action = TRACK): Tracked[] {
    for (const frame of frames) this.datapath.execute(frame, this.#port, [action, { type: "userspace", userdata: 1 }]);
    return this.#tracked.splice(0);
  }

  /** {@link track} through two actions, one after the other. */
  trackTwice(frames: readonly Uint8Array[], ...actions: readonly [CtDatapathAction, CtDatapathAction]): Tracked[] {
    for (const frame of frames) this.datapath.execute(frame, this.#port, [...actions, { type: "userspace", userdata: 1 }]);
    return this.#tracked.splice(0);
  }

  states(frames: readonly Uint8Array[], action = TRACK): number[] {
    return this.track(frames, action).map(({ state }) => state);
  }
}

/** Ports there, and back. */
const THERE = { srcPort: 5, dstPort: 6 };
const BACK = { srcPort: 6, dstPort: 5 };

/** A UDP packet over IPv4 in fragments of 1,480 bytes. */
function packet4(nBytes: number, id: number, ports = THERE): Uint8Array[] {
  const [src, dst] = ports === THERE ? [A, B] : [B, A];
  const fields = { src: parseIp4(src), dst: parseIp4(dst), proto: 17, id };
  const whole = buildIp4(
    fields,
    buildUdp(
      ports,
      Uint8Array.from({ length: nBytes - 8 }, (_, i) => i),
    ),
  );
  return cut(whole.slice(20), 1480).map(({ piece, at, more }) =>
    ethernet(0x0800, buildIp4({ ...fields, fragmentOffset: at / 8, moreFragments: more }, piece)),
  );
}

/** The same over IPv6. */
function packet6(nBytes: number, id: number, ports = THERE): Uint8Array[] {
  const [src, dst] = ports === THERE ? ["fd00::1", "fd00::2"] : ["fd00::2", "fd00::1"];
  const fields = { src: parseIp6(src), dst: parseIp6(dst), proto: 17 };
  const whole = buildIp6(fields, buildUdp(ports, new Uint8Array(nBytes - 8)));
  return cut(whole.slice(40), 1448).map(({ piece, at, more }) =>
    ethernet(0x86dd, buildIp6({ ...fields, fragment: { offset: at / 8, more, id } }, piece)),
  );
}

function cut(payload: Uint8Array, size: number): { piece: Uint8Array; at: number; more: boolean }[] {
  const n = Math.ceil(payload.length / size);
  return Array.from({ length: n }, (_, i) => ({
    piece: payload.slice(i * size, (i + 1) * size),
    at: i * size,
    more: i < n - 1,
  }));
}

function ethernet(type: number, packet: Uint8Array): Uint8Array {
  return buildEthernet({ dst: 0x020000000002, src: 0x020000000001, type }, packet);
}

test.each([
  ["IPv4", packet4],
  ["IPv6", packet6],
])("fragments in any order have the state of the first, those before it after it: %s", (_name, packet) => {
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  fc.assert(
    fc.property(order, order, (first, second) => {
      const tracker = new Tracker();
      const sent = packet(5000, 7);
      const left = tracker.track(
        first.map((i) => sent[i] ?? new Uint8Array(0)),
        COMMIT,
      );
      expect(left.map(({ state }) => state)).toEqual([NEW, NEW, NEW, NEW]);
      expect(left[0]?.frame).toEqual(sent[0]);
      expect(new Set(left.map(({ frame }) => frame.join()))).toEqual(new Set(sent.map((frame) => frame.join())));
      expect(tracker.states(packet(5000, 8))).toEqual([NEW, NEW, NEW, NEW]);
      const answer = packet(5000, 9, BACK);
      const answered = trk | est | rpl;
      expect(tracker.states(second.map((i) => answer[i] ?? new Uint8Array(0)))).toEqual([answered, answered, answered, answered]);
      expect([...tracker.datapath.conntrack.connections()].length).toBe(1);
    }),
    { endOnFailure: true, numRuns: 40 },
  );
});

test("what is asked of fragments can be changed, and what became of them is counted", () => {
  const tracker = new Tracker();
  const { fragments } = tracker.datapath.conntrack;
  tracker.track(packet4(3000, 1), COMMIT);
  expect(fragments.ip4).toMatchObject({ nAccepted: 3, nCompleted: 3, nTooSmall: 0, nExpired: 0, nOverlapped: 0 });
  tracker.track(packet4(3000, 6).reverse());
  expect(fragments.ip4).toMatchObject({ nAccepted: 6, nCompleted: 6 });
  fragments.ip4.minBytes = 1501;
  expect(tracker.states(packet4(3000, 2))).toEqual([trk | inv, trk | inv]);
  expect(fragments.ip4.nTooSmall).toBe(2);
  fragments.ip4.minBytes = 400;
  fragments.maxWaiting = 1;
  expect(tracker.states(packet4(4000, 3).slice(1))).toEqual([]);
  expect(fragments.nWaiting).toBe(1);
  tracker.clock.advance(16_000);
  expect(tracker.states(packet6(3000, 4), COMMIT)).toEqual([NEW, NEW, NEW]);
  expect(fragments.ip4.nExpired).toBe(1);
  expect(fragments.ip6).toMatchObject({ nAccepted: 3, nCompleted: 3 });
  fragments.ip6.isEnabled = false;
  expect(tracker.states(packet6(3000, 5))).toEqual([trk | inv, trk | inv, trk | inv]);
});

test("addresses of all fragments are translated, and the packet put together again has a right checksum", () => {
  const tracker = new Tracker();
  const nat = { side: "src", firstAddress: Uint32Array.of(parseIp4("10.9.9.9")), lastAddress: undefined } as const;
  const rest = { firstPort: 0, lastPort: 0, isPersistent: false, portChoice: undefined };
  const left = tracker.track(packet4(4000, 9), { ...COMMIT, nat: { ...nat, ...rest } });
  const payload = new Uint8Array(4000);
  for (const { frame } of left) {
    expect(internetChecksum(frame, 14, 20)).toBe(0);
    expect([...frame.subarray(26, 30)]).toEqual([10, 9, 9, 9]);
    payload.set(frame.subarray(34), (getU16(frame, 20) & 0x1fff) * 8);
  }
  const header = left[0]?.frame ?? new Uint8Array(0);
  expect(foldSum(addToSum(pseudoSum4(header, 14, 17, 4000), payload, 0, 4000))).toBe(0xffff);
});

test("all fragments of the packet that begins a translated connection are translated, tracked before that or not", () => {
  const tracker = new Tracker();
  const any = { firstPort: 0, lastPort: 0, isPersistent: false, portChoice: undefined, lastAddress: undefined };
  const known: CtDatapathAction = { ...TRACK, nat: { ...any, side: undefined, firstAddress: undefined } };
  const to: CtDatapathAction = { ...COMMIT, nat: { ...any, side: "src", firstAddress: Uint32Array.of(parseIp4("10.9.9.9")) } };
  for (const id of [9, 10]) {
    const left = tracker.trackTwice(packet4(5000, id), known, to);
    expect(left.map(({ frame }) => [...frame.subarray(26, 30)])).toEqual(left.map(() => [10, 9, 9, 9]));
    expect(left.map(({ state }) => state & ~CT_STATE.snat)).toEqual([NEW, NEW, NEW, NEW]);
  }
  expect(tracker.datapath.conntrack.fragments.ip4).toMatchObject({ nAccepted: 16, nCompleted: 16 });
});

test("any number of packets come in fragments, one after the other", () => {
  const tracker = new Tracker();
  for (let id = 1; id <= 1100; id++) expect(tracker.states(packet4(2000, id), COMMIT)).toEqual([NEW, NEW]);
});

test("what lies over the first fragment, reaches beyond the longest packet or is too short is invalid", () => {
  const tracker = new Tracker();
  const piece = (fragmentOffset: number, nBytes: number, moreFragments: boolean, id = 1): Uint8Array => {
    const fields = { src: parseIp4(A), dst: parseIp4(B), proto: 17, id, fragmentOffset, moreFragments };
    return ethernet(0x0800, buildIp4(fields, new Uint8Array(nBytes)));
  };
  const [first = new Uint8Array(0)] = packet4(3000, 1);
  expect(tracker.states([first])).toEqual([NEW]);
  expect(tracker.states([piece(1, 100, false)])).toEqual([trk | inv]);
  expect(tracker.states([piece(184, 100, false)])).toEqual([trk | inv]);
  expect(tracker.states([piece(185, 100, false)])).toEqual([NEW]);
  expect(tracker.states([piece(185, 104, true)])).toEqual([trk | inv]);
  expect(tracker.states([piece(185, 1201, true)])).toEqual([trk | inv]);
  expect(tracker.states([piece(8191, 100, false)])).toEqual([trk | inv]);
});

test("what the first fragment says of the length of its datagram is not held against it, be it a header's at least", () => {
  const states = (length: number): number[] => {
    const sent = packet4(3000, 7);
    const [first] = sent;
    first?.set([length >>> 8, length & 0xff], 14 + 20 + 4);
    return new Tracker().states(sent);
  };
  expect(states(4000)).toEqual([NEW, NEW, NEW]);
  expect(states(8)).toEqual([NEW, NEW, NEW]);
  expect(states(7)).toEqual([trk | inv]); // the others wait for one that is valid
});

test("a fragment waits for its own first one, in its zone, for 15 seconds", () => {
  const tracker = new Tracker();
  const [first = new Uint8Array(0), later = new Uint8Array(0)] = packet4(2000, 1);
  expect(tracker.states([later, ...packet4(2000, 2).slice(0, 1)])).toEqual([NEW]);
  expect(tracker.states([first], { ...TRACK, zone: 4 })).toEqual([NEW]);
  tracker.clock.advance(14_999);
  expect(tracker.states([first])).toEqual([NEW, NEW]);
  expect(tracker.states(packet4(2000, 3).slice(1))).toEqual([]);
  tracker.clock.advance(15_000);
  expect(tracker.states(packet4(2000, 3).slice(0, 1))).toEqual([NEW]);
});

test("a flood of fragments without a first one takes bounded room, and costs others nothing", () => {
  const tracker = new Tracker();
  const { fragments } = tracker.datapath.conntrack;
  for (let id = 0; id < 1100; id++) expect(tracker.states(packet4(2000, id).slice(1))).toEqual([]);
  expect(fragments.nWaiting).toBe(1000);
  expect(tracker.states(packet4(2000, 5000))).toEqual([NEW, NEW]);
  expect([fragments.nWaiting, fragments.ip4.nExpired]).toEqual([999, 1]); // the oldest made room
  tracker.clock.advance(15_000);
  expect(tracker.states(packet4(2000, 5001))).toEqual([NEW, NEW]);
  expect(fragments.nWaiting).toBe(0);
});
