/** Finds the places of a question in the network, and makes the packet that would go from one to the other. */
import { didYouMean } from "@tenet/kit";
import { formatIp, formatIp6, formatMac, linkLocalOfMac, parseIp, parseMac } from "@tenet/net";
import { formatProtocol } from "../question/format-question.ts";
import type { PacketQuestion, Party, Place, Protocol } from "../question/question.ts";
import { QuestionError } from "../question/question-error.ts";
import type { Network, Port } from "./network.ts";
import { firstIp, type Packet, type Target } from "./packet.ts";
import { packetFlow } from "./packet-flow.ts";

const BROADCAST = { mac: "ff:ff:ff:ff:ff:ff", 4: "255.255.255.255", 6: "ff02::1" } as const;
const ALL_NODES_MAC = "33:33:00:00:00:01";

/**
 * Makes the packet of a question.
 *
 * @param text - the question, for the positions of errors
 * @throws QuestionError at the name that is unknown, not plugged in, or lacks an address
 */
export function resolvePacket(question: PacketQuestion, text: string, network: Network, bridge: string): Packet {
  return new Resolver(question, text, network).packet(bridge);
}

class Resolver {
  readonly #question: PacketQuestion;
  readonly #text: string;
  readonly #network: Network;

  constructor(question: PacketQuestion, text: string, network: Network) {
    this.#question = question;
    this.#text = text;
    this.#network = network;
  }

  packet(bridge: string): Packet {
    const { from, to, protocol } = this.#question;
    const sender = this.#port(from.place);
    const inPort = this.#ofport(sender, from.place, bridge);
    const family = this.#family(sender);
    const target = this.#target(sender, family);
    const source = this.#source(sender, family, target);
    const isSearch = target.mac === undefined && protocol.name !== "arp" && protocol.name !== "nd";
    const sent: Protocol = isSearch ? { name: family === 4 ? "arp" : "nd" } : protocol;
    const mac = target.mac ?? BROADCAST.mac;
    return {
      flow: packetFlow({ inPort, family, source, target: { mac, ip: target.ip } }, sent),
      from: sender,
      fromLabel: from.place.text,
      to: { ...target, label: to.place.text },
      protocol: formatProtocol(protocol),
      isSearch,
      source,
    };
  }

  #port(place: Place): Port {
    const [port, ...others] = this.#network.named(place.text);
    if (port === undefined) {
      throw this.#fail(place, `No port or host is called "${place.text}"`, didYouMean(place.text, this.#network.names()));
    }
    if (others.length > 0) {
      const names = [port, ...others].map(({ name }) => name).sort();
      throw this.#fail(place, `"${place.text}" has ${names.length} ports`, `Name one of them: ${names.join(", ")}`);
    }
    return port;
  }

  #ofport(port: Port, place: Place, bridge: string): number {
    const plugs = this.#network.plugs(bridge, port.name);
    if (plugs === undefined)
      throw this.#fail(place, `The switch has no bridge "${bridge}"`, "Start the controller, which makes it");
    const [plug] = plugs;
    if (plug === undefined) {
      const hint = `No interface of ${bridge} has external_ids:iface-id="${port.name}"; the port is elsewhere or nowhere`;
      throw this.#fail(place, `Port "${port.name}" is not plugged in here`, hint);
    }
    if (plug.ofport === undefined) {
      const hint = plug.error === "" ? "See the log of the switch" : plug.error;
      throw this.#fail(place, `Interface "${plug.interface}" of port "${port.name}" is not open`, hint);
    }
    return plug.ofport;
  }

  /** The family asked for; else that of a written address; else IPv4 when both ends have it. */
  #family(sender: Port): 4 | 6 {
    const { from, to, protocol } = this.#question;
    if (protocol.name === "arp") return 4;
    if (protocol.name === "nd" || ("family" in protocol && protocol.family === 6)) return 6;
    const written = [to.place, ...to.as, ...from.as].find(({ kind }) => kind === "ip4" || kind === "ip6");
    if (written !== undefined) return written.kind === "ip6" ? 6 : 4;
    const ends = to.place.kind === "name" ? [sender, this.#port(to.place)] : [sender];
    const speaks = (family: 4 | 6): boolean => ends.every(({ addresses }) => firstIp(addresses, family) !== undefined);
    return !speaks(4) && speaks(6) ? 6 : 4;
  }

  #target(sender: Port, family: 4 | 6): Target {
    const { to } = this.#question;
    const found = this.#targetPlace(to.place, sender, family);
    const written = this.#writtenAddresses(to, family);
    const target = { ...found, ...written };
    if (target.ip === undefined && this.#needsTargetIp()) {
      throw this.#fail(
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
        if (place.kind !== `ip${family}`) throw this.#fail(place, `"${label}" is not an IPv${family} address`, undefined);
        const ip = formatIp(parseIp(label));
        const port = this.#network.withIp(ip, sender.switch)[0] ?? this.#withLinkLocal(ip, sender);
        return { label, port, mac: port === undefined ? undefined : macOf(port, ip), ip, isBroadcast: false };
      }
      case "name": {
        const port = this.#port(place);
        const own = firstIp(port.addresses, family);
        const mac = own?.mac ?? port.addresses[0]?.mac;
        if (mac === undefined && !this.#question.to.as.some(({ kind }) => kind === "mac")) {
          throw this.#fail(place, `Port "${port.name}" has no Ethernet address`, `Give it one: ${label} as 0a:00:00:00:00:01`);
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
      throw this.#fail(from.place, `Port "${sender.name}" has no Ethernet address`, hint);
    }
    const isLocal = target.ip?.startsWith("fe80:") ?? false;
    const ip = written.ip ?? (isLocal ? linkLocal(mac) : own?.ip) ?? (family === 6 ? linkLocal(mac) : undefined);
    if (ip === undefined) {
      const hint = `Say what it sends from: ${from.place.text} as ${EXAMPLE[family]}`;
      throw this.#fail(from.place, `Port "${sender.name}" has no IPv${family} address`, hint);
    }
    return { mac, ip };
  }

  #writtenAddresses(party: Party, family: 4 | 6): { mac?: string; ip?: string } {
    let written: { mac?: string; ip?: string } = {};
    for (const place of party.as) {
      const isMac = place.kind === "mac";
      if (!isMac && place.kind !== `ip${family}`)
        throw this.#fail(place, `"${place.text}" is not an IPv${family} address`, undefined);
      if (isMac ? written.mac !== undefined : written.ip !== undefined) {
        throw this.#fail(
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

  #fail({ at }: Place, problem: string, hint: string | undefined): QuestionError {
    return new QuestionError(problem, this.#text, { at, ...(hint === undefined ? {} : { hint }) });
  }
}

const EXAMPLE = { 4: "10.0.0.1", 6: "fd00::1" } as const;

function macOf(port: Port, ip: string): string | undefined {
  const address = port.addresses.find(({ mac, ip4s, ip6s }) => ip4s.includes(ip) || ip6s.includes(ip) || linkLocal(mac) === ip);
  return address?.mac;
}

function linkLocal(mac: string): string {
  return formatIp6(linkLocalOfMac(parseMac(mac)));
}
