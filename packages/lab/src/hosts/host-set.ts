/** What the measurement asks of hosts, whichever way they are made. */
import type { LabHost } from "../file/lab-host.ts";

/** Whether something answered, and after how long; silence and refusal have no time. */
export type ProbeOutcome =
  | { readonly isOpen: true; readonly rttMs: number }
  | { readonly isOpen: false; readonly isSilent: boolean };

/** The hosts of a lab, made and running. */
export interface HostSet {
  /** Interface `type` of their devices in the Open_vSwitch database. */
  readonly interfaceType: "" | "dummy";
  /** The namespace of a host; `undefined` for a simulated one. */
  namespaceOf(host: LabHost): string | undefined;
  /** Sends an echo request from a host to an address. */
  ping(from: LabHost, address: string, timeoutMs: number): Promise<ProbeOutcome>;
  /** Opens a TCP connection from a host and closes it. */
  connect(from: LabHost, address: string, port: number, timeoutMs: number): Promise<ProbeOutcome>;
  /** Removes the hosts. */
  close(): Promise<void>;
}
