/**
 * The OpenFlow sockets of every bridge: `<runDir>/<bridge>.mgmt` for controllers and tools, `.snoop` to listen in.
 */
import type { Clock, Logger } from "@tenet/kit";
import type { VirtualSwitch } from "../virtual-switch.ts";

/** Opens and closes the sockets of bridges as they come and go. */
export class BridgeServices {
  constructor(vswitch: VirtualSwitch, runDir: string, clock: Clock, log: Logger) {}
  /** Serves every bridge there is, and no other. */
  async sync(): Promise<void> {}
  async close(): Promise<void> {}
}
