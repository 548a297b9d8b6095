/**
 * A host inside this process: a small network stack at the end of a cable.
 *
 * It answers what a host would answer and nothing else: ARP and neighbour solicitations for its addresses, echo
 * requests, TCP to ports that it serves, resets for the others. It stands where machines without network namespaces
 * need something to plug in; the switch cannot tell it from a real host.
 */
import {
  buildIcmp4,
  buildIcmp6,
  dissect,
  ICMP6_TYPE,
  ICMP_TYPE,
  IP_PROTO,
  isMulticastMac,
  parseIp,
  parseMac,
  parsePrefix,
  type Prefix,
  prefixContains,
} from "@tenet/net";
import type { ProbeOutcome } from "../hosts/host-set.ts";
import type { FrameLink } from "../hosts/simulated-hosts.ts";
import { buildDatagram, type Datagram, readDatagram, sameAddress } from "./datagram.ts";
import { Neighbors } from "./neighbors.ts";
import { type ConnectOutcome, TcpStack } from "./tcp-stack.ts";

/** What the host is. */
export interface SimulatedHostConfig {
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly gateway?: string | undefined;
  readonly listen: readonly number[];
  readonly greeting: string;
}

interface Route {
  readonly source: Uint8Array;
  readonly nextHop: Uint8Array;
}

const NO_ROUTE: ProbeOutcome = { isOpen: false, isSilent: false };
const SILENCE: ProbeOutcome = { isOpen: false, isSilent: true };

/** One host; plugged in as soon as it is made. */
export class SimulatedHost {
  readonly #mac: number;
  readonly #prefixes: readonly Prefix[];
  readonly #gateway: Uint8Array | undefined;
  readonly #link: FrameLink;
  readonly #neighbors: Neighbors;
  readonly #tcp: TcpStack;
  /** Echo requests under way, by identifier. */
  readonly #pings = new Map<number, { readonly target: Uint8Array; readonly settle: () => void }>();
  readonly #giveUps = new Set<() => void>();
  #nPings = 0;
  #isClosed = false;

