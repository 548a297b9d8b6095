/**
 * The sending side of a tunnel port: outer headers in front of a packet, and out by sockets of the host.
 *
 * What: the kernel routes, resolves neighbours and writes the outer IP and UDP headers; we write the tunnel header.
 * How: a packet goes out from where it is, with its header from elsewhere (two pieces, no copy). A bundle of TCP or UDP
 * segments is cut: over UDP the segments lie one behind the other, each with a tunnel header, and go to the kernel as
 * one datagram to be cut again as late as possible. The UDP source port tells connections apart for routers between:
 * it follows from a hash of the inner packet, over a few sockets.
 * Limits: bundles always have UDP checksums, because the kernel cuts no others.
 */
import { DatagramQueue, openTunnelSender, type SenderSpec, SystemCallError, type TunnelSender } from "@tenet/linux";
import {
  addToSum,
  FIELDS,
  finishGre,
  getField,
  GRE_ETHERNET,
  tunnelFamily,
  TUNNEL_FLAG,
  writeGeneve,
  writeGre,
  writeVxlan,
} from "@tenet/net";
import type { SetTunnelAction, TunnelSpec } from "../datapath.ts";
import type { Packet } from "../packet/packet.ts";
import type { PacketMemory } from "../packet/packet-memory.ts";
import type { Counters } from "../port/port.ts";
import { SegmentBundle } from "../packet/segment-bundle.ts";
import { completeInPlace, isSegmented } from "../packet/vnet-header.ts";
import { hashInner, isOwnOuter } from "./inner-packet.ts";

/** Datagrams that one call sends. */
const QUEUE_LENGTH = 128;
/** Source ports per family and kind of header. */
const N_SOURCE_PORTS = 8;
/** Bytes of the longest tunnel header: Geneve with all options. */
const MAX_HEADER_BYTES = 260;
/** Bytes and segments that the kernel takes in one datagram to be cut. */
const MAX_CUT_BYTES = 65_000;
const MAX_CUT_SEGMENTS = 64;
const DEFAULT_TTL = 64;

const SRC = FIELDS.tun_src.word;
const DST = FIELDS.tun_dst.word;
const SRC6 = FIELDS.tun_ipv6_src.word;
const DST6 = FIELDS.tun_ipv6_dst.word;

/** What became of a packet: `full` means that it is to be tried again after a flush. */
export type PushResult = "queued" | "full" | "dropped";

/** A socket, and what waits for it. */
interface Outlet {
  readonly sender: TunnelSender;
  readonly queue: DatagramQueue;
}

/** Sends for one tunnel port. */
export class TunnelOutput {
  readonly #spec: TunnelSpec;
  readonly #memory: PacketMemory;
  readonly #bundle = new SegmentBundle();
  /** The header of every segment of a bundle. */
  readonly #template = new Uint8Array(MAX_HEADER_BYTES);
  /** By family, may-fragment, checksum and source port; opened when first needed. */
  readonly #outlets: (Outlet | undefined)[] = [];
  #nPackets = 0;
  #nBytes = 0;
  /** Datagrams of long bundles that the kernel did not take. */
  #nRefused = 0;

  constructor(spec: TunnelSpec, memory: PacketMemory) {
    this.#spec = spec;
    this.#memory = memory;
  }

  /** Whether the packet that was queued last is the first since the last flush. */
  get isFirst(): boolean {
    return this.#nPackets === 1;
  }

  /**
   * Queues a packet, with the outer headers that its `egress` says. Dropped are packets without any, packets that are
   * this tunnel's own on their way into it again, bundles that cannot be taken apart, and all when no socket can be opened.
   */
  push(packet: Packet): PushResult {
    const { egress } = packet;
    const family = egress === undefined ? 0 : tunnelFamily(egress.key);
    const { bytes } = packet.arena;
    if (egress === undefined || family === 0 || isOwnOuter(bytes, packet.at, packet.length, egress)) return "dropped";
    const result = isSegmented(bytes, packet.headerAt)
      ? this.#pushBundle(packet, family, egress)
      : this.#pushOne(packet, family, egress);
    if (result !== "queued") return result;
    this.#nPackets++;
    this.#nBytes += packet.length;
    return result;
  }

