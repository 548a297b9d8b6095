/**
 * A bond: interfaces that act as one port, and what happens when one of them fails.
 *
 * What: a member is enabled while its link is up, changes of the link being believed after a delay. One enabled member
 * is active: groups and broadcasts come in there alone. `active-backup` sends everything through it; `balance-slb`
 * spreads senders over all enabled members by a hash of address and VLAN (bond-hash.ts), and moves hashes from busy
 * members to idle ones. `balance-tcp` works with LACP alone, which is not there: such a bond carries nothing.
 *
 * @see ovs-vswitchd.conf.db(5), Port table, bonding configuration
 */
import type { Clock } from "@tenet/kit";
import { isMulticastMac } from "@tenet/net";
import { hashSender, N_BOND_HASHES } from "./bond-hash.ts";
import { type BondMember, SenderHash } from "./bond-member.ts";
import type { BridgePort } from "./bridge-port.ts";
import { rebalance } from "./rebalance.ts";

/** What the database says of a bond. */
export interface BondSettings {
  readonly mode: "active-backup" | "balance-slb" | "balance-tcp";
  /** How long a link must be up before it is used. */
  readonly upDelayMs: number;
  /** How long a link must be down before it is left. */
  readonly downDelayMs: number;
  /** 0 = never. */
  readonly rebalanceMs: number;
  /** Of the hash; 32 bits. */
  readonly basis: number;
  /** Name of the member that is active when it is enabled; of `active-backup`. */
  readonly primary: string | undefined;
  /** Whether every enabled member takes in groups and broadcasts; of `balance-slb`. */
  readonly areAllActive: boolean;
}

/** Whether a packet that came in at a member is forwarded; `unless-moved`: if its sender was not last seen elsewhere. */
export type Admission = "accept" | "drop" | "unless-moved";

/** What became of a change by hand. */
export type BondChange = "changed" | "unchanged" | "no such member";

/** What is told of a bond: a member that is enabled or disabled, or the one that is active now, if any. */
export type BondNews =
  | { readonly member: string; readonly isEnabled: boolean }
  | { readonly active: string | undefined; readonly isEnabled?: undefined };

/** A bond over interfaces of one bundle. */
export class Bond {
  #settings: BondSettings;
  /** Monotonic ms of the next rebalancing. */
  rebalancesAtMs: number;
  readonly #clock: Clock;
  readonly #memberByPort = new Map<BridgePort, BondMember>();
  readonly #hashes: readonly SenderHash[] = Array.from({ length: N_BOND_HASHES }, (_, value) => new SenderHash(value));
  #active: BondMember | undefined;
  /** The active member that was told of last. */
  #announced: BondMember | undefined;
  #lastChosen = -1;
  readonly #tell: (news: BondNews) => void;

  constructor(settings: BondSettings, clock: Clock, tell: (news: BondNews) => void = () => undefined) {
    this.#tell = tell;
    this.#settings = settings;
    this.#clock = clock;
    this.rebalancesAtMs = clock.monotonicMs() + settings.rebalanceMs;
  }

  get settings(): BondSettings {
    return this.#settings;
  }

