/** How the host sends to the other ends of tunnels: by which device, from which address, over which gateway. */
import { findLink, findRoute, listAddresses, PathMtuProbe, RouteMonitor } from "@tenet/linux";
import { FIELDS, tunnelFamily } from "@tenet/net";
import type { Way } from "./outer-path.ts";

const WORDS = {
  4: { src: FIELDS.tun_src.word, dst: FIELDS.tun_dst.word, n: 1 },
  6: { src: FIELDS.tun_ipv6_src.word, dst: FIELDS.tun_ipv6_dst.word, n: 4 },
} as const;

/** The ways of this thread's namespace. What was found out holds until {@link HostWays.hasChanged} says otherwise. */
export class HostWays {
  readonly #monitor = new RouteMonitor();
  readonly #probe = new PathMtuProbe();
  readonly #wayByEnds = new Map<string, Way | undefined>();
  #addresses: ReadonlySet<string> | undefined;

  /**
   * The way between the addresses of a tunnel block.
   *
   * @returns `undefined` when there is none, when it ends at this host, or when it is to begin at an address that is not this host's
   */
  find(key: Uint32Array): Way | undefined {
    const { src, dst, n } = WORDS[tunnelFamily(key) === 6 ? 6 : 4];
    const [source, destination] = [key.subarray(src, src + n), key.subarray(dst, dst + n)];
    const ends = `${source.join()} ${destination.join()}`;
    if (!this.#wayByEnds.has(ends)) this.#wayByEnds.set(ends, this.#ask(source, destination));
    return this.#wayByEnds.get(ends);
  }

  /** Whether a host's address is this one. */
  isLocal(address: Uint8Array): boolean {
    this.#addresses ??= new Set(listAddresses().map((own) => own.address.join()));
    return this.#addresses.has(address.join());
  }

  /** Whether ways may be other than before; asked since the last time. */
  hasChanged(): boolean {
    if (!this.#monitor.hasChanged()) return false;
    this.#wayByEnds.clear();
    this.#addresses = undefined;
    return true;
  }

  /** Looks at what routers have said of the length of packets. @returns whether a way takes other lengths than before */
  followMtus(): boolean {
    let hasChanged = false;
    for (const [ends, way] of this.#wayByEnds) {
      const mtu = way === undefined ? undefined : this.#probe.mtuTo(way.destination);
      if (way === undefined || mtu === way.mtu) continue;
      this.#wayByEnds.delete(ends);
      hasChanged = true;
    }
    return hasChanged;
  }

  close(): void {
    this.#monitor.close();
    this.#probe.close();
  }

  #ask(source: Uint32Array, destination: Uint32Array): Way | undefined {
    const to = bytesOf(destination);
    const route = findRoute(to);
    const link = route === undefined || route.isLocal || route.device === "" ? undefined : findLink(route.device);
    if (route === undefined || link === undefined) return undefined;
    const isGiven = source.some((word) => word !== 0);
    const from = isGiven ? bytesOf(source) : route.source;
    if (from === undefined || (isGiven && !this.isLocal(from))) return undefined;
    const mtu = this.#probe.mtuTo(to) ?? link.mtu;
    return { ifindex: link.index, mtu, destination: to, source: wordsOf(from), nextHop: route.gateway ?? to };
  }
}

function bytesOf(words: Uint32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * words.length));
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word);
  return new Uint8Array(view.buffer);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}
