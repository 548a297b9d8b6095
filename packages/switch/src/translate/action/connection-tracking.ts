/** `ct` and `ct_clear`: the packet goes through the connection tracker, and where it is to go on it comes back. */
import type { CtDatapathAction, CtHelper, CtNat } from "@tenet/datapath";
import { FIELDS } from "@tenet/net";
import type { CtAction, NatAction } from "@tenet/openflow";
import { recirculate } from "../freeze.ts";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";
import { changePacket } from "./change-packet.ts";

const MARK = FIELDS.ct_mark;
const LABEL = FIELDS.ct_label;

/** Protocols by what `alg` has on the wire: their port. */
const HELPERS: ReadonlyMap<number, CtHelper> = new Map([
  [21, "ftp"],
  [69, "tftp"],
]);

/** Whether connections of this `alg` can be followed; 0 asks for nothing. */
export function isKnownAlg(alg: number): boolean {
  return alg === 0 || HELPERS.has(alg);
}

/** Sends the packet through the connection tracker; where the copy goes on, what it needs is frozen. */
export function track(walk: Walk, action: CtAction): void {
  const { packet, out, observer } = walk;
  const { table } = action;
  packet.commit(out);
  observer?.innerActions(action.actions);
  out.push(toDatapathCt(action, packet, () => action.actions.forEach((inner) => changePacket(walk, inner))));
  if (table !== undefined) {
    observer?.note(`A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table ${table}.`);
    walk.isTracked = true;
    recirculate(walk, table);
  }
  observer?.note("Sets the packet to an untracked state, and clears all the conntrack fields.");
  packet.clearConnection();
  walk.isTracked = false;
}

/** Makes the packet one that was not tracked. */
export function clearConnection(walk: Walk): void {
  if (!walk.isTracked) return;
  walk.packet.clearConnection();
  walk.isTracked = false;
  walk.out.push({ type: "ctClear" });
}

/**
 * The datapath's action: its zone, what it sets in the connection, how it translates.
 *
 * @param execute - carries out the inner actions on the packet, whose `ct_mark` and `ct_label` stay as they were
 */
function toDatapathCt(action: CtAction, packet: PacketState, execute: () => void): CtDatapathAction {
  const { isCommit, isForce, zone } = action;
  const set = packet.wordsWrittenBy(execute, MARK.word, LABEL.word + LABEL.nWords);
  const labelAt = LABEL.word - MARK.word;
  const labelMask = set.written.slice(labelAt, labelAt + LABEL.nWords);
  const hasLabel = labelMask.some((word) => word !== 0);
  const nat = action.actions.findLast((inner) => inner.type === "nat");
  return {
    type: "ct",
    isCommit,
    isForce,
    zone: typeof zone === "number" ? zone : Number(packet.load(zone)),
    mark: set.values[0] ?? 0,
    markMask: set.written[0] ?? 0,
    label: hasLabel ? set.values.slice(labelAt, labelAt + LABEL.nWords) : undefined,
    labelMask: hasLabel ? labelMask : undefined,
    nat: nat === undefined ? undefined : toDatapathNat(nat),
    helper: HELPERS.get(action.alg),
  };
}

function toDatapathNat({ side, addresses, ports, isPersistent = false, portChoice }: NatAction): CtNat {
  return {
    side,
    firstAddress: addresses?.firstAddress,
    lastAddress: addresses?.lastAddress,
    firstPort: ports?.[0] ?? 0,
    lastPort: ports?.[1] ?? 0,
    isPersistent,
    portChoice,
  };
}
