/**
 * Which unsolicited messages a controller hears of, by role and reason.
 *
 * Until it says otherwise a master or equal hears of everything but packets whose TTL ran out, and a slave of ports alone.
 *
 * @see OpenFlow 1.5.1, section 6.3.5
 */
import { type AsyncMasks, type FlowRemovedReason, PACKET_IN_REASON, type Role } from "@tenet/openflow";

type MessageKind = keyof AsyncMasks;

const FLOW_REMOVED: readonly FlowRemovedReason[] = ["idle", "hard", "delete", "group", "meter", "eviction"];
const PORT_STATUS = ["add", "delete", "modify"] as const;
const ALL_FLOW_REMOVED = (1 << FLOW_REMOVED.length) - 1;
const ALL_PORT_STATUS = (1 << PORT_STATUS.length) - 1;
const ALL_PACKET_INS = (1 << (PACKET_IN_REASON.PACKET_OUT + 1)) - 1;
const INVALID_TTL = 1 << PACKET_IN_REASON.INVALID_TTL;
/** Reasons that OpenFlow before 1.4 does not tell from a plain action. */
const FIRST_NEW_REASON = PACKET_IN_REASON.ACTION_SET;
const FIRST_VERSION_WITH_NEW_REASONS = 5;

/** Pairs of masks: for master or equal, for slave. */
type Masks = Record<MessageKind, [number, number]>;

/** The configuration of one connection. */
export class AsyncConfig {
  /** Whether the controller chose it. */
  isExplicit = false;
  readonly #masks: Masks = {
    packetIn: [ALL_PACKET_INS & ~INVALID_TTL, 0],
    portStatus: [ALL_PORT_STATUS, ALL_PORT_STATUS],
    flowRemoved: [ALL_FLOW_REMOVED, 0],
  };

  /** What is in force. */
  get masks(): AsyncMasks {
    return this.#masks;
  }

  /** Takes a controller's choice; what it leaves out stays. */
  set(chosen: AsyncMasks): void {
    this.isExplicit = true;
    for (const kind of ["packetIn", "portStatus", "flowRemoved"] as const) {
      const [master, slave] = this.#masks[kind];
      this.#masks[kind] = [chosen[kind][0] ?? master, chosen[kind][1] ?? slave];
    }
  }

  /** Whether a master or equal hears of packets whose TTL ran out, as the flag of OpenFlow 1.0's configuration says. */
  hearInvalidTtl(isOn: boolean): void {
    const [master, slave] = this.#masks.packetIn;
    this.#masks.packetIn = [isOn ? master | INVALID_TTL : master & ~INVALID_TTL, slave];
  }

  hearsPacketIn(role: Role, reason: number, version: number): boolean {
    const isMerged = version < FIRST_VERSION_WITH_NEW_REASONS && reason >= FIRST_NEW_REASON;
    return this.#hears("packetIn", role, isMerged ? PACKET_IN_REASON.ACTION : reason);
  }

  hearsPortStatus(role: Role, reason: (typeof PORT_STATUS)[number]): boolean {
    return this.#hears("portStatus", role, PORT_STATUS.indexOf(reason));
  }

  hearsFlowRemoved(role: Role, reason: FlowRemovedReason): boolean {
    return this.#hears("flowRemoved", role, FLOW_REMOVED.indexOf(reason));
  }

  #hears(kind: MessageKind, role: Role, reason: number): boolean {
    const [master, slave] = this.#masks[kind];
    return ((role === "slave" ? slave : master) & (1 << reason)) !== 0;
  }
}
