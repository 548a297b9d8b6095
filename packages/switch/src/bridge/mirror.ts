/**
 * Mirrors: copies of chosen packets to a port, or into a VLAN.
 *
 * @see ovs-vswitchd.conf.db(5), Mirror table
 */
import type { Bundle } from "./bridge-port.ts";

/** A mirror of a bridge. Bundles are named. */
export interface MirrorSpec {
  readonly name: string;
  /** Copies what comes in here; `"all"` = everywhere. */
  readonly sources: ReadonlySet<string> | "all";
  /** Copies what goes out here. */
  readonly destinations: ReadonlySet<string> | "all";
  /** Only packets in these VLANs; `undefined` = in any. */
  readonly vlans: ReadonlySet<number> | undefined;
  /** Where copies go: to a bundle, which carries nothing else then, or into a VLAN. */
  readonly output: { readonly bundle: string } | { readonly vlan: number };
  /** Bytes of each packet that are copied; `undefined` = all. */
  readonly snapLength: number | undefined;
}

/** A running mirror and what it copied. */
export class Mirror {
  readonly spec: MirrorSpec;
  nPackets = 0;
  nBytes = 0;

  constructor(spec: MirrorSpec) {
    this.spec = spec;
  }

  copiesFrom({ name }: Bundle): boolean {
    return this.spec.sources === "all" || this.spec.sources.has(name);
  }

  copiesTo({ name }: Bundle): boolean {
    return this.spec.destinations === "all" || this.spec.destinations.has(name);
  }

  /** Whether this mirror's copies go to a bundle. */
  isReserved({ name }: Bundle): boolean {
    return "bundle" in this.spec.output && this.spec.output.bundle === name;
  }

  /** Whether two mirrors copy to the same place, where one copy is enough. */
  sharesOutput({ spec: { output } }: Mirror): boolean {
    const own = this.spec.output;
    if ("bundle" in own) return "bundle" in output && own.bundle === output.bundle;
    return "vlan" in output && own.vlan === output.vlan;
  }

  count(nPackets: number, nBytes: number): void {
    this.nPackets += nPackets;
    this.nBytes += nBytes;
  }
}