  /** Sends what is queued. */
  flush(counters: Counters): void {
    let nFailed = this.#nRefused;
    this.#nRefused = 0;
    for (const outlet of this.#outlets) if (outlet !== undefined && outlet.queue.length > 0) nFailed += send(outlet);
    const nDropped = Math.min(nFailed, this.#nPackets);
    counters.txPackets += this.#nPackets - nDropped;
    counters.txBytes += nDropped === 0 ? this.#nBytes : Math.round((this.#nBytes * (this.#nPackets - nDropped)) / this.#nPackets);
    counters.txDropped += nDropped;
    this.#nPackets = 0;
    this.#nBytes = 0;
  }

  close(): void {
    for (const outlet of this.#outlets) outlet?.sender.close();
    this.#outlets.length = 0;
  }

  /** The packet stays where it is; its header comes from elsewhere. */
  #pushOne(packet: Packet, family: 4 | 6, { key, dstPort }: SetTunnelAction): PushResult {
    const { bytes, address } = this.#memory.arena;
    const outlet = this.#outlet(packet, family, key, false);
    if (outlet === undefined) return "dropped";
    if (outlet.queue.isFull) return "full";
    const headerAt = this.#memory.takeTunnelRoom(MAX_HEADER_BYTES);
    if (headerAt < 0) return "full";
    const inner = packet.arena;
    completeInPlace(inner.bytes, packet.headerAt, packet.at, packet.length);
    const size = this.#writeHeader(bytes, headerAt, key);
    if (this.#isGre) finishGre(bytes, headerAt, headerAt + size, addToSum(0, inner.bytes, packet.at, packet.length));
    beginDatagram(outlet.queue, family, key, dstPort);
    outlet.queue.addPiece(address + headerAt, size);
    outlet.queue.addPiece(inner.address + packet.at, packet.length);
    this.#memory.markQueued(packet);
    return "queued";
  }

  /** The segments are written one behind the other, each with a tunnel header. */
  #pushBundle(packet: Packet, family: 4 | 6, { key, dstPort }: SetTunnelAction): PushResult {
    const { bytes, address } = this.#memory.arena;
    const bundle = this.#bundle;
    if (!bundle.read(packet.arena.bytes, packet.headerAt, packet.at, packet.length)) return "dropped";
    const isCutByKernel = !this.#isGre && hasFlag(key, TUNNEL_FLAG.dontFragment);
    const outlet = this.#outlet(packet, family, key, isCutByKernel);
    if (outlet === undefined) return "dropped";
    const headerSize = this.#writeHeader(this.#template, 0, key);
    const size = headerSize + bundle.headerLength + bundle.payloadLength;
    const nPerDatagram = isCutByKernel ? Math.max(1, Math.min(MAX_CUT_SEGMENTS, Math.floor(MAX_CUT_BYTES / size))) : 1;
    if (outlet.queue.nFree * nPerDatagram < bundle.nSegments && outlet.queue.length > 0) return "full";
    let at = this.#memory.takeTunnelRoom(bundle.nSegments * size);
    if (at < 0) return "full";
    for (let i = 0; i < bundle.nSegments; ) {
      const start = at;
      for (const end = Math.min(bundle.nSegments, i + nPerDatagram); i < end; i++) {
        bytes.set(this.#template.subarray(0, headerSize), at);
        const inner = bundle.write(i, bytes, at + headerSize);
        if (this.#isGre) finishGre(bytes, at, at + headerSize, addToSum(0, bytes, at + headerSize, inner));
        at += headerSize + inner;
      }
      if (outlet.queue.isFull) this.#nRefused += send(outlet);
      beginDatagram(outlet.queue, family, key, dstPort);
      outlet.queue.addPiece(address + start, at - start);
      if (at - start > size) outlet.queue.cutInto(size);
    }
    return "queued";
  }

  get #isGre(): boolean {
    return this.#spec.type === "gre" || this.#spec.type === "ip6gre";
  }

  #writeHeader(bytes: Uint8Array, at: number, key: Uint32Array): number {
    const { type, hasPolicy } = this.#spec;
    if (type === "geneve") return writeGeneve(bytes, at, key);
    if (type === "vxlan") return writeVxlan(bytes, at, hasPolicy, key);
    return writeGre(bytes, at, GRE_ETHERNET, key);
  }

  #outlet(packet: Packet, family: 4 | 6, key: Uint32Array, needsChecksum: boolean): Outlet | undefined {
    const mayFragment = !hasFlag(key, TUNNEL_FLAG.dontFragment);
    const hasChecksum = needsChecksum || hasFlag(key, TUNNEL_FLAG.checksum);
    const protocol = this.#isGre ? "gre" : "udp";
    const source = this.#isGre ? 0 : hashInner(packet.arena.bytes, packet.at, packet.length) % N_SOURCE_PORTS;
    const kind = (family === 6 ? 4 : 0) | (mayFragment ? 2 : 0) | (hasChecksum ? 1 : 0);
    const i = kind * N_SOURCE_PORTS + source;
    const known = this.#outlets[i];
    if (known !== undefined) return known;
    const opened = openOutlet({ protocol, family, mayFragment, hasChecksum });
    this.#outlets[i] = opened;
    return opened;
  }
}

/** Sends what is queued. @returns how many datagrams the kernel did not take */
function send({ sender, queue }: Outlet): number {
  return queue.length - sender.send(queue);
}

/** `undefined` when the process has no descriptor left. */
function openOutlet(spec: SenderSpec): Outlet | undefined {
  try {
    return { sender: openTunnelSender(spec), queue: new DatagramQueue(QUEUE_LENGTH) };
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}

function beginDatagram(queue: DatagramQueue, family: 4 | 6, key: Uint32Array, dstPort: number): void {
  const ttl = getField(key, FIELDS.tun_ttl) || DEFAULT_TTL;
  const tos = getField(key, FIELDS.tun_tos);
  if (family === 4) queue.push4(key[SRC] ?? 0, key[DST] ?? 0, dstPort, ttl, tos);
  else queue.push6(key, SRC6, DST6, dstPort, ttl, tos);
}

function hasFlag(key: Uint32Array, flag: number): boolean {
  return (getField(key, FIELDS.tun_flags) & flag) !== 0;
}
