/**
 * The controllers of every bridge, as the database names them, and what a bridge does without any.
 *
 * A standalone bridge whose controllers have all been away for three probe intervals fails open: it forwards as a
 * learning switch until one is back. A secure bridge goes on with the flows that it has.
 */
import type { Clock, Logger } from "@tenet/kit";
import type { TlsFiles } from "@tenet/ovsdb";
import type { Bridge } from "../bridge/bridge.ts";
import { startingOver } from "../database/start-over.ts";
import type { BridgeServices } from "../service/bridge-services.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { ActiveController } from "./active-controller.ts";
import { type ControllerSpec, type ControllerStatus, isPassive } from "./controller-spec.ts";
import { InBand, type InBandSpec } from "./in-band.ts";
import { PassiveController } from "./passive-controller.ts";

/** What a bridge's row says of its controllers. */
export interface WantedControllers {
  readonly bridge: Bridge;
  readonly isStandalone: boolean;
  readonly controllers: readonly ControllerSpec[];
  readonly inBand: InBandSpec;
}

interface Held {
  readonly spec: ControllerSpec;
  readonly controller: ActiveController | PassiveController;
}

const PROBES_UNTIL_OPEN = 3;
const DEFAULT_PROBE_MS = 5000;

/** Controllers of all bridges. */
export class Controllers {
  readonly #services: BridgeServices;
  readonly #vswitch: VirtualSwitch;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #heldByBridge = new Map<Bridge, Map<string, Held>>();
  readonly #standalone = new Set<Bridge>();
  readonly #inBandByBridge = new Map<Bridge, InBand>();
  #tls: TlsFiles | undefined;
  /** Of all controllers, as of the last tick. */
  #states = "";

  constructor(services: BridgeServices, vswitch: VirtualSwitch, clock: Clock, log: Logger) {
    this.#services = services;
    this.#vswitch = vswitch;
    this.#clock = clock;
    this.#log = log;
  }

  /** Serves the bridges there are, and connects them as wanted. */
  async sync(wanted: readonly WantedControllers[], tls: TlsFiles | undefined): Promise<void> {
    const bridges = new Set(wanted.map(({ bridge }) => bridge));
    for (const bridge of this.#heldByBridge.keys()) if (!bridges.has(bridge)) this.#apply(bridge, []); // nobody is to call what is not served
    await this.#services.sync();
    this.#tls = tls;
    this.#standalone.clear();
    for (const bridge of this.#inBandByBridge.keys()) if (!bridges.has(bridge)) this.#inBandByBridge.delete(bridge);
    for (const { bridge, isStandalone, controllers, inBand } of wanted) {
      if (isStandalone) this.#standalone.add(bridge);
      this.#apply(bridge, controllers);
      this.#inBandOf(bridge).configure(inBand);
    }
    const opened = [...this.#heldByBridge.values()].flatMap((held) =>
      [...held.values()].map(({ controller }) => controller.opened),
    );
    await Promise.all(opened);
    this.tick();
  }

  /** What became of a controller. */
  statusOf(bridge: Bridge, uuid: string): ControllerStatus | undefined {
    return this.#heldByBridge.get(bridge)?.get(uuid)?.controller.status;
  }

  /** Periodic work; due every 500 ms. @returns whether a connection came or went since the last time */
  tick(): boolean {
    for (const inBand of this.#inBandByBridge.values()) inBand.tick();
    for (const [bridge, held] of this.#heldByBridge) {
      for (const { controller } of held.values()) controller.tick();
      const isOpen = this.#standalone.has(bridge) && isAbandoned([...held.values()]);
      if (isOpen !== bridge.isFailingOpen) this.#turn(bridge, isOpen);
    }
    const states = [...this.#heldByBridge.values()].flatMap((held) =>
      [...held.values()].map(({ controller }) => stateOf(controller)),
    );
    const before = this.#states;
    this.#states = states.join();
    return before !== this.#states;
  }

  /** Ends the connections of a bridge, or of all; those that the switch makes are made anew. */
  reconnect(bridge: Bridge | undefined): void {
    for (const [each, held] of this.#heldByBridge) {
      if (bridge === undefined || each === bridge) for (const { controller } of held.values()) controller.reconnect();
    }
  }

  close(): void {
    for (const bridge of this.#heldByBridge.keys()) this.#apply(bridge, []);
  }

  /** Flows of controllers that are away are worth nothing: the next one starts from none. */
  #turn(bridge: Bridge, isOpen: boolean): void {
    this.#log.warn({ bridge: bridge.name }, isOpen ? "controllers are away, failing open" : "no longer failing open");
    const { turns } = this.#vswitch;
    if (isOpen) turns.begin(this.#vswitch.changingTables(startingOver(bridge, "controlled")));
    this.#vswitch.setFailingOpen(bridge, isOpen);
  }

  #apply(bridge: Bridge, wanted: readonly ControllerSpec[]): void {
    const held = this.#heldByBridge.get(bridge) ?? new Map<string, Held>();
    const specs = new Map(wanted.map((spec) => [spec.uuid, spec]));
    for (const [uuid, { spec, controller }] of held) {
      const asked = specs.get(uuid);
      if (asked !== undefined && controller.adopt(asked)) {
        held.set(uuid, { spec: asked, controller });
        continue;
      }
      controller.close();
      held.delete(uuid);
      this.#log.info(describe(bridge, spec), "controller removed");
    }
    for (const spec of wanted) {
      if (held.has(spec.uuid)) continue;
      this.#log.info(describe(bridge, spec), "controller added");
      held.set(spec.uuid, { spec, controller: this.#open(bridge, spec) });
    }
    if (held.size > 0) this.#heldByBridge.set(bridge, held);
    else {
      this.#heldByBridge.delete(bridge);
      this.#vswitch.setFailingOpen(bridge, false);
    }
  }

  #inBandOf(bridge: Bridge): InBand {
    const known = this.#inBandByBridge.get(bridge) ?? new InBand(bridge, this.#vswitch, this.#clock);
    this.#inBandByBridge.set(bridge, known);
    return known;
  }

  #open(bridge: Bridge, spec: ControllerSpec): Held["controller"] {
    const converse: ConstructorParameters<typeof ActiveController>[1] = (socket, owner) =>
      this.#services.converse(bridge, socket, owner);
    const tls = (): TlsFiles | undefined => this.#tls;
    const log = this.#log.child({ bridge: bridge.name });
    if (isPassive(spec)) return new PassiveController(spec, converse, tls, log);
    return new ActiveController(spec, converse, tls, this.#clock, log);
  }
}

function describe(bridge: Bridge, { target, isService }: ControllerSpec): Record<string, string> {
  return { bridge: bridge.name, controller: target, kind: isService ? "service" : "primary" };
}

function stateOf({ status: { status, role } }: Held["controller"]): string {
  return `${status["state"]} ${role}`;
}

/** Whether all controllers that are to be called have been away for long; not when there are none. */
function isAbandoned(held: readonly Held[]): boolean {
  const called = held.filter(({ spec }) => !spec.isService && !isPassive(spec));
  const probeMs = Math.max(...called.map(({ spec }) => spec.probeMs)) || DEFAULT_PROBE_MS;
  return called.length > 0 && called.every(({ controller }) => controller.aloneMs >= PROBES_UNTIL_OPEN * probeMs);
}
