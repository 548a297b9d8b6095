/**
 * Which unsolicited messages a controller hears of, by role and reason.
 *
 * Until it says otherwise a master or equal hears of packets (but those whose TTL ran out), removed flows and ports,
 * and a slave of ports alone.
 *
 * @see OpenFlow 1.5.1, section 6.3.5
 */
import { type AsyncMasks, PACKET_IN_REASON, type Role, type Version, VERSION } from "@tenet/openflow";

/** Reasons of each kind of message, in the order of their numbers. */
const REASONS = {
  packetIn: ["noMatch", "action", "invalidTtl", "actionSet", "group", "packetOut"],
  portStatus: ["add", "delete", "modify"],
  flowRemoved: ["idle", "hard", "delete", "group", "meter", "eviction"],
  roleStatus: ["masterRequest", "config", "experimenter"],
  tableStatus: ["", "", "", "vacancyDown", "vacancyUp"],
  requestForward: ["groupMod", "meterMod"],
} as const;

type Kind = keyof typeof REASONS;

const ALL_FLOW_REMOVED = (1 << REASONS.flowRemoved.length) - 1;
const ALL_PORT_STATUS = (1 << REASONS.portStatus.length) - 1;
const ALL_PACKET_INS = (1 << REASONS.packetIn.length) - 1;
const INVALID_TTL = 1 << PACKET_IN_REASON.INVALID_TTL;
/** Reasons before OpenFlow 1.4, which does not tell the later ones from a plain action. */
const PACKET_INS_13 = 0x7;
const FLOW_REMOVED_13 = 0xf;
const FIRST_NEW_REASON = PACKET_IN_REASON.ACTION_SET;

/** Pairs of masks: for master or equal, for slave. */
type Masks = Record<Kind, [number, number]>;

/** The configuration of one connection. */
export class AsyncConfig {
  /** Whether the controller chose it. */
  isExplicit = false;
  readonly #masks: Masks = {
    packetIn: [ALL_PACKET_INS & ~INVALID_TTL, 0],
    portStatus: [ALL_PORT_STATUS, ALL_PORT_STATUS],
    flowRemoved: [ALL_FLOW_REMOVED, 0],
    roleStatus: [0, 0],
    tableStatus: [0, 0],
    requestForward: [0, 0],
  };

  /** What is in force, in the reasons that a version has. */
  masksFor(version: Version): AsyncMasks {
    if (version >= VERSION.OF14) return this.#masks;
    const { packetIn, portStatus, flowRemoved } = this.#masks;
    return {
      packetIn: [packetIn[0] & PACKET_INS_13, packetIn[1] & PACKET_INS_13],
      portStatus,
      flowRemoved: [flowRemoved[0] & FLOW_REMOVED_13, flowRemoved[1] & FLOW_REMOVED_13],
    };
  }

  /** Takes a controller's choice; what it leaves out stays. */
  set(chosen: AsyncMasks): void {
    this.isExplicit = true;
    for (const kind of Object.keys(this.#masks) as Kind[]) {
      const [master, slave] = this.#masks[kind];
      this.#masks[kind] = [chosen[kind]?.[0] ?? master, chosen[kind]?.[1] ?? slave];
    }
  }

  /** Nothing is heard until it is asked for. */
  silence(): void {
    for (const masks of Object.values(this.#masks)) masks.fill(0);
  }

  /** Whether a master or equal hears of packets whose TTL ran out, as a flag of the configuration says until OpenFlow 1.2. */
  hearInvalidTtl(isOn: boolean): void {
    const [master, slave] = this.#masks.packetIn;
    this.#masks.packetIn = [isOn ? master | INVALID_TTL : master & ~INVALID_TTL, slave];
  }

  /** Whether a master hears of packets whose TTL ran out. */
  get hearsInvalidTtl(): boolean {
    return (this.#masks.packetIn[0] & INVALID_TTL) !== 0;
  }

  hearsPacketIn(role: Role, reason: number, version: number): boolean {
    const isMerged = version < VERSION.OF14 && reason >= FIRST_NEW_REASON;
    return this.#hears("packetIn", role, isMerged ? PACKET_IN_REASON.ACTION : reason);
  }

  /** Whether a controller of this role hears of a kind of message for this reason. */
  hears<K extends Exclude<Kind, "packetIn">>(kind: K, role: Role, reason: (typeof REASONS)[K][number]): boolean {
    return this.#hears(kind, role, (REASONS[kind] as readonly string[]).indexOf(reason));
  }

  #hears(kind: Kind, role: Role, reason: number): boolean {
    const [master, slave] = this.#masks[kind];
    return ((role === "slave" ? slave : master) & (1 << reason)) !== 0;
  }
}
