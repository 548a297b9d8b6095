/** What became of what the database asked for. */
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort, Bundle } from "../bridge/bridge-port.ts";
import type { ControllerSpec } from "../controller/controller-spec.ts";
import type { InBandSpec } from "../controller/in-band.ts";
import type { WantedMirror } from "./read/wanted.ts";

/** What became of an interface. */
export interface InterfaceState {
  readonly uuid: string;
  readonly bridge: Bridge;
  /** Absent when it could not be opened. */
  readonly port: BridgePort | undefined;
  readonly error: string | undefined;
  /** Of a dummy, which has no device to ask. */
  readonly dummyMtu?: number;
}

/** What became of a port. */
export interface PortState {
  readonly uuid: string;
  readonly bundle: Bundle;
}

/** What became of a bridge. */
export interface BridgeState {
  readonly uuid: string;
  readonly bridge: Bridge;
  readonly ports: readonly PortState[];
  /** In the order of `bridge.mirrors`. */
  readonly mirrors: readonly WantedMirror[];
  readonly isStandalone: boolean;
  readonly controllers: readonly ControllerSpec[];
  readonly inBand: InBandSpec;
}
