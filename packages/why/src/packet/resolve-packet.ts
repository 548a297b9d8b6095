/** Finds the places of a question in the network, and makes the packet that would go from one to the other. */
import { formatIp, formatIp6, formatMac, linkLocalOfMac, multicastMacOfIp6, parseIp, parseMac } from "@tenet/net";
import { formatProtocol } from "../question/format-question.ts";
import type { PacketQuestion, Party, Place, Protocol } from "../question/question.ts";
import { QuestionError } from "../question/question-error.ts";
import type { Network, Port } from "./network.ts";
import { PortFinder } from "./port-finder.ts";
import { firstIp, type Packet, type Target } from "./packet.ts";
import { answerFlow, type PacketEnds, packetFlow } from "./packet-flow.ts";

const BROADCAST = { mac: "ff:ff:ff:ff:ff:ff", 4: "255.255.255.255", 6: "ff02::1" } as const;
const ALL_NODES_MAC = "33:33:00:00:00:01";

/**
 * Makes the packet of a question.
 *
 * @param text - the question, for the positions of errors
 * @throws QuestionError at the name that is unknown, not plugged in, or lacks an address
 */
export function resolvePacket(question: PacketQuestion, text: string, network: Network, bridge: string): Packet {
  const packet = new Resolver(question, text, network).packet(bridge);
  if (!question.isAnswer) return packet;
  if (packet.answer !== undefined) return packet.answer;
  const { at, text: label } = question.to.place;
  throw new QuestionError(`"${label}" would send no answer that is known here`, text, {
    at,
    hint: "Ask about a port that is plugged in here",
  });
}

class Resolver {
  readonly #question: PacketQuestion;
  readonly #network: Network;
  readonly #ports: PortFinder;

  constructor(question: PacketQuestion, text: string, network: Network) {
    this.#question = question;
    this.#network = network;
    this.#ports = new PortFinder(text, network);
  }

  packet(bridge: string): Packet {
    const { from, to, protocol } = this.#question;
    const sender = this.#ports.find(from.place);
    const inPort = this.#ports.ofport(sender, from.place, bridge);
    const family = this.#family(sender);
    const target = this.#target(sender, family);
    const source = this.#source(sender, family, target);
    const isSearch = target.mac === undefined && protocol.name !== "arp" && protocol.name !== "nd";
    const sent: Protocol = isSearch ? { name: family === 4 ? "arp" : "nd" } : protocol;
    const mac = target.mac ?? BROADCAST.mac;
    const ends = { inPort, family, source, target: { mac, ip: target.ip } };
    return {
      flow: packetFlow(ends, sent),
      from: sender,
      fromLabel: from.place.text,
      to: { ...target, label: to.place.text },
      protocol: formatProtocol(protocol),
      isSearch,
      isAnswer: false,
      source,
      answer: isSearch ? undefined : this.#answer(ends, sender, target, bridge),
    };
  }

