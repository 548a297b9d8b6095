/** Where packets come out of tunnels: the devices that have an address of this host, and these addresses. */
import { attach, type BpfMap, type BpfProgram, type Link } from "@tenet/bpf";
import { listAddresses, listLinks, SystemCallError } from "@tenet/linux";

const LOOPBACK = "lo";
const PRESENT = Uint8Array.of(1, 0, 0, 0);

/** The devices that a program is on, and the addresses that it knows. */
export class Underlay {
  readonly #program: BpfProgram;
  readonly #addressMap: BpfMap;
  readonly #linkByIfindex = new Map<number, Link>();
  #addresses = new Map<string, Uint8Array>();

  /** @param addressMap - a hash of addresses of 16 bytes, those of IPv4 mapped into IPv6 */
  constructor(program: BpfProgram, addressMap: BpfMap) {
    this.#program = program;
    this.#addressMap = addressMap;
  }

  /** Does as the host's network is now; for this thread's namespace. */
  follow(): void {
    const own = listAddresses();
    this.#followAddresses(new Map(own.map(({ address }) => [address.join(), mapped(address)])));
    const names = new Set(own.map(({ device }) => device));
    this.#followDevices(new Set(listLinks().flatMap((it) => (canCarry(it) && names.has(it.name) ? [it.index] : []))));
  }

  /** Takes the program off all devices. */
  close(): void {
    this.#followDevices(new Set());
  }

  #followAddresses(addresses: Map<string, Uint8Array>): void {
    for (const [text, bytes] of this.#addresses) if (!addresses.has(text)) this.#addressMap.delete(bytes);
    for (const [text, bytes] of addresses) if (!this.#addresses.has(text)) this.#addressMap.update(bytes, PRESENT);
    this.#addresses = addresses;
  }

  #followDevices(wanted: ReadonlySet<number>): void {
    for (const [ifindex, link] of this.#linkByIfindex) {
      if (wanted.has(ifindex)) continue;
      link.detach();
      this.#linkByIfindex.delete(ifindex);
    }
    for (const ifindex of wanted) {
      const link = this.#linkByIfindex.has(ifindex) ? undefined : attachUnlessGone(this.#program, ifindex);
      if (link !== undefined) this.#linkByIfindex.set(ifindex, link);
    }
  }
}

/** Devices without Ethernet headers have no such address. */
function canCarry({ name, mac }: { readonly name: string; readonly mac: number }): boolean {
  return name !== LOOPBACK && mac !== 0;
}

function attachUnlessGone(program: BpfProgram, ifindex: number): Link | undefined {
  try {
    return attach(program, { ifindex, direction: "ingress" });
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === "ENODEV") return undefined;
    throw error;
  }
}

function mapped(address: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  if (address.length === 4) bytes.set([0xff, 0xff], 10);
  bytes.set(address, 16 - address.length);
  return bytes;
}