  constructor(config: SimulatedHostConfig, link: FrameLink) {
    this.#mac = parseMac(config.mac);
    this.#prefixes = config.addresses.map(parsePrefix);
    this.#gateway = config.gateway === undefined ? undefined : parseIp(config.gateway);
    this.#link = link;
    const send = (frame: Uint8Array): void => this.#link.send(frame);
    this.#neighbors = new Neighbors({ mac: this.#mac, addresses: this.#prefixes.map(({ address }) => address), send });
    this.#tcp = new TcpStack({
      listen: config.listen,
      greeting: config.greeting,
      sendPacket: (src, dst, proto, message) => this.#sendPacket(src, dst, proto, message),
    });
    link.onFrame((frame) => this.#onFrame(frame));
  }

  /** Sends an echo request and waits for the reply. */
  ping(target: string, timeoutMs: number): Promise<ProbeOutcome> {
    const dst = parseIp(target);
    const route = this.#route(dst);
    if (route === undefined || this.#isClosed) return Promise.resolve(NO_ROUTE);
    const identifier = ++this.#nPings & 0xffff;
    const family = dst.length === 4 ? 4 : 6;
    const rest = ((identifier << 16) | 1) >>> 0;
    const payload = new Uint8Array(16).fill(0x61);
    const request =
      family === 4
        ? buildIcmp4({ type: ICMP_TYPE.echoRequest, rest }, payload)
        : buildIcmp6({ type: ICMP6_TYPE.echoRequest, rest }, payload);
    return this.#probe(timeoutMs, (settle) => {
      this.#pings.set(identifier, { target: dst, settle: () => settle(true) });
      this.#sendPacket(route.source, dst, family === 4 ? IP_PROTO.icmp : IP_PROTO.icmp6, request);
      return () => this.#pings.delete(identifier);
    });
  }

  /** Opens a TCP connection and closes it again. */
  connect(target: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
    const dst = parseIp(target);
    const route = this.#route(dst);
    if (route === undefined || this.#isClosed) return Promise.resolve(NO_ROUTE);
    return this.#probe(timeoutMs, (settle) => {
      let isOver = false;
      const giveUp = this.#tcp.connect(route.source, dst, port, (outcome: ConnectOutcome) => {
        isOver = true;
        settle(outcome === "open");
      });
      return () => {
        if (!isOver) giveUp();
      };
    });
  }

  /** Unplugs: answers nothing more, ends probes under way as silence. */
  close(): void {
    this.#isClosed = true;
    for (const giveUp of this.#giveUps) giveUp();
    this.#neighbors.close();
    this.#tcp.close();
  }

  /** Runs a probe until it settles or its time is over. `start` returns what cleans up after it. */
  #probe(timeoutMs: number, start: (settle: (isOpen: boolean) => void) => () => void): Promise<ProbeOutcome> {
    const startedMs = performance.now();
    return new Promise((resolve) => {
      const finish = (outcome: ProbeOutcome): void => {
        clearTimeout(timer);
        this.#giveUps.delete(giveUp);
        resolve(outcome);
        queueMicrotask(() => cleanUp());
      };
      const giveUp = (): void => finish(SILENCE);
      const timer = setTimeout(giveUp, timeoutMs);
      this.#giveUps.add(giveUp);
      const cleanUp = start((isOpen) => {
        finish(isOpen ? { isOpen, rttMs: performance.now() - startedMs } : { isOpen, isSilent: false });
      });
    });
  }

  #route(target: Uint8Array): Route | undefined {
    const direct = this.#prefixes.find((prefix) => prefixContains(prefix, target));
    if (direct !== undefined) return { source: direct.address, nextHop: target };
    const gateway = this.#gateway;
    if (gateway === undefined || gateway.length !== target.length) return undefined;
    const towards = this.#prefixes.find((prefix) => prefixContains(prefix, gateway));
    return towards === undefined ? undefined : { source: towards.address, nextHop: gateway };
  }

  #sendPacket(src: Uint8Array, dst: Uint8Array, proto: number, message: Uint8Array): void {
    const route = this.#route(dst);
    if (route !== undefined) this.#neighbors.send(src, route.nextHop, buildDatagram(src, dst, proto, message));
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const { ethernet, vlan, arp } = dissect(frame);
    if (ethernet === undefined || vlan !== undefined) return;
    if (ethernet.dst !== this.#mac && !isMulticastMac(ethernet.dst)) return;
    if (arp !== undefined) {
      this.#neighbors.onArp(arp);
      return;
    }
    const datagram = readDatagram(frame);
    if (datagram === undefined) return;
    const { layers, dst } = datagram;
    const isNeighborMessage =
      layers.ip6 !== undefined &&
      (layers.icmp?.type === ICMP6_TYPE.neighborSolicitation || layers.icmp?.type === ICMP6_TYPE.neighborAdvertisement);
    if (isNeighborMessage) this.#neighbors.onNeighbor(datagram);
    else if (ethernet.dst === this.#mac && this.#prefixes.some(({ address }) => sameAddress(address, dst))) this.#take(datagram);
  }

  #take(datagram: Datagram): void {
    const { src, dst, layers } = datagram;
    const { icmp, ip4 } = layers;
    if (layers.tcp !== undefined) this.#tcp.onSegment(datagram);
    if (icmp === undefined) return;
    if (icmp.type === (ip4 === undefined ? ICMP6_TYPE.echoRequest : ICMP_TYPE.echoRequest)) {
      const [build, type, proto] =
        ip4 === undefined
          ? ([buildIcmp6, ICMP6_TYPE.echoReply, IP_PROTO.icmp6] as const)
          : ([buildIcmp4, ICMP_TYPE.echoReply, IP_PROTO.icmp] as const);
      this.#sendPacket(dst, src, proto, build({ type, rest: icmp.rest }, layers.payload));
    } else if (icmp.type === (ip4 === undefined ? ICMP6_TYPE.echoReply : ICMP_TYPE.echoReply)) {
      const ping = this.#pings.get(icmp.rest >>> 16);
      if (ping !== undefined && sameAddress(ping.target, src)) ping.settle();
    }
  }
}
