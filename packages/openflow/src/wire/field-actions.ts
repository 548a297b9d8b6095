/**
 * The actions that set one field each: all that OpenFlow 1.0 and 1.1 have, and what later versions still take beside set-field.
 *
 * OpenFlow 1.1 gave most of them other numbers, and added some; its VLAN actions do nothing to packets without a tag.
 */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import type { Action, Match } from "../action.ts";
import type { MatchField } from "../match/match-field.ts";
import { meetsPrerequisite } from "../match/prerequisite.ts";
import { VERSION } from "../message.ts";
import { inRange, setMod } from "./action-parts.ts";
import { OpenFlowError } from "./openflow-error.ts";

/** What is set, by its number in OpenFlow 1.0 and in later versions. */
const FIELDS_10 = ["", "vlanVid", "vlanPcp", "", "ethSrc", "ethDst", "ipSrc", "ipDst", "tos", "tpSrc", "tpDst"] as const;
const FIELDS_11 = [
  "",
  "vlanVid",
  "vlanPcp",
  "ethSrc",
  "ethDst",
  "ipSrc",
  "ipDst",
  "tos",
  "ecn",
  "tpSrc",
  "tpDst",
  "",
  "",
  "mplsLabel",
  "mplsTc",
] as const;

type FieldAction = (typeof FIELDS_10)[number] | (typeof FIELDS_11)[number];

/** Which action of a set field it is, where there is one. */
const BY_FIELD: ReadonlyMap<string, FieldAction> = new Map<string, FieldAction>([
  ["eth_src", "ethSrc"],
  ["eth_dst", "ethDst"],
  ["ip_src", "ipSrc"],
  ["ip_dst", "ipDst"],
  ["nw_tos", "tos"],
  ["ip_dscp", "tos"],
  ["nw_ecn", "ecn"],
  ["vlan_vid", "vlanVid"],
  ["vlan_pcp", "vlanPcp"],
]);

/** The number of an action in a version; 0 = it has none. */
export function fieldActionNumber(action: FieldAction, version: number): number {
  const names: readonly FieldAction[] = version === VERSION.OF10 ? FIELDS_10 : FIELDS_11;
  return Math.max(0, names.indexOf(action));
}

/** Reads an action; `undefined` for a number that is not of one. @param match - tells which transport's ports are meant */
export function readFieldAction(
  type: number,
  body: ByteReader,
  version: number,
  match: Match | undefined,
  at: number,
): Action | undefined {
  const pushes = version === VERSION.OF10 ? {} : ({ pushes: false } as const);
  switch ((version === VERSION.OF10 ? FIELDS_10 : FIELDS_11)[type]) {
    case "vlanVid":
      return { type: "setVlanVid", vid: inRange(body.u16(), 0xfff, "a VLAN ID", at), ...pushes };
    case "vlanPcp":
      return { type: "setVlanPcp", pcp: inRange(body.u8(), 7, "a VLAN priority", at), ...pushes };
    case "ethSrc":
      return setMod("eth_src", BigInt(body.u48()));
    case "ethDst":
      return setMod("eth_dst", BigInt(body.u48()));
    case "ipSrc":
      return setMod("ip_src", BigInt(body.u32()));
    case "ipDst":
      return setMod("ip_dst", BigInt(body.u32()));
    case "tos":
      return readTos(body.u8(), at);
    case "ecn":
      return setMod("nw_ecn", BigInt(inRange(body.u8(), 3, "ECN", at)));
    case "tpSrc":
      return setMod(transportField(match, "src"), BigInt(body.u16()));
    case "tpDst":
      return setMod(transportField(match, "dst"), BigInt(body.u16()));
    case "mplsLabel":
      return { type: "setMplsLabel", label: inRange(body.u32(), 0xf_ffff, "an MPLS label", at) };
    case "mplsTc":
      return { type: "setMplsTc", tc: inRange(body.u8(), 7, "an MPLS traffic class", at) };
    default:
      return undefined;
  }
}

function readTos(tos: number, at: number): Action {
  if ((tos & 3) !== 0) throw new OpenFlowError("OFPBAC_BAD_ARGUMENT", `TOS ${tos} has ECN bits`, { details: { at } });
  return setMod("ip_dscp", BigInt(tos >>> 2));
}

function transportField(match: Match | undefined, side: "src" | "dst"): string {
  const protocol = (["tcp", "udp", "sctp"] as const).find((name) => match !== undefined && meetsPrerequisite(match, name));
  return `${protocol ?? "tp"}_${side}`;
}

/** Writes the action that sets all of a field; `false` when the version has none. @param isMod - whether it came as one */
export function writeFieldAction(writer: ByteWriter, field: MatchField, value: bigint, isMod: boolean, version: number): boolean {
  const action = BY_FIELD.get(field.text) ?? portAction(field, isMod);
  const number = Number(value);
  const type = action === undefined ? 0 : fieldActionNumber(action, version);
  if (type === 0 || (action === "vlanVid" && (number & 0x1000) === 0)) return false;
  writer.u16(type).u16(action === "ethSrc" || action === "ethDst" ? 16 : 8);
  switch (action) {
    case "ethSrc":
    case "ethDst":
      writer.u48(number).zeros(6);
      return true;
    case "ipSrc":
    case "ipDst":
      writer.u32(number);
      return true;
    case "tos":
      writer.u8(field.text === "nw_tos" ? number : number << 2).zeros(3);
      return true;
    case "vlanPcp":
    case "ecn":
      writer.u8(number).zeros(3);
      return true;
    default:
      writer.u16(action === "vlanVid" ? number & 0xfff : number).zeros(2);
      return true;
  }
}

/** It is about ports of TCP and UDP; those of SCTP are set so only where they came so. */
function portAction(field: MatchField, isMod: boolean): FieldAction | undefined {
  const side = (isMod ? /^(?:tcp|udp|sctp)_(src|dst)$/ : /^(?:tcp|udp)_(src|dst)$/).exec(field.text)?.[1];
  return side === undefined ? undefined : side === "src" ? "tpSrc" : "tpDst";
}
