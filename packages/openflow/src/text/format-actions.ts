/** Writes actions as ovs-ofctl prints them. */
import { fieldOnes } from "@tenet/net";
import { type Action, PORT } from "../action.ts";
import { fromFieldWords, runsOfOnes } from "../match/field-words.ts";
import { asMatchField, type MatchField } from "../match/match-field.ts";
import { formatCt, formatNat } from "./format-connection-actions.ts";
import { formatBundle, formatMultipath, formatSample } from "./choice-text.ts";
import { formatFieldValue } from "./field-value.ts";
import { formatHex } from "./integer.ts";
import { formatLearn } from "./learn-text.ts";
import { formatPort, type PortNames } from "./port-name.ts";
import { formatSubField } from "./sub-field.ts";

type SetField = Extract<Action, { type: "setField" }>;

/**
 * Writes a list of actions; the empty list is `drop`.
 *
 * @example
 * formatActions(parseActions("LOCAL,set_field:1->reg0")); // "LOCAL,set_field:0x1->reg0"
 */
export function formatActions(actions: readonly Action[], options: PortNames = {}): string {
  if (actions.length === 0) return "drop";
  return actions.map((action) => formatAction(action, options)).join(",");
}

function formatAction(action: Action, options: PortNames): string {
  switch (action.type) {
    case "output":
      return formatOutput(action.port, action.maxLength, options);
    case "outputField":
      return `output:${formatSubField(action.source)}`;
    case "controller":
      return formatController(action);
    case "setField":
      return formatSetField(action, options);
    case "setVlanVid":
      return `${action.pushes === false ? "set" : "mod"}_vlan_vid:${action.vid}`;
    case "setVlanPcp":
      return `${action.pushes === false ? "set" : "mod"}_vlan_pcp:${action.pcp}`;
    case "move":
      return `move:${formatSubField(action.source)}->${formatSubField(action.target)}`;
    case "push":
      return `push:${formatSubField(action.source)}`;
    case "pop":
      return `pop:${formatSubField(action.target)}`;
    case "pushVlan":
      return `push_vlan:${formatEtherType(action.ethType)}`;
    case "popVlan":
      return action.name ?? "pop_vlan";
    case "decTtl":
      return formatDecTtl(action.controllerIds);
    case "resubmit":
      return formatResubmit(action, options);
    case "learn":
      return formatLearn(action, options);
    case "finTimeout":
      return formatFinTimeout(action);
    case "multipath":
      return formatMultipath(action);
    case "bundle":
      return formatBundle(action, options);
    case "checkPacketLarger":
      return `check_pkt_larger(${action.sizeBytes})->${formatSubField(action.target)}`;
    case "sample":
      return formatSample(action, options);
    case "deleteField":
      return `delete_field:${asMatchField(action.field).text}`;
    case "pushMpls":
      return `push_mpls:${formatEtherType(action.ethType)}`;
    case "popMpls":
      return `pop_mpls:${formatEtherType(action.ethType)}`;
    case "setMplsLabel":
      return `set_mpls_label(${action.label})`;
    case "setMplsTc":
      return `set_mpls_tc(${action.tc})`;
    case "setMplsTtl":
      return `set_mpls_ttl(${action.ttl})`;
    case "decMplsTtl":
      return "dec_mpls_ttl";
    case "group":
      return `group:${action.group}`;
    case "setQueue":
      return `set_queue:${action.queue}`;
    case "popQueue":
      return "pop_queue";
    case "enqueue":
      return `enqueue:${formatPort(action.port, options)}:${action.queue}`;
    case "clone":
      return `clone(${formatNested(action.actions, options)})`;
    case "conjunction":
      return `conjunction(${action.id},${action.clause}/${action.nClauses})`;
    case "note":
      return `note:${formatBytes(action.bytes)}`;
    case "exit":
      return "exit";
    case "ct":
      return formatCt(action, (actions) => formatActions(actions, options));
    case "nat":
      return formatNat(action);
    case "ctClear":
      return "ct_clear";
    case "meter":
      return `meter:${action.meter}`;
    case "clearActions":
      return "clear_actions";
    case "writeActions":
      return `write_actions(${formatNested(action.actions, options)})`;
    case "writeMetadata":
      return formatWriteMetadata(action.value, action.mask);
    case "gotoTable":
      return `goto_table:${action.table}`;
  }
}

function formatNested(actions: readonly Action[], options: PortNames): string {
  return actions.length === 0 ? "drop" : formatActions(actions, options);
}

function formatOutput(port: number, maxLength: number | undefined, options: PortNames): string {
  const name = formatPort(port, options);
  if (maxLength !== undefined) return `output(port=${name},max_len=${maxLength})`;
  return port >= PORT.IN_PORT && port < PORT.NONE ? name : `output:${name}`;
}

const REASONS = ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"] as const;