  /** Takes new settings; members keep their state. */
  configure(settings: BondSettings): void {
    if (settings.rebalanceMs !== this.#settings.rebalanceMs)
      this.rebalancesAtMs = this.#clock.monotonicMs() + settings.rebalanceMs;
    this.#settings = settings;
  }

  /** In the order in which they were added. */
  get members(): BondMember[] {
    return [...this.#memberByPort.values()];
  }

  /** The member that groups and broadcasts come in at; `undefined` when none is enabled. */
  get active(): BondMember | undefined {
    return this.#active;
  }

  /** Adds an interface, enabled when its link is up. */
  add(port: BridgePort): void {
    this.#memberByPort.set(port, { port, isEnabled: port.isUp, changesAtMs: undefined });
    if (port.isUp) this.#tell({ member: port.name, isEnabled: true });
    this.#chooseActive();
  }

  remove(port: BridgePort): void {
    const member = this.#memberByPort.get(port);
    if (member === undefined) return;
    this.#memberByPort.delete(port);
    for (const hash of this.#hashes) if (hash.member === member) hash.member = undefined;
    this.#chooseActive();
  }

  /** Follows the links and the time. @returns whether packets may now go elsewhere */
  run(): boolean {
    const nowMs = this.#clock.monotonicMs();
    let hasChanged = false;
    for (const member of this.#memberByPort.values()) hasChanged = this.#followLink(member, nowMs) || hasChanged;
    const before = this.#active;
    this.#chooseActive();
    if (this.#rebalanceIfDue(nowMs)) hasChanged = true;
    return hasChanged || this.#active !== before;
  }

  /** Whether another member has become active since this was asked last. */
  takeNewActive(): boolean {
    const isNew = this.#active !== undefined && this.#active !== this.#announced;
    if (this.#active !== undefined) this.#announced = this.#active;
    return isNew;
  }

  /** The senders that share a hash with this one, which they go out by; only of `balance-slb`. */
  hashOf(mac: number, vlan: number): SenderHash | undefined {
    return this.#settings.mode === "balance-slb" ? this.#hashes[hashSender(mac, vlan, this.#settings.basis)] : undefined;
  }

  /** Where packets of senders leave; `undefined`: nowhere. */
  choose(hash: SenderHash | undefined): BridgePort | undefined {
    if (this.#settings.mode === "balance-tcp") return undefined;
    if (hash === undefined) return this.#active?.port;
    if (hash.member?.isEnabled !== true) hash.member = this.#nextEnabled();
    return hash.member?.port;
  }

  /** Whether a packet that came in at a member, for this address, is to be forwarded. */
  admits(port: BridgePort, dst: number): Admission {
    const { mode, areAllActive } = this.#settings;
    if (mode === "balance-tcp") return "drop";
    const isActive = this.#active?.port === port;
    if (mode === "active-backup") return isActive ? "accept" : "drop";
    return isMulticastMac(dst) && !isActive && !areAllActive ? "drop" : "unless-moved";
  }

  /** The hashes that a member sends, which sent anything lately. */
  hashesOf(member: BondMember): SenderHash[] {
    return this.#hashes.filter((hash) => hash.member === member);
  }

  /** Enables or disables a member until its link, or time, says otherwise. */
  setEnabled(name: string, isEnabled: boolean): BondChange {
    const member = this.#memberNamed(name);
    if (member === undefined) return "no such member";
    if (member.isEnabled === isEnabled) return "unchanged";
    this.#setEnabled(member, isEnabled);
    return "changed";
  }

  setActive(name: string): BondChange {
    const member = this.#memberNamed(name);
    if (member === undefined) return "no such member";
    if (member === this.#active) return "unchanged";
    this.#setActive(member);
    return "changed";
  }

  /** Sends a hash through another member. */
  migrate(value: number, name: string): BondChange {
    const member = this.#memberNamed(name);
    const hash = this.#hashes[value % N_BOND_HASHES];
    if (member === undefined || hash === undefined) return "no such member";
    hash.member = member;
    return "changed";
  }

  #memberNamed(name: string): BondMember | undefined {
    return this.members.find(({ port }) => port.name === name);
  }

  #followLink(member: BondMember, nowMs: number): boolean {
    const { isUp } = member.port;
    const { upDelayMs, downDelayMs } = this.#settings;
    if (isUp === member.isEnabled) member.changesAtMs = undefined;
    else member.changesAtMs ??= nowMs + (isUp ? upDelayMs : downDelayMs);
    if (member.changesAtMs === undefined || nowMs < member.changesAtMs) return false;
    this.#setEnabled(member, isUp);
    return true;
  }

  #setEnabled(member: BondMember, isEnabled: boolean): void {
    if (member.isEnabled !== isEnabled) this.#tell({ member: member.port.name, isEnabled });
    member.isEnabled = isEnabled;
    member.changesAtMs = undefined;
  }

  #setActive(member: BondMember | undefined): void {
    if (this.#active !== member) this.#tell({ active: member?.port.name });
    this.#active = member;
  }

  /** Without any enabled member, one that waits for its delay is used at once. */
  #chooseActive(): void {
    const { mode, primary } = this.#settings;
    const members = this.members;
    const enabled = members.filter(({ isEnabled }) => isEnabled);
    const favourite = mode === "active-backup" ? enabled.find(({ port }) => port.name === primary) : undefined;
    const isLost = this.#active?.isEnabled !== true || !members.includes(this.#active);
    const next = favourite ?? (isLost ? enabled[0] : this.#active);
    if (next !== undefined) return this.#setActive(next);
    const [first] = members.filter(({ port }) => port.isUp).sort((a, b) => (a.changesAtMs ?? 0) - (b.changesAtMs ?? 0));
    if (first !== undefined) this.#setEnabled(first, true);
    this.#setActive(first);
  }

  /** Members take turns. */
  #nextEnabled(): BondMember | undefined {
    const enabled = this.members.filter(({ isEnabled }) => isEnabled);
    if (enabled.length === 0) return undefined;
    this.#lastChosen = (this.#lastChosen + 1) % enabled.length;
    return enabled[this.#lastChosen];
  }

  #rebalanceIfDue(nowMs: number): boolean {
    const { mode, rebalanceMs } = this.#settings;
    if (mode !== "balance-slb" || rebalanceMs === 0 || nowMs < this.rebalancesAtMs) return false;
    this.rebalancesAtMs = nowMs + rebalanceMs;
    const hasMoved = rebalance(this.members, this.#hashes);
    for (const hash of this.#hashes) hash.nBytes = Math.floor(hash.nBytes / 2);
    return hasMoved;
  }
}
