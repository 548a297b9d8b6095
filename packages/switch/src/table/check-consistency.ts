/**
 * Whether the packets of a flow have the fields that its actions read and set.
 *
 * What the flow matches and what its actions did before decide. OpenFlow 1.0 lets actions of its own kind pass (`mod_nw_src`,
 * `dec_ttl` and the like), which do nothing to packets without the field.
 */
import { FIELDS, getField, setField } from "@tenet/net";
import {
  type Action,
  asMatchField,
  type LearnAction,
  makeMatch,
  type Match,
  meetsPrerequisite,
  type NatAction,
  type SubField,
} from "@tenet/openflow";
import { RefusedError } from "./refused-error.ts";

/** @throws RefusedError at the first action on a field that a packet of the flow need not have */
export function checkConsistency(actions: readonly Action[], match: Match, isOf10: boolean): void {
  let now = match;
  for (const action of actions) {
    checkAction(action, now, isOf10);
    if (!isOf10) checkStrictly(action, now);
    now = matchAfter(action, now);
  }
}

function checkAction(action: Action, match: Match, isOf10: boolean): void {
  switch (action.type) {
    case "setField":
      if (action.form !== "mod" || !isOf10) need({ field: action.field, start: 0, nBits: 0 }, match);
      return;
    case "move":
      need(action.source, match);
      return need(action.target, match);
    case "push":
    case "outputField":
      return need(action.source, match);
    case "pop":
    case "multipath":
    case "checkPacketLarger":
      return need(action.target, match);
    case "bundle":
      return action.target === undefined ? undefined : need(action.target, match);
    case "learn":
      return checkLearn(action, match);
    case "resubmit":
      if (action.usesCtTuple === true && !meetsPrerequisite(match, "ct"))
        throw inconsistent("the original tuple of a connection");
      return;
    case "ct":
      if (!meetsPrerequisite(match, "ip")) throw inconsistent("connection tracking");
      for (const inner of action.actions) if (inner.type === "nat") checkNat(inner, match);
      return typeof action.zone === "number" ? undefined : need(action.zone, match);
    case "clone":
    case "writeActions":
      return checkConsistency(action.actions, match, isOf10);
  }
}

/** What OpenFlow 1.0 lets pass. */
function checkStrictly(action: Action, match: Match): void {
  if (action.type === "decTtl" && !meetsPrerequisite(match, "ip")) throw inconsistent("a TTL");
  const needsTag = (action.type === "setVlanVid" || action.type === "setVlanPcp") && action.pushes === false;
  if (needsTag && !meetsPrerequisite(match, "vlan")) throw inconsistent("a VLAN tag");
  if (action.type === "finTimeout" && !meetsPrerequisite(match, "tcp")) throw inconsistent("TCP flags");
  const isOfMpls = action.type === "decMplsTtl" || action.type === "popMpls" || action.type === "setMplsTtl";
  if (isOfMpls && !meetsPrerequisite(match, "mpls")) throw inconsistent("an MPLS label");
}

function checkNat({ addresses }: NatAction, match: Match): void {
  if (addresses === undefined || meetsPrerequisite(match, addresses.family === 4 ? "ipv4" : "ipv6")) return;
  throw inconsistent(`addresses of IPv${addresses.family}`);
}

/** The fields that `learn` matches need each other in the flow that it makes. */
function checkLearn({ specs, result }: LearnAction, match: Match): void {
  const learned = makeMatch();
  for (const spec of specs) {
    if (typeof spec.source !== "bigint") need(spec.source, match);
    if (spec.type === "load") need(spec.target, learned);
    if (spec.type !== "match") continue;
    need(spec.target, learned);
    const { field, start, nBits } = spec.target;
    if (field.nBits > 32 || typeof spec.source !== "bigint") continue;
    const bits = { ...field, nBits, shift: field.shift + start, nWords: 1 };
    setField(learned.key, bits, Number(spec.source));
    setField(learned.mask, bits, 0xffffffff);
  }
  if (result !== undefined) need(result, match);
}

/** @throws RefusedError when packets that match need not have the field */
function need({ field }: SubField, match: Match): void {
  const { text, prerequisite } = asMatchField(field);
  const needed = text === "vlan_vid" ? "vlan" : prerequisite;
  if (needed !== "none" && !meetsPrerequisite(match, needed)) throw inconsistent(text);
}

/** What is known of packets that an action was carried out on. */
function matchAfter(action: Action, match: Match): Match {
  switch (action.type) {
    case "pushVlan":
    case "setVlanVid":
    case "setVlanPcp":
      return matchWith(match, FIELDS.vlan_tci, getField(match.key, FIELDS.vlan_tci) | 0x1000, 0x1000);
    case "popVlan":
      return matchWith(match, FIELDS.vlan_tci, 0, 0xffff);
    case "pushMpls":
    case "popMpls":
      return matchWith(match, FIELDS.eth_type, action.ethType, 0xffff);
    default:
      return match;
  }
}

function matchWith(match: Match, field: typeof FIELDS.vlan_tci, value: number, mask: number): Match {
  const next = { ...match, key: match.key.slice(), mask: match.mask.slice() };
  setField(next.key, field, value);
  setField(next.mask, field, mask | getField(match.mask, field));
  return next;
}

function inconsistent(what: string): RefusedError {
  return new RefusedError("OFPBAC_MATCH_INCONSISTENT", `not every packet of the flow has ${what}`, "Match what it needs");
}