  /** Nobody answers a made-up address, nor one who is not here. */
  #answer(ends: PacketEnds, sender: Port, target: Target, bridge: string): Packet | undefined {
    const { from, to, protocol } = this.#question;
    const { port: answerer } = target;
    if (protocol.name === "arp" || protocol.name === "nd") return undefined;
    const isPlain = from.as.length === 0 && to.as.length === 0;
    const inPort = answerer === undefined ? undefined : this.#network.plugs(bridge, answerer.name)?.[0]?.ofport;
    if (!isPlain || answerer === undefined || inPort === undefined || ends.target.ip === undefined) return undefined;
    const { mac, ip } = ends.source;
    return {
      flow: answerFlow({ ...ends, inPort, source: ends.target, target: ends.source }, protocol),
      from: answerer,
      fromLabel: to.place.text,
      to: { label: from.place.text, port: sender, mac, ip, isBroadcast: false },
      protocol: formatProtocol(protocol),
      isSearch: false,
      isAnswer: true,
      source: ends.target,
      answer: undefined,
    };
  }

  /** The family asked for; else that of a written address; else IPv4 when both ends have it. */
  #family(sender: Port): 4 | 6 {
    const { from, to, protocol } = this.#question;
    if (protocol.name === "arp") return 4;
    if (protocol.name === "nd" || ("family" in protocol && protocol.family === 6)) return 6;
    const written = [to.place, ...to.as, ...from.as].find(({ kind }) => kind === "ip4" || kind === "ip6");
    if (written !== undefined) return written.kind === "ip6" ? 6 : 4;
    const ends = to.place.kind === "name" ? [sender, this.#ports.find(to.place)] : [sender];
    const speaks = (family: 4 | 6): boolean => ends.every(({ addresses }) => firstIp(addresses, family) !== undefined);
    return !speaks(4) && speaks(6) ? 6 : 4;
  }

  #target(sender: Port, family: 4 | 6): Target {
    const { to } = this.#question;
    const found = this.#targetPlace(to.place, sender, family);
    const written = this.#writtenAddresses(to, family);
    const target = { ...found, ...written };
    if (target.ip === undefined && this.#needsTargetIp()) {
      throw this.#ports.fault(
        to.place,
        `"${to.place.text}" has no IPv${family} address`,
        `Give it one: ${to.place.text} as ${EXAMPLE[family]}`,
      );
    }
    return target;
  }

  #targetPlace(place: Place, sender: Port, family: 4 | 6): Target {
    const { text: label } = place;
    switch (place.kind) {
      case "broadcast":
        return {
          label,
          port: undefined,
          mac: family === 4 ? BROADCAST.mac : ALL_NODES_MAC,
          ip: this.#question.protocol.name === "arp" ? firstIp(sender.addresses, 4)?.ip : BROADCAST[family],
          isBroadcast: true,
        };
      case "mac": {
        const mac = formatMac(parseMac(label));
        const [port] = this.#network.withMac(mac, sender.switch);
        const own = port?.addresses.filter((address) => address.mac === mac) ?? [];
        return { label, port, mac, ip: firstIp(own, family)?.ip, isBroadcast: false };
      }
      case "ip4":
      case "ip6": {
        if (place.kind !== `ip${family}`) throw this.#ports.fault(place, `"${label}" is not an IPv${family} address`);
        const ip = formatIp(parseIp(label));
        const group = groupMac(ip);
        if (group !== undefined) return { label, port: undefined, mac: group, ip, isBroadcast: false };
        const port = this.#network.withIp(ip, sender.switch)[0] ?? this.#withLinkLocal(ip, sender);
        return { label, port, mac: port === undefined ? undefined : macOf(port, ip), ip, isBroadcast: false };
      }
      case "name": {
        const port = this.#ports.find(place);
        const own = firstIp(port.addresses, family);
        const mac = own?.mac ?? port.addresses[0]?.mac;
        if (mac === undefined && !this.#question.to.as.some(({ kind }) => kind === "mac")) {
          throw this.#ports.fault(
            place,
            `Port "${port.name}" has no Ethernet address`,
            `Give it one: ${label} as 0a:00:00:00:00:01`,
          );
        }
        return { label, port, mac, ip: own?.ip, isBroadcast: false };
      }
    }
  }

  #withLinkLocal(ip: string, sender: Port): Port | undefined {
    const neighbours = this.#network.ports.filter((port) => port.switch !== undefined && port.switch === sender.switch);
    return neighbours.find(({ addresses }) => addresses.some(({ mac }) => linkLocal(mac) === ip));
  }

  #source(sender: Port, family: 4 | 6, target: Target): Packet["source"] {
    const { from } = this.#question;
    const own = firstIp(sender.addresses, family);
    const written = this.#writtenAddresses(from, family);
    const mac = written.mac ?? own?.mac ?? sender.addresses[0]?.mac;
    if (mac === undefined) {
      const hint = `Say what it sends from: ${from.place.text} as 0a:00:00:00:00:01`;
      throw this.#ports.fault(from.place, `Port "${sender.name}" has no Ethernet address`, hint);
    }
    const isLocal = target.ip?.startsWith("fe80:") ?? false;
    const ip = written.ip ?? (isLocal ? linkLocal(mac) : own?.ip) ?? (family === 6 ? linkLocal(mac) : undefined);
    if (ip === undefined) {
      const hint = `Say what it sends from: ${from.place.text} as ${EXAMPLE[family]}`;
      throw this.#ports.fault(from.place, `Port "${sender.name}" has no IPv${family} address`, hint);
    }
    return { mac, ip };
  }

  #writtenAddresses(party: Party, family: 4 | 6): { mac?: string; ip?: string } {
    let written: { mac?: string; ip?: string } = {};
    for (const place of party.as) {
      const isMac = place.kind === "mac";
      if (!isMac && place.kind !== `ip${family}`)
        throw this.#ports.fault(place, `"${place.text}" is not an IPv${family} address`);
      if (isMac ? written.mac !== undefined : written.ip !== undefined) {
        throw this.#ports.fault(
          place,
          `"${place.text}" is a second address of its kind`,
          "Give one Ethernet and one IP address at most",
        );
      }
      written = isMac ? { ...written, mac: formatMac(parseMac(place.text)) } : { ...written, ip: formatIp(parseIp(place.text)) };
    }
    return written;
  }

  /** An unknown Ethernet address has no IP address that goes with it; everything else must have one. */
  #needsTargetIp(): boolean {
    const { to, protocol } = this.#question;
    return to.place.kind !== "mac" || protocol.name === "arp" || protocol.name === "nd";
  }
}

const EXAMPLE = { 4: "10.0.0.1", 6: "fd00::1" } as const;

/** The Ethernet address that packets for an IP group go to; `undefined` for an address of one host. */
function groupMac(ip: string): string | undefined {
  const bytes = parseIp(ip);
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  if (bytes.length === 16) return first === 0xff ? formatMac(multicastMacOfIp6(bytes)) : undefined;
  if (ip === BROADCAST[4]) return BROADCAST.mac;
  return first >> 4 === 0xe ? formatMac(0x0100_5e00_0000 + ((second & 0x7f) << 16) + (third << 8) + fourth) : undefined;
}

function macOf(port: Port, ip: string): string | undefined {
  const address = port.addresses.find(({ mac, ip4s, ip6s }) => ip4s.includes(ip) || ip6s.includes(ip) || linkLocal(mac) === ip);
  return address?.mac;
}

function linkLocal(mac: string): string {
  return formatIp6(linkLocalOfMac(parseMac(mac)));
}
