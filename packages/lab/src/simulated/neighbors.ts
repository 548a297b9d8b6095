/**
 * Who has which address: ARP for IPv4, neighbour discovery for IPv6.
 *
 * A packet to an unknown neighbour waits while the neighbour is asked for; the question is repeated once, then the
 * packet is dropped.
 */
import {
  buildArp,
  buildEthernet,
  buildNeighbor,
  type Dissection,
  ETH_TYPE,
  formatIp,
  getMac,
  ICMP6_TYPE,
  IP_PROTO,
  ip4ToBytes,
  MAC_BROADCAST,
  multicastMacOfIp6,
  solicitedNodeOf,
} from "@tenet/net";
import { buildDatagram, type Datagram, etherTypeOf, ip4Number, sameAddress } from "./datagram.ts";

/** The host that asks and answers. */
export interface NeighborHost {
  readonly mac: number;
  readonly addresses: readonly Uint8Array[];
  send(frame: Uint8Array): void;
}

interface Question {
  readonly packets: Uint8Array[];
  timer: NodeJS.Timeout;
}

const REPEAT_MS = 200;
const MAX_WAITING = 64;
/** Neighbour discovery is only heard from the same link. */
const ND_HOP_LIMIT = 255;
const SOLICITED_OVERRIDE = 3;

/** The neighbour table of one host. */
export class Neighbors {
  readonly #host: NeighborHost;
  readonly #macs = new Map<string, number>();
  readonly #asked = new Map<string, Question>();

  constructor(host: NeighborHost) {
    this.#host = host;
  }

  /** Sends an IP packet to a neighbour on the link, as soon as its Ethernet address is known. */
  send(source: Uint8Array, neighbor: Uint8Array, packet: Uint8Array): void {
    const key = formatIp(neighbor);
    const mac = this.#macs.get(key);
    if (mac !== undefined) {
      this.#host.send(buildEthernet({ dst: mac, src: this.#host.mac, type: etherTypeOf(neighbor) }, packet));
      return;
    }
    const asked = this.#asked.get(key);
    if (asked !== undefined) {
      if (asked.packets.length < MAX_WAITING) asked.packets.push(packet);
      return;
    }
    const giveUp = (): boolean => this.#asked.delete(key);
    const repeat = (): void => {
      question.timer = setTimeout(giveUp, REPEAT_MS);
      this.#ask(source, neighbor);
    };
    const question: Question = { packets: [packet], timer: setTimeout(repeat, REPEAT_MS) };
    this.#asked.set(key, question);
    this.#ask(source, neighbor);
  }

  /** Takes an ARP message: answers a question about us, learns an answer that we asked for. */
  onArp({ operation, senderMac, senderIp, targetIp }: NonNullable<Dissection["arp"]>): void {
    const own = this.#host.addresses.find((address) => sameAddress(address, ip4ToBytes(targetIp)));
    if (own === undefined) return;
    const sender = ip4ToBytes(senderIp);
    if (senderIp !== 0) this.#learn(sender, senderMac);
    if (operation !== 1) return;
    const reply = { operation: 2, senderMac: this.#host.mac, senderIp: targetIp, targetMac: senderMac, targetIp: senderIp };
    this.#host.send(buildEthernet({ dst: senderMac, src: this.#host.mac, type: ETH_TYPE.arp }, buildArp(reply)));
  }

  /** Takes a neighbour solicitation or advertisement. @see RFC 4861, section 7 */
  onNeighbor({ src, hopLimit, layers }: Datagram): void {
    const { icmp, payload, ethernet } = layers;
    if (icmp === undefined || ethernet === undefined || hopLimit !== ND_HOP_LIMIT || payload.length < 16) return;
    const target = payload.slice(0, 16);
    if (icmp.type === ICMP6_TYPE.neighborAdvertisement) {
      const mac = optionOf(payload, 2);
      if (mac !== undefined && this.#asked.has(formatIp(target))) this.#learn(target, mac);
      return;
    }
    if (!this.#host.addresses.some((address) => sameAddress(address, target)) || src.every((byte) => byte === 0)) return;
    const mac = optionOf(payload, 1) ?? ethernet.src;
    this.#learn(src, mac);
    const { mac: targetMac } = this.#host;
    const answer = buildNeighbor({ kind: "advertisement", target, targetMac, flags: SOLICITED_OVERRIDE });
    const packet = buildDatagram(target, src, IP_PROTO.icmp6, answer, ND_HOP_LIMIT);
    this.#host.send(buildEthernet({ dst: mac, src: targetMac, type: ETH_TYPE.ip6 }, packet));
  }

  /** Stops asking. */
  close(): void {
    for (const { timer } of this.#asked.values()) clearTimeout(timer);
    this.#asked.clear();
  }

  #ask(source: Uint8Array, neighbor: Uint8Array): void {
    const { mac } = this.#host;
    if (neighbor.length === 4) {
      const question = { operation: 1, senderMac: mac, senderIp: ip4Number(source), targetMac: 0, targetIp: ip4Number(neighbor) };
      this.#host.send(buildEthernet({ dst: MAC_BROADCAST, src: mac, type: ETH_TYPE.arp }, buildArp(question)));
      return;
    }
    const group = solicitedNodeOf(neighbor);
    const message = buildNeighbor({ kind: "solicitation", target: neighbor, sourceMac: mac });
    const packet = buildDatagram(source, group, IP_PROTO.icmp6, message, ND_HOP_LIMIT);
    this.#host.send(buildEthernet({ dst: multicastMacOfIp6(group), src: mac, type: ETH_TYPE.ip6 }, packet));
  }

  #learn(address: Uint8Array, mac: number): void {
    const key = formatIp(address);
    this.#macs.set(key, mac);
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    clearTimeout(asked.timer);
    this.#asked.delete(key);
    for (const packet of asked.packets) {
      this.#host.send(buildEthernet({ dst: mac, src: this.#host.mac, type: etherTypeOf(address) }, packet));
    }
  }
}

/** The link-layer address in an option of a neighbour discovery message, whose options follow 16 bytes of target. */
function optionOf(payload: Uint8Array, type: number): number | undefined {
  for (let at = 16; at + 8 <= payload.length; ) {
    const length = (payload[at + 1] ?? 0) * 8;
    if (length === 0) return undefined;
    if (payload[at] === type) return getMac(payload, at + 2);
    at += length;
  }
  return undefined;
}
