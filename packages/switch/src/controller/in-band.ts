/**
 * Keeps the flows of in-band control as the routes and neighbours of the host are.
 *
 * Only controllers at IPv4 addresses are reached so, as with the original.
 */
import type { Clock } from "@tenet/kit";
import { tryParseIp4 } from "@tenet/net";
import { PORT } from "@tenet/openflow";
import { isDeepStrictEqual } from "node:util";
import type { Bridge } from "../bridge/bridge.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { inBandFlows, type Remote } from "./in-band-flows.ts";

/** Whom a bridge lets through to its own port, as the database says. */
export interface InBandSpec {
  /** `tcp:IP:PORT` or `ssl:IP:PORT` of controllers and managers; others are left out. */
  readonly targets: readonly string[];
  /** The queue that control packets go through. */
  readonly queue?: number;
}

/** Of a bridge without in-band control. */
export const NO_IN_BAND: InBandSpec = { targets: [] };

const UNKNOWN_REFRESH_MS = 1000;
const KNOWN_REFRESH_MS = 10_000;

interface Neighbor {
  readonly mac: number | undefined;
  readonly untilMs: number;
}

/** In-band control of one bridge. */
export class InBand {
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #clock: Clock;
  readonly #neighborByAddress = new Map<number, Neighbor>();
  #spec: InBandSpec = NO_IN_BAND;
  /** What the flows that are there were made from. */
  #state: unknown;

  constructor(bridge: Bridge, vswitch: VirtualSwitch, clock: Clock) {
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#clock = clock;
  }

  /** Lets these through from now on. */
  configure(spec: InBandSpec): void {
    this.#spec = spec;
    this.tick();
  }

  /** Looks whether addresses have changed; due every 500 ms. */
  tick(): void {
    const localMac = this.#bridge.port(PORT.LOCAL)?.mac ?? 0;
    const remotes = localMac === 0 ? [] : this.#spec.targets.flatMap((target) => this.#remoteOf(target));
    const { queue } = this.#spec;
    const state = { localMac, remotes, queue };
    if (isDeepStrictEqual(state, this.#state)) return;
    this.#state = state;
    this.#vswitch.setHiddenFlows(this.#bridge, inBandFlows(localMac, remotes, queue));
  }

  #remoteOf(target: string): Remote[] {
    const [, host = "", port = ""] = /^(?:tcp|ssl):([\d.]+):(\d+)$/.exec(target) ?? [];
    const address = tryParseIp4(host);
    return address === undefined ? [] : [{ address, port: Number(port), nextHopMac: this.#nextHopMac(address) }];
  }

  #nextHopMac(address: number): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#neighborByAddress.get(address);
    if (known !== undefined && nowMs < known.untilMs) return known.mac;
    const mac = this.#vswitch.underlay.nextHopMac([0, 0, 0xffff, address]);
    const untilMs = nowMs + (mac === undefined ? UNKNOWN_REFRESH_MS : KNOWN_REFRESH_MS);
    this.#neighborByAddress.set(address, { mac, untilMs });
    return mac;
  }
}
