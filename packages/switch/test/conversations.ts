/** Random packets of a few connections: mostly what two ends would send, now and then what they would not. */
import {
  buildEthernet,
  buildIcmp4,
  buildIcmp6,
  buildIp4,
  buildIp6,
  buildTcp,
  buildUdp,
  parseIp4,
  parseIp6,
  TCP_FLAG,
} from "@tenet/net";

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Addresses and ports as each end knows the other; they differ where something between translates. */
export interface Ends {
  /** Who begins, as it writes itself. */
  readonly client: string;
  /** Whom it writes to. */
  readonly service: string;
  /** Who answers. */
  readonly server: string;
  /** Whom that one writes to. */
  readonly seenClient: string;
}

/** Ends between which nothing translates. */
export const PLAIN4: Ends = { client: "10.0.0.1", service: "10.0.0.2", server: "10.0.0.2", seenClient: "10.0.0.1" };
/** The same in IPv6. */
export const PLAIN6: Ends = { client: "fd00::1", service: "fd00::2", server: "fd00::2", seenClient: "fd00::1" };

function isOfIp6({ client }: Ends): boolean {
  return client.includes(":");
}

type Proto = "tcp" | "udp" | "icmp" | "gre";

interface Conversation {
  readonly proto: Proto;
  readonly port: number;
  readonly next: [number, number];
  step: number;
}

const PROTOS: readonly Proto[] = ["tcp", "tcp", "tcp", "udp", "icmp", "gre"];
const NUMBERS = { tcp: 6, udp: 17, gre: 47 } as const;

/** `n` frames; unless `mayEnd`, no connection ends so that another could begin with its ports. */
export function converse(n: number, ends: Ends, mayEnd: boolean, random: () => number): Uint8Array[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const conversations = PROTOS.map(
    (proto, i): Conversation => ({
      proto,
      port: 1000 + i,
      next: [Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)],
      step: 0,
    }),
  );
  return Array.from({ length: n }, () => {
    const conversation = pick(conversations);
    const isFollowed = random() < 0.8;
    // The original corrupts IPv6 packets inside of errors when it translates their addresses.
    if (random() < 0.06 && (ends === PLAIN6 || !isOfIp6(ends))) return errorAbout(conversation, ends, random);
    return conversation.proto === "tcp"
      ? segment(conversation, ends, { isFollowed, mayEnd }, random)
      : datagram(conversation, ends, isFollowed ? conversation.step++ % 2 : Math.floor(random() * 2), random);
  });
}

/** How a connection goes, as direction, flags, payload bytes. */
const SCRIPT: readonly (readonly [0 | 1, number, number])[] = [
  [0, TCP_FLAG.syn, 0],
  [1, TCP_FLAG.syn | TCP_FLAG.ack, 0],
  [0, TCP_FLAG.ack, 0],
  [0, TCP_FLAG.ack | TCP_FLAG.psh, 100],
  [1, TCP_FLAG.ack, 0],
  [1, TCP_FLAG.ack | TCP_FLAG.psh, 700],
  [0, TCP_FLAG.ack, 0],
  [0, TCP_FLAG.ack | TCP_FLAG.fin, 0],
  [1, TCP_FLAG.ack, 0],
  [1, TCP_FLAG.ack | TCP_FLAG.fin, 0],
  [0, TCP_FLAG.ack, 0],
];

/** Steps of {@link SCRIPT} before the end begins. */
const N_OPEN_STEPS = 7;