function formatController(action: Extract<Action, { type: "controller" }>): string {
  const { maxLength, reason, controllerId, userdata, pauses, meter } = action;
  const isPlain = userdata === undefined && pauses !== true && meter === undefined;
  if (reason === 1 && controllerId === 0 && isPlain) return `CONTROLLER:${maxLength}`;
  const parts: string[] = [];
  if (reason !== 1) parts.push(`reason=${REASONS[reason] ?? reason}`);
  if (maxLength !== 0xffff) parts.push(`max_len=${maxLength}`);
  if (controllerId !== 0) parts.push(`id=${controllerId}`);
  if (userdata !== undefined && userdata.length > 0) parts.push(`userdata=${formatBytes(userdata)}`);
  if (pauses === true) parts.push("pause");
  if (meter !== undefined) parts.push(`meter_id=${meter}`);
  return `controller(${parts.join(",")})`;
}

function formatDecTtl(controllerIds: readonly number[] | undefined): string {
  return controllerIds === undefined ? "dec_ttl" : `dec_ttl(${controllerIds.join(",")})`;
}

type Resubmit = Extract<Action, { type: "resubmit" }>;

function formatResubmit({ port, table, usesCtTuple = false }: Resubmit, names: PortNames): string {
  if (table === undefined && !usesCtTuple) return `resubmit:${formatPort(port ?? PORT.IN_PORT, names)}`;
  const parts = [port === undefined ? "" : formatPort(port, names), String(table ?? "")];
  return `resubmit(${[...parts, ...(usesCtTuple ? ["ct"] : [])].join(",")})`;
}

function formatFinTimeout({ idleTimeout, hardTimeout }: Extract<Action, { type: "finTimeout" }>): string {
  const parts = [idleTimeout === 0 ? "" : `idle_timeout=${idleTimeout}`, hardTimeout === 0 ? "" : `hard_timeout=${hardTimeout}`];
  return `fin_timeout(${parts.filter((part) => part !== "").join(",")})`;
}

function formatEtherType(ethType: number): string {
  return `0x${ethType.toString(16).padStart(4, "0")}`;
}

const MOD_NAMES: Readonly<Record<string, string>> = {
  eth_src: "mod_dl_src",
  eth_dst: "mod_dl_dst",
  ip_src: "mod_nw_src",
  ip_dst: "mod_nw_dst",
  nw_ecn: "mod_nw_ecn",
  nw_ttl: "mod_nw_ttl",
  tp_src: "mod_tp_src",
  tp_dst: "mod_tp_dst",
  tcp_src: "mod_tp_src",
  tcp_dst: "mod_tp_dst",
  udp_src: "mod_tp_src",
  udp_dst: "mod_tp_dst",
  sctp_src: "mod_tp_src",
  sctp_dst: "mod_tp_dst",
};

function formatSetField(action: SetField, names: PortNames): string {
  const field = asMatchField(action.field);
  const value = fromFieldWords(field, action.value);
  const mask = fromFieldWords(field, action.mask);
  if (action.form === "load") return formatLoad(field, value, mask);
  if (action.form === "mod") {
    const text = formatMod(field, value, mask);
    if (text !== undefined) return text;
  }
  if (field.format === "ipv4" || field.format === "ipv6") {
    const whole = fieldOnes(field);
    const text = formatFieldValue(field, value, whole);
    return `set_field:${mask === whole ? text : `${text}/${formatFieldValue(field, mask, whole)}`}->${field.text}`;
  }
  return `set_field:${formatFieldValue(field, value, mask, names)}->${field.text}`;
}

function formatLoad(field: MatchField, value: bigint, mask: bigint): string {
  return runsOfOnes(mask)
    .map(({ start, nBits }) => {
      const bits = (value >> BigInt(start)) & ((1n << BigInt(nBits)) - 1n);
      return `load:${formatHex(bits)}->${formatSubField({ field, start, nBits })}`;
    })
    .join(",");
}

function formatMod(field: MatchField, value: bigint, mask: bigint): string | undefined {
  if (mask !== fieldOnes(field)) return undefined;
  if (field.text === "ip_dscp") return `mod_nw_tos:${value << 2n}`;
  if (field.text === "tun_id") return `${value > 0xffff_ffffn ? "set_tunnel64" : "set_tunnel"}:${formatHex(value)}`;
  const name = MOD_NAMES[field.text];
  return name === undefined ? undefined : `${name}:${formatFieldValue(field, value, mask)}`;
}

function formatWriteMetadata(value: Uint32Array, mask: Uint32Array): string {
  const big = (words: Uint32Array): bigint => (BigInt(words[0] ?? 0) << 32n) | BigInt(words[1] ?? 0);
  const text = formatHex(big(value));
  return `write_metadata:${big(mask) === 0xffff_ffff_ffff_ffffn ? text : `${text}/${formatHex(big(mask))}`}`;
}

function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(".");
}
