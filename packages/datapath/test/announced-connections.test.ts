/** Connections that FTP and TFTP announce: related to the one they were announced in, and translated as it is. */
import { ManualClock } from "@tenet/kit";
import {
  buildEthernet,
  buildIp4,
  buildIp6,
  buildTcp,
  buildUdp,
  addToSum,
  foldSum,
  getU32,
  internetChecksum,
  pseudoSum4,
  FIELDS,
  getField,
  parseIp4,
  parseIp6,
  TCP_FLAG,
} from "@tenet/net";
import { CT_STATE, type CtDatapathAction, MemoryLink, UserDatapath } from "@tenet/datapath";
import { expect, test } from "vitest";

const PLAIN = { type: "ct", isForce: false, zone: 1, label: undefined, labelMask: undefined } as const;
const TRACK: CtDatapathAction = { ...PLAIN, isCommit: false, mark: 0, markMask: 0, nat: undefined };
const COMMIT: CtDatapathAction = { ...TRACK, isCommit: true };
const FTP: CtDatapathAction = { ...COMMIT, mark: 9, markMask: 0xff, helper: "ftp" };
const { trk, est, rpl, rel } = CT_STATE;
const NEW = CT_STATE.trk | CT_STATE.new;
const C = "10.0.0.1";
const S = "10.0.0.2";
const ANY_NAT = { firstAddress: undefined, lastAddress: undefined, firstPort: 0, lastPort: 0, isPersistent: false } as const;
const NAT = { ...ANY_NAT, side: undefined, portChoice: undefined };

class Tracker {
  readonly clock = new ManualClock(1000);
  readonly datapath = new UserDatapath({ clock: this.clock, openMemoryLink: () => new MemoryLink(), random: () => 0.5 });
  readonly #port = this.datapath.addPort({ name: "m1", kind: "memory" });
  state = 0;
  mark = 0;
  frame = new Uint8Array(0);
  /** Source and destination of the last frame, with ports. */
  ends = "";

  constructor() {
    this.datapath.onUpcall(({ key, frame }) => {
      this.state = getField(key, FIELDS.ct_state);
      this.mark = getField(key, FIELDS.ct_mark);
      this.frame = frame.slice();
      this.ends = endsOf(frame);
    });
  }

