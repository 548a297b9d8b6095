/** What messages that bundles may hold do: first to the tables, all or none, then to ports and packets. */
import { setLinkDown, setLinkUp, SystemCallError } from "@tenet/linux";
import { type Match, type Message, PORT_CONFIG, type Version, VERSION } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { TableChange } from "../table/flow-mod.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** A message that a bundle may hold. */
export type ChangeMessage = Extract<Message, { type: "flowMod" | "groupMod" | "portMod" | "packetOut" }>;

type PacketOut = Extract<Message, { type: "packetOut" }>;

/** Port configuration that a port-mod may change. */
const CHANGEABLE_CONFIG = Object.values(PORT_CONFIG).reduce((bits, bit) => bits | bit, 0);

/** The changes that one connection makes. */
export class TableChanges {
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #version: () => Version;

  constructor(bridge: Bridge, vswitch: VirtualSwitch, version: () => Version) {
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#version = version;
  }

  /** What a message does to the tables, or demands of them. */
  of(message: ChangeMessage): TableChange {
    switch (message.type) {
      case "flowMod": {
        const { command, flow, newCookie, bufferId } = message;
        if (bufferId !== undefined) return { check: refuseBuffer };
        const isOf10 = this.#version() === VERSION.OF10;
        const isUpsert = isOf10 ? newCookie !== undefined : this.#version() === VERSION.OF11;
        return { command, flow, isUpsert, isOf10, newCookie };
      }
      case "groupMod":
        return message;
      case "portMod":
        return { check: () => this.#portToModify(message) };
      case "packetOut": {
        if (message.bufferId !== undefined) return { check: refuseBuffer };
        return { check: () => this.#bridge.pipeline.checkActions(this.#placed(message).actions, 0) };
      }
    }
  }

  /** What a message does when the tables have changed. */
  finish(message: ChangeMessage): void {
    if (message.type === "packetOut") {
      const { actions, metadata } = this.#placed(message);
      this.#vswitch.packetOut(this.#bridge, message.data, message.inPort, actions, metadata);
    }
    if (message.type !== "portMod") return;
    const port = this.#bridge.port(message.port);
    if (port?.mac !== message.mac) return; // it went while other changes were made
    configurePort(port, message.config, message.mask & CHANGEABLE_CONFIG);
    this.#vswitch.portChanged(this.#bridge, port);
  }

  /** What a packet-out says, with options where tables have them. @throws RefusedError when one is not mapped */
  #placed({ actions, metadata }: PacketOut): { readonly actions: PacketOut["actions"]; readonly metadata: Match | undefined } {
    const { tlvTable } = this.#bridge.pipeline;
    return { actions: tlvTable.placeFields(actions), metadata: metadata && tlvTable.placeMatch(metadata) };
  }

  #portToModify({ port: number, mac }: Extract<Message, { type: "portMod" }>): BridgePort {
    const port = this.#bridge.port(number);
    if (port === undefined) throw new RefusedError("OFPPMFC_BAD_PORT", `there is no port ${number}`);
    if (port.mac !== mac) throw new RefusedError("OFPPMFC_BAD_HW_ADDR", `port ${number} has another address`);
    return port;
  }
}

/** Whether a port is down is said by its device, where it has one that can be switched: then the host sees it, too. */
function configurePort(port: BridgePort, config: number, changed: number): void {
  const isDown = (config & PORT_CONFIG.PORT_DOWN) !== 0;
  const isOfDevice = (changed & PORT_CONFIG.PORT_DOWN) !== 0 && port.hasDevice && switchDevice(port, !isDown);
  const bits = isOfDevice ? config & ~PORT_CONFIG.PORT_DOWN : config;
  port.config = (port.config & ~changed) | (bits & changed);
}

/** @returns whether it is switched now; not where the device is out of reach */
function switchDevice(port: BridgePort, isOn: boolean): boolean {
  try {
    if (isOn) setLinkUp(port.name);
    else setLinkDown(port.name);
  } catch (error) {
    if (error instanceof SystemCallError) return false;
    throw error;
  }
  port.isEnabled = isOn; // what else changes by that is told by the kernel
  return true;
}

function refuseBuffer(): void {
  throw new RefusedError("OFPBRC_BUFFER_UNKNOWN", "packets are not buffered");
}
