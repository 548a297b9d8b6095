/** The commands that look at and change bonds, for `ovs-appctl`. */
import type { Clock } from "@tenet/kit";
import { formatMac, parseMac } from "@tenet/net";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { Bond, BondChange } from "../bridge/bond.ts";
import { hashSender } from "../bridge/bond-hash.ts";
import type { BondMember } from "../bridge/bond-member.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { inTurns } from "./in-turns.ts";

interface NamedBond {
  readonly name: string;
  readonly bond: Bond;
}

/** `bond/*`; commands that Open vSwitch renamed go by both names. */
export function bondCommands(vswitch: VirtualSwitch, clock: Clock): Command[] {
  /** Changes a bond; `done` and `same` say what came of it. */
  const change = (name: string, done: string, same: string, act: (bond: Bond, member: string) => BondChange): Command[] =>
    [`${name}-member`, `${name}-slave`].map((each) =>
      command(`bond/${each}`, "port member", [2, 2], ([port, member = ""]) => {
        const outcome = act(findBond(vswitch, port).bond, member);
        if (outcome === "no such member") throw new ArgumentError(outcome);
        vswitch.bondsChanged();
        return outcome === "changed" ? done : same;
      }),
    );
  return [
    ...change("enable", "enabled", "enabled", (bond, member) => bond.setEnabled(member, true)),
    ...change("disable", "disabled", "disabled", (bond, member) => bond.setEnabled(member, false)),
    ...change("set-active", "done", "no change", (bond, member) => bond.setActive(member)),
    command("bond/hash", "mac [vlan] [basis]", [1, 3], ([mac = "", vlan = "0", basis = "0"]) => hashText(mac, vlan, basis)),
    command("bond/list", "", [0, 0], () => ["bond\ttype\trecircID\tmembers", ...bondsOf(vswitch).map(listLine)].join("\n")),
    command("bond/migrate", "port hash member", [3, 3], ([port, hash = "", member = ""]) => {
      const { bond } = findBond(vswitch, port);
      if (bond.settings.mode !== "balance-slb") throw new ArgumentError("not an SLB bond");
      const value = /^\d+$/.test(hash) ? Number(hash) : hashSender(readMac(hash, "bad hash"), 0, bond.settings.basis);
      const outcome = bond.migrate(value, member);
      if (outcome === "no such member") throw new ArgumentError(outcome);
      vswitch.bondsChanged();
      return "migrated";
    }),
    command("bond/show", "[port]", [0, 1], ([port]) => {
      const shown = port === undefined ? bondsOf(vswitch) : [findBond(vswitch, port)];
      return inTurns(vswitch.turns, function* (answer) {
        yield* vswitch.cache.readingStatistics();
        for (const each of shown) answer.write(showBond(each, clock.monotonicMs()));
      });
    }),
  ];
}

function bondsOf({ bridges }: VirtualSwitch): NamedBond[] {
  return [...bridges.values()].flatMap(({ bundles }) =>
    bundles.flatMap(({ name, bond }) => (bond === undefined ? [] : [{ name, bond }])),
  );
}

function findBond(vswitch: VirtualSwitch, port: string | undefined): NamedBond {
  const found = bondsOf(vswitch).find(({ name }) => name === port);
  if (found === undefined) throw new ArgumentError("no such bond");
  return found;
}

function hashText(mac: string, vlan: string, basis: string): string {
  const address = readMac(mac, "invalid mac");
  if (!/^\d+$/.test(vlan)) throw new ArgumentError("invalid vlan");
  if (!/^\d+$/.test(basis)) throw new ArgumentError("invalid basis");
  return String(hashSender(address, Number(vlan), Number(basis)));
}

function readMac(text: string, problem: string): number {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) throw new ArgumentError(problem);
  return parseMac(text);
}

function listLine({ name, bond }: NamedBond): string {
  return `${name}\t${bond.settings.mode}\t0\t${bond.members.map(({ port }) => port.name).join(", ")}`;
}

function showBond({ name, bond }: NamedBond, nowMs: number): string {
  const { mode, basis, areAllActive, upDelayMs, downDelayMs, rebalanceMs } = bond.settings;
  const untilMs = Math.max(0, Math.floor(bond.rebalancesAtMs - nowMs));
  const lines = [
    `---- ${name} ----`,
    `bond_mode: ${mode}`,
    "bond may use recirculation: no, Recirc-ID : -1",
    `bond-hash-basis: ${basis}`,
    "lb_output action: disabled, bond-id: -1",
    ...(mode === "balance-slb" ? [`all members active: ${areAllActive}`] : []),
    `updelay: ${upDelayMs} ms`,
    `downdelay: ${downDelayMs} ms`,
    ...(mode !== "active-backup" && rebalanceMs > 0 ? [`next rebalance: ${untilMs} ms`] : []),
    "lacp_status: off",
    "lacp_fallback_ab: false",
    `active-backup primary: ${mode === "active-backup" ? primaryText(bond) : "<none>"}`,
    `active member mac: ${activeText(bond.active)}`,
    "",
    ...membersByName(bond).flatMap((member) => [...memberLines(bond, member, nowMs), ""]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function membersByName({ members }: Bond): BondMember[] {
  return [...members].sort((a, b) => (a.port.name < b.port.name ? -1 : 1));
}

function primaryText({ settings: { primary }, members }: Bond): string {
  if (primary === undefined) return "<none>";
  return members.some(({ port }) => port.name === primary) ? primary : `${primary} (no such member)`;
}

function activeText(active: BondMember | undefined): string {
  return active === undefined ? "00:00:00:00:00:00(none)" : `${formatMac(active.port.mac)}(${active.port.name})`;
}

function memberLines(bond: Bond, member: BondMember, nowMs: number): string[] {
  const { port, isEnabled, changesAtMs } = member;
  const untilMs = Math.floor((changesAtMs ?? 0) - nowMs);
  const loads = bond.hashesOf(member).map(({ value, nBytes }) => ({ value, kB: Math.floor(nBytes / 1024) }));
  return [
    `member ${port.name}: ${isEnabled ? "enabled" : "disabled"}`,
    ...(bond.active === member ? ["  active member"] : []),
    ...(changesAtMs === undefined ? [] : [`  ${isEnabled ? "downdelay" : "updelay"} expires in ${untilMs} ms`]),
    `  may_enable: ${port.isUp}`,
    ...loads.filter(({ kB }) => kB > 0).map(({ value, kB }) => `  hash ${value}: ${kB} kB load`),
  ];
}