  track(frame: Uint8Array, action = TRACK): number {
    this.datapath.execute(frame, this.#port, [action, { type: "userspace", userdata: 1 }]);
    return this.state;
  }
}

function endsOf(frame: Uint8Array): string {
  const text = (at: number): string => [...frame.subarray(at, at + 4)].join(".");
  const port = (at: number): number => (frame[at] ?? 0) * 256 + (frame[at + 1] ?? 0);
  return `${text(26)}:${port(34)} ${text(30)}:${port(36)}`;
}

function tcp(
  src: string,
  srcPort: number,
  dst: string,
  dstPort: number,
  flags: number,
  text = "",
  seq = 1000,
  ackNumber = 1001,
): Uint8Array {
  const segment = buildTcp(
    { srcPort, dstPort, seq, ack: flags & TCP_FLAG.ack ? ackNumber : 0, flags, window: 60000 },
    Buffer.from(text),
  );
  const macs = { dst: 0x020000000002, src: 0x020000000001 };
  if (!src.includes(":"))
    return buildEthernet({ ...macs, type: 0x0800 }, buildIp4({ src: parseIp4(src), dst: parseIp4(dst), proto: 6 }, segment));
  return buildEthernet({ ...macs, type: 0x86dd }, buildIp6({ src: parseIp6(src), dst: parseIp6(dst), proto: 6 }, segment));
}

function udp(src: string, srcPort: number, dst: string, dstPort: number, payload: Uint8Array): Uint8Array {
  const packet = buildIp4({ src: parseIp4(src), dst: parseIp4(dst), proto: 17 }, buildUdp({ srcPort, dstPort }, payload));
  return buildEthernet({ dst: 0x020000000002, src: 0x020000000001, type: 0x0800 }, packet);
}

const { syn, ack, psh } = TCP_FLAG;

/** Opens a control connection from `client` to `server` port 21; `line` is said by the one or the other. */
function say(
  tracker: Tracker,
  line: string,
  isServer: boolean,
  client = C,
  server = S,
  commit = FTP,
  [seenClient, realServer] = [client, server],
): void {
  expect(tracker.track(tcp(client, 4000, server, 21, syn), commit)).toBeGreaterThan(0);
  tracker.track(tcp(realServer, 21, seenClient, 4000, syn | ack), { ...TRACK, nat: commit.nat === undefined ? undefined : NAT });
  tracker.track(tcp(client, 4000, server, 21, ack, "", 1001), { ...TRACK, nat: commit.nat === undefined ? undefined : NAT });
  const said = isServer
    ? tcp(realServer, 21, seenClient, 4000, ack | psh, line, 1001)
    : tcp(client, 4000, server, 21, ack | psh, line, 1001);
  expect(tracker.track(said, { ...TRACK, nat: commit.nat === undefined ? undefined : NAT }) & CT_STATE.inv).toBe(0);
}

test.each([
  ["PORT 10,0,0,1,31,64\r\n", false, tcp(S, 20, C, 8000, syn), tcp(C, 8000, S, 20, syn | ack)],
  ["EPRT |1|10.0.0.1|8000|\r\n", false, tcp(S, 20, C, 8000, syn), tcp(C, 8000, S, 20, syn | ack)],
  ["227 Entering Passive Mode (10,0,0,2,31,64).\r\n", true, tcp(C, 5000, S, 8000, syn), tcp(S, 8000, C, 5000, syn | ack)],
  ["229 Entering Extended Passive Mode (|||8000|)\r\n", true, tcp(C, 5000, S, 8000, syn), tcp(S, 8000, C, 5000, syn | ack)],
])("%j announces a connection, which is related and has the mark of its parent", (line, isServer, first, answer) => {
  const tracker = new Tracker();
  expect(tracker.track(first)).toBe(NEW);
  say(tracker, line, isServer);
  expect(tracker.track(first)).toBe(NEW | rel);
  expect(tracker.track(first, COMMIT)).toBe(NEW | rel);
  expect(tracker.mark).toBe(9);
  expect(tracker.track(answer)).toBe(trk | est | rpl | rel);
});

test("IPv6: EPRT and the answer to EPSV", () => {
  const [client, server] = ["fd00::1", "fd00::2"];
  const tracker = new Tracker();
  say(tracker, "EPRT |2|fd00::1|8000|\r\n", false, client, server);
  expect(tracker.track(tcp(server, 20, client, 8000, syn))).toBe(NEW | rel);
  expect(tracker.track(tcp(server, 20, client, 8001, syn))).toBe(NEW);
});

test.each([
  ["another's address", "PORT 10,0,0,3,31,64\r\n", false, tcp("10.0.0.3", 20, C, 8000, syn)],
  ["the client's words said by the server", "PORT 10,0,0,1,31,64\r\n", true, tcp(S, 20, C, 8000, syn)],
  ["no port", "EPRT |1|10.0.0.1|0|\r\n", false, tcp(S, 20, C, 0x10000 - 1, syn)],
  ["a number that is no byte", "PORT 10,0,0,1,31,256\r\n", false, tcp(S, 20, C, 31 * 256 + 256, syn)],
  ["a line that is not whole", "PORT 10,0,0,1,31,64", false, tcp(S, 20, C, 8000, syn)],
])("%s announces nothing", (_name, line, isServer, first) => {
  const tracker = new Tracker();
  say(tracker, line, isServer);
  expect(tracker.track(first)).toBe(NEW);
});

test("without a helper nothing is announced; an announcement serves one connection, for five minutes", () => {
  const line = "229 Entering Extended Passive Mode (|||8000|)\r\n";
  const plain = new Tracker();
  say(plain, line, true, C, S, COMMIT);
  expect(plain.track(tcp(C, 5000, S, 8000, syn))).toBe(NEW);
  const tracker = new Tracker();
  say(tracker, line, true);
  expect(tracker.track(tcp(C, 5000, S, 8000, syn), COMMIT)).toBe(NEW | rel);
  expect(tracker.track(tcp(C, 5001, S, 8000, syn), COMMIT)).toBe(NEW);
  const late = new Tracker();
  say(late, line, true);
  late.clock.advance(300_000);
  expect(late.track(tcp(C, 5000, S, 8000, syn))).toBe(NEW);
});

test("what was announced has the mark of its control connection after that is over, whoever came next", () => {
  const tracker = new Tracker();
  say(tracker, "227 Entering Passive Mode (10,0,0,2,31,64).\r\n", true);
  tracker.datapath.conntrack.flush();
  expect(tracker.track(tcp(C, 6000, S, 80, syn), { ...COMMIT, mark: 5, markMask: 0xff })).toBe(NEW);
  expect(tracker.track(tcp(C, 5000, S, 8000, syn), COMMIT)).toBe(NEW | rel);
  expect(tracker.mark).toBe(9);
});

test("what is announced in a translated connection is translated as it is", () => {
  const tracker = new Tracker();
  const address = Uint32Array.of(parseIp4("10.9.9.9"));
  const commit: CtDatapathAction = { ...FTP, nat: { ...NAT, side: "src", firstAddress: address } };
  say(tracker, "229 Entering Extended Passive Mode (|||8000|)\r\n", true, C, S, commit, ["10.9.9.9", S]);
  tracker.track(tcp(C, 5000, S, 8000, syn), { ...COMMIT, nat: NAT });
  expect([tracker.state, tracker.ends]).toEqual([NEW | rel | CT_STATE.snat, "10.9.9.9:5000 10.0.0.2:8000"]);
  tracker.track(tcp(S, 8000, "10.9.9.9", 5000, syn | ack), { ...TRACK, nat: NAT });
  expect(tracker.ends).toBe("10.0.0.2:8000 10.0.0.1:5000");
});

test.each([
  ["PORT 10,0,0,1,31,64\r\n", "PORT 192,168,100,200,31,64\r\n", "192.168.100.200"],
  ["EPRT |1|10.0.0.1|8000|\r\nNOOP\r\n", "EPRT |1|1.1.1.1|8000|\r\nNOOP\r\n", "1.1.1.1"],
])("%j becomes %j, and numbers are shifted from there on", (line, expected, seenClient) => {
  const tracker = new Tracker();
  const commit: CtDatapathAction = { ...FTP, nat: { ...NAT, side: "src", firstAddress: Uint32Array.of(parseIp4(seenClient)) } };
  const track: CtDatapathAction = { ...TRACK, nat: NAT };
  const delta = expected.length - line.length;
  say(tracker, line, false, C, S, commit, [seenClient, S]);
  const check = (seq: number, ackNumber: number, text: string): void => {
    const { frame } = tracker;
    expect(Buffer.from(frame.subarray(54)).toString()).toBe(text);
    expect([getU32(frame, 38), getU32(frame, 42)]).toEqual([seq, ackNumber]);
    expect(internetChecksum(frame, 14, 20)).toBe(0);
    expect(foldSum(addToSum(pseudoSum4(frame, 14, 6, frame.length - 34), frame, 34, frame.length - 34))).toBe(0xffff);
  };
  check(1001, 1001, expected);
  tracker.track(tcp(C, 4000, S, 21, ack | psh, line, 1001), track); // sent again
  check(1001, 1001, expected);
  tracker.track(tcp(C, 4000, S, 21, ack | psh, "QUIT\r\n", 1001 + line.length), track);
  check(1001 + expected.length, 1001, "QUIT\r\n");
  tracker.track(tcp(S, 21, seenClient, 4000, ack, "", 1001, 1001 + expected.length), track);
  check(1001, 1001 + expected.length - delta, "");
  tracker.track(tcp(S, 20, seenClient, 8000, syn), { ...COMMIT, nat: NAT });
  expect([tracker.state, tracker.ends]).toEqual([NEW | rel | CT_STATE.dnat, "10.0.0.2:20 10.0.0.1:8000"]);
});

test("TFTP: the answer comes from another port, through NAT too", () => {
  const tracker = new Tracker();
  const address = Uint32Array.of(parseIp4("10.9.9.9"));
  const commit: CtDatapathAction = {
    ...COMMIT,
    helper: "tftp",
    nat: { ...NAT, side: "src", firstAddress: address, firstPort: 7000, lastPort: 7000 },
  };
  tracker.track(udp(C, 3000, S, 69, Buffer.from("\0\u0001file\0octet\0", "latin1")), commit);
  expect(tracker.ends).toBe("10.9.9.9:7000 10.0.0.2:69");
  tracker.track(udp(S, 1234, "10.9.9.9", 7000, Uint8Array.of(0, 3, 0, 1)), { ...COMMIT, nat: NAT });
  expect([tracker.state, tracker.ends]).toEqual([NEW | rel | CT_STATE.dnat, "10.0.0.2:1234 10.0.0.1:3000"]);
  tracker.track(udp(C, 3000, S, 1234, Uint8Array.of(0, 4, 0, 1)), { ...TRACK, nat: NAT });
  expect([tracker.state & ~CT_STATE.snat, tracker.ends]).toEqual([trk | est | rpl | rel, "10.9.9.9:7000 10.0.0.2:1234"]);
});
