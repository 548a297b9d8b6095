/** Follows a traced packet through the connection tracker: one trace for each time it comes back. */
import { CT_STATE, type CtDatapathAction, type DatapathAction, nestedActions } from "@tenet/datapath";
import { FIELDS, setField } from "@tenet/net";
import type { PortNames } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { FrozenState } from "../translate/frozen-state.ts";
import type { Punt, Translation } from "../translate/translation.ts";
import type { TraceFork, TraceOptions } from "../slow-path.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { type SimulatedNat, simulateNat } from "./simulate-nat.ts";
import { TraceTree } from "./trace-tree.ts";

/** Times that a packet may come back; more is a loop. */
const MAX_FORKS = 64;

/** One pass of the packet through the tables. */
export interface TracePass {
  readonly bridge: Bridge;
  /** The packet as it comes in; `in_port` is an OpenFlow port. */
  readonly key: Uint32Array;
  readonly tree: TraceTree;
  readonly translation: Translation;
  /** What `userspace` actions are for, by their numbers from 1. */
  readonly punts: readonly Punt[];
  /** Why it comes in, for all passes but the first. */
  readonly cause:
    | {
        readonly recircId: number;
        readonly ctState: number;
        readonly isDefault: boolean;
        /** How its addresses were translated, where the tracker was asked for that. */
        readonly nat: SimulatedNat | undefined;
      }
    | undefined;
}

/**
 * Traces a packet to its end.
 *
 * @param ctStates - what the connection tracker says, time after time; beyond them a new connection
 * @param options - `frozen`: where the packet goes on, when it was in the tables before; `namesOf`: by which names a bridge's ports are shown
 */
export function traceForks(
  vswitch: VirtualSwitch,
  bridge: Bridge,
  key: Uint32Array,
  ctStates: readonly number[] = [],
  {
    namesOf,
    frozen: first,
    ...options
  }: Pick<TraceOptions, "actions" | "teaches" | "frozen"> & { readonly namesOf?: (bridge: Bridge) => PortNames } = {},
): [TracePass, ...TracePass[]] {
  const forks: TraceFork[] = [];
  const punts: Punt[] = [];
  const tree = new TraceTree(namesOf);
  const from = first === undefined ? {} : { frozen: first };
  const translation = vswitch.trace(bridge, key, { observer: tree, forks, punts, ...from, ...options });
  const passes: [TracePass, ...TracePass[]] = [{ bridge, key, tree, translation, punts, cause: undefined }];
  for (let at = 0; at < passes.length; at++) {
    const pass = passes[at];
    if (pass === undefined || passes.length > MAX_FORKS) break;
    for (const { id, ct } of recirculationsIn(pass.translation.actions)) {
      const fork = forks[id - 1];
      if (fork === undefined) continue;
      const { frozen } = fork;
      const given = ctStates[passes.length - 1];
      const ctState = given ?? CT_STATE.trk | CT_STATE.new;
      const next = keyOfReturn(fork, pass.key, id, frozen.isTracked ? { ctState, zone: ct.zone } : undefined);
      const nat = ct.nat === undefined ? undefined : simulateNat(next, ct.nat);
      const observer = new TraceTree(namesOf);
      const answer = vswitch.trace(frozen.bridge, next, { observer, forks, punts, frozen, teaches: options.teaches === true });
      const cause = { recircId: id, ctState, isDefault: given === undefined, nat };
      passes.push({ bridge: frozen.bridge, key: asSeen(next, frozen), tree: observer, translation: answer, punts, cause });
    }
  }
  return passes;
}

/** The packet as the datapath gives it back. */
function keyOfReturn(
  { flow }: TraceFork,
  before: Uint32Array,
  id: number,
  tracked: { ctState: number; zone: number } | undefined,
): Uint32Array {
  const key = flow.slice();
  key.fill(0, 0, FIELDS.eth_dst.word);
  setField(key, FIELDS.in_port, before[FIELDS.in_port.word] ?? 0);
  setField(key, FIELDS.recirc_id, id);
  if (tracked === undefined) return key;
  setField(key, FIELDS.ct_state, tracked.ctState);
  setField(key, FIELDS.ct_zone, tracked.zone);
  return key;
}

/** The packet as the tables see it, with what was kept of it. */
function asSeen(key: Uint32Array, { inPort, packet }: FrozenState): Uint32Array {
  const seen = key.map((word, i) => word | (packet.metadata[i] ?? 0));
  setField(seen, FIELDS.in_port, inPort);
  return seen;
}

/** Numbers of recirculations with what had the packet tracked; what the datapath hashes or parses is not followed. */
function recirculationsIn(actions: readonly DatapathAction[]): { id: number; ct: CtDatapathAction }[] {
  return actions.flatMap((action, i) => {
    const before = actions[i - 1];
    if (action.type === "recirc" && before?.type === "ct") return [{ id: action.id, ct: before }];
    return nestedActions(action).flatMap(recirculationsIn);
  });
}
