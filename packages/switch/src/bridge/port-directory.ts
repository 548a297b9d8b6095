/** Where the ports of bridges are in the datapath, and whose port a packet of the datapath came in by. */
import type { Datapath, PortInfo, PortSpec } from "@tenet/datapath";
import { FIELDS } from "@tenet/net";
import type { TunnelConfig } from "../tunnel/tunnel-config.ts";
import { type PortHome, TunnelTable } from "../tunnel/tunnel-table.ts";
import type { Bridge } from "./bridge.ts";
import { numberInName } from "./number-in-name.ts";
import type { BridgePort, Bundle, PortLink } from "./bridge-port.ts";

/** How to add a port to a bridge. */
export interface NewPort {
  readonly name: string;
  /** `patch` needs `peer`, the name of the interface at the other end; `tunnel` needs `tunnel`. */
  readonly kind: PortSpec["kind"] | "patch";
  readonly peer?: string;
  readonly tunnel?: TunnelConfig;
  /** Absent: that of its device. */
  readonly mac?: number;
  /** Whether memory stands for a device that the switch would make. */
  readonly isInternal?: boolean;
  /** Number wanted, taken when it is free. */
  readonly ofport?: number;
  /** What it is a part of; absent: a bundle of its own, a trunk of all VLANs. */
  readonly bundle?: Bundle;
}

/** The ports of all bridges by what they are linked to. */
export class PortDirectory {
  readonly tunnels: TunnelTable;
  readonly #datapath: Datapath;
  readonly #homeByPortNo = new Map<number, PortHome>();
  readonly #patchByName = new Map<string, PortHome>();

  constructor(datapath: Datapath) {
    this.#datapath = datapath;
    this.tunnels = new TunnelTable(datapath);
  }

  /**
   * Opens what a port sends through. To be followed by {@link add}.
   *
   * @param isInUserSpace - whether this process alone forwards its packets
   * @throws IoError when a device cannot be opened
   */
  open({ name, kind, peer = "", tunnel }: NewPort, isInUserSpace: boolean): PortLink {
    if (kind === "patch") return { kind, peer };
    if (kind === "tunnel" && tunnel !== undefined) return { kind, portNo: this.tunnels.open(tunnel), config: tunnel };
    const wanted = kind === "memory" ? numberInName(name) : {};
    return { kind: "datapath", portNo: this.#datapath.addPort({ name, kind, isInUserSpace, ...wanted }) };
  }

  /** Enters a port whose link was opened. */
  add(home: PortHome): void {
    const { name, link } = home.port;
    if (link.kind === "datapath") this.#homeByPortNo.set(link.portNo, home);
    else if (link.kind === "tunnel") this.tunnels.add(link.config, home);
    else this.#patchByName.set(name, home);
  }

  /** Removes a port and closes its device. */
  remove({ name, link }: BridgePort): void {
    if (link.kind === "datapath") {
      this.#homeByPortNo.delete(link.portNo);
      this.#datapath.removePort(link.portNo);
    } else if (link.kind === "tunnel") this.tunnels.close(link.config);
    else this.#patchByName.delete(name);
  }

  /** The bridge and port of a datapath port. */
  homeOf(portNo: number): PortHome | undefined {
    return this.#homeByPortNo.get(portNo);
  }

  /** The bridge and port where packets with a key of the datapath come in. */
  homeOfKey(key: Uint32Array): PortHome | undefined {
    const portNo = key[FIELDS.in_port.word] ?? 0;
    return this.#homeByPortNo.get(portNo) ?? this.tunnels.find(key);
  }

  /** The other end of a patch port, when it names this one in turn. */
  peerOf({ name, link }: BridgePort): PortHome | undefined {
    const peer = link.kind === "patch" ? this.#patchByName.get(link.peer) : undefined;
    return peer?.port.link.kind === "patch" && peer.port.link.peer === name ? peer : undefined;
  }

  /** What the datapath knows of a port; `undefined` for patch ports and tunnels. */
  infoOf({ link }: BridgePort): PortInfo | undefined {
    return link.kind === "datapath" ? this.#datapath.port(link.portNo) : undefined;
  }

  /** The datapath port of an OpenFlow port, 0 when it has none. */
  portNoOf(bridge: Bridge, ofport: number): number {
    const link = bridge.port(ofport)?.link;
    return link?.kind === "datapath" || link?.kind === "tunnel" ? link.portNo : 0;
  }
}