function segment(
  conversation: Conversation,
  ends: Ends,
  { isFollowed, mayEnd }: { isFollowed: boolean; mayEnd: boolean },
  random: () => number,
): Uint8Array {
  const { next, port } = conversation;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const { step } = conversation;
  const place = mayEnd ? step % SCRIPT.length : step < 3 ? step : 3 + ((step - 3) % (N_OPEN_STEPS - 3));
  const scripted = SCRIPT[place] as (typeof SCRIPT)[number];
  let [direction, flags, size] = scripted;
  let offset = 0;
  let ackOffset = 0;
  if (isFollowed) conversation.step++;
  else {
    direction = pick([0, 1] as const);
    flags = pick(mayEnd ? [2, 18, 16, 24, 17, 4, 20, 0, 3, 6, 16, 16] : [2, 18, 16, 24, 0, 3, 6, 16, 16]);
    size = pick([0, 0, 1, 1000]);
    offset = pick([0, 0, 1, -1, 1000, -1000, 60_000, 70_000, -70_000, 200_000, 2 ** 31]);
    ackOffset = pick([0, 0, 1, 70_000, -70_000, 2 ** 30]);
  }
  const seq = (next[direction] + offset) >>> 0;
  const ack = (flags & TCP_FLAG.ack) === 0 ? 0 : (next[1 - direction] as number) + ackOffset;
  if (isFollowed || random() < 0.3) {
    next[direction] = (seq + size + (flags & (TCP_FLAG.syn | TCP_FLAG.fin) ? 1 : 0)) >>> 0;
  }
  const options = (flags & TCP_FLAG.syn) !== 0 && port % 2 === 0 ? Uint8Array.of(1, 3, 3, 7) : undefined;
  const [srcPort, dstPort] = direction === 0 ? [port, 80] : [80, port];
  const fields = { srcPort, dstPort, seq, ack: ack >>> 0, flags, window: pick([65535, 1000, 29200]) };
  return packet(direction, ends, 6, buildTcp(options === undefined ? fields : { ...fields, options }, new Uint8Array(size)));
}

function datagram({ proto, port }: Conversation, ends: Ends, direction: number, random: () => number): Uint8Array {
  const isIp6 = isOfIp6(ends);
  if (proto === "icmp") {
    const rest = (port << 16) | 1;
    const odd = random() < 0.1;
    const type = odd ? (isIp6 ? 135 : 17) : isIp6 ? 128 + direction : direction === 0 ? 8 : 0;
    return packet(direction, ends, isIp6 ? 58 : 1, isIp6 ? buildIcmp6({ type, rest }) : buildIcmp4({ type, rest }));
  }
  if (proto === "gre") return packet(direction, ends, NUMBERS.gre, Uint8Array.of(0, 0, 8, 0, 1, 2, 3, 4));
  const [srcPort, dstPort] = direction === 0 ? [port, 53] : [53, port];
  return packet(direction, ends, 17, buildUdp({ srcPort, dstPort }, Uint8Array.of(1, 2, 3)));
}

/** "Port unreachable" or the like from one end, about a packet of the other. */
function errorAbout({ proto, port }: Conversation, ends: Ends, random: () => number): Uint8Array {
  const isIp6 = isOfIp6(ends);
  const direction = random() < 0.5 ? 0 : 1;
  const about = 1 - direction;
  const [srcPort, dstPort] = about === 0 ? [port, proto === "tcp" ? 80 : 53] : [proto === "tcp" ? 80 : 53, port];
  const inner =
    proto === "tcp"
      ? buildTcp({ srcPort, dstPort, seq: 5, flags: 16 })
      : proto === "icmp"
        ? isIp6
          ? buildIcmp6({ type: 128 + about, rest: (port << 16) | 1 })
          : buildIcmp4({ type: about === 0 ? 8 : 0, rest: (port << 16) | 1 })
        : buildUdp({ srcPort, dstPort }, new Uint8Array(20));
  const number = proto === "tcp" ? 6 : proto === "icmp" ? (isIp6 ? 58 : 1) : 17;
  // The end that sends the error got the packet as it looks on its own side.
  const quoted = packet(direction === 1 ? 0 : 1, seenFrom(direction, ends), number, inner).subarray(14);
  const message = isIp6 ? buildIcmp6({ type: 1, code: 4 }, quoted) : buildIcmp4({ type: 3, code: 3 }, quoted);
  return packet(direction, ends, isIp6 ? 58 : 1, message);
}

/** Both directions as the end that sends in `direction` sees them. */
function seenFrom(direction: number, { client, service, server, seenClient }: Ends): Ends {
  return direction === 0
    ? { client, service, server: service, seenClient: client }
    : { client: seenClient, service: server, server, seenClient };
}

function packet(direction: number, ends: Ends, proto: number, body: Uint8Array): Uint8Array {
  const [src, dst] = direction === 0 ? [ends.client, ends.service] : [ends.server, ends.seenClient];
  const macs = { dst: 0x020000000002 - direction, src: 0x020000000001 + direction };
  if (src.includes(":")) {
    return buildEthernet({ ...macs, type: 0x86dd }, buildIp6({ src: parseIp6(src), dst: parseIp6(dst), proto }, body));
  }
  return buildEthernet({ ...macs, type: 0x0800 }, buildIp4({ src: parseIp4(src), dst: parseIp4(dst), proto }, body));
}
