/**
 * Actions in the syntax of ovs-ofctl: `set_field:5->reg0,resubmit(,7),output:2`.
 *
 * One table maps each word to a small reader. Words that are shorthands become the action that they
 * stand for, and remember the form where text and wire differ by it.
 *
 * @see ovs-actions(7)
 */
import { type Action, type Match, PACKET_IN_REASON, PORT } from "../action.ts";
import { onesAt, toFieldWords } from "../match/field-words.ts";
import { findMatchField, type MatchField, matchField, matchFieldNames } from "../match/match-field.ts";
import { meetsPrerequisite, prerequisiteText } from "../match/prerequisite.ts";
import { parseCt, parseNat } from "./parse-connection-actions.ts";
import { checkActionOrder } from "./action-order.ts";
import { parseBundle, parseMultipath, parseSample } from "./choice-text.ts";
import { parseFieldValue } from "./field-value.ts";
import { parseBigInteger, parseInteger, tryParseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import { parseBit, parseLearn, parseSeconds } from "./learn-text.ts";
import type { ParseOptions } from "./parse-match.ts";
import { isReservedPortName, type PortNames, parsePort, tryParsePort } from "./port-name.ts";
import { Span } from "./span.ts";
import { isFieldName, parseSubField, widthOf } from "./sub-field.ts";

/** How to read actions. */
export interface ParseActionsOptions extends ParseOptions {
  /** The flow's match: then an action on a field that the packets need not have is an error. */
  readonly match?: Match;
}

/** What readers know. */
interface Context {
  readonly names: PortNames;
  readonly match: Match | undefined;
  /** A tag was pushed by an earlier action, so VLAN fields exist. */
  hasPushedVlan: boolean;
  /** Inside `ct`, where `nat` may stand and connections may be marked. */
  isInCt: boolean;
}

type Reader = (item: KeyValue, context: Context) => Action;

/**
 * Reads a list of actions; `drop` and the empty text are the empty list.
 *
 * @throws SourceError with the position, what was expected and the nearest name
 * @example
 * parseActions("load:1->NXM_NX_REG0[],resubmit(,5)");
 */
export function parseActions(text: string, options: ParseActionsOptions = {}): Action[] {
  return parseActionSpan(new Span(text, options.file ?? "actions"), options, options.match);
}

/** As {@link parseActions}, for a part of a larger text. */
export function parseActionSpan(span: Span, names: PortNames, match: Match | undefined): Action[] {
  return readList(span, { names, match, hasPushedVlan: false, isInCt: false });
}

/** As {@link parseActions}, for items of a list that holds other things too. */
export function parseActionItems(list: Iterable<KeyValue>, names: PortNames): Action[] {
  return readItems(list, { names, match: undefined, hasPushedVlan: false, isInCt: false });
}

function readList(span: Span, context: Context): Action[] {
  return readItems(keyValues(span), context);
}

function readItems(list: Iterable<KeyValue>, context: Context): Action[] {
  const actions: Action[] = [];
  const items: Span[] = [];
  let drop: Span | undefined;
  for (const item of list) {
    if (item.key.text === "drop" && !item.hasValue) drop = item.item;
    else actions.push(readOne(item, context));
    items.push(item.item);
  }
  if (drop !== undefined && items.length > 1) {
    throw drop.fail('"drop" stands alone', { hint: "Remove drop, or the other actions" });
  }
  checkActionOrder(actions, items);
  return actions;
}

function readOne(item: KeyValue, context: Context): Action {
  const word = item.key.text;
  const reader = READERS.get(word) ?? READERS.get(word.toLowerCase());
  if (reader !== undefined) return reader(item, context);
  if (!item.hasValue) {
    const port = tryParsePort(word, context.names);
    if (port !== undefined) return outputTo(port);
  }
  throw item.key.failUnknown("action", [...READERS.keys(), "drop", ...(context.names.portByName?.keys() ?? [])]);
}

const VLAN_TPIDS: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const MPLS_ETHER_TYPES: ReadonlySet<number> = new Set([0x8847, 0x8848]);

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["output", readOutput],
  ["enqueue", readEnqueue],
  ["controller", readController],
  ["resubmit", readResubmit],
  ["goto_table", ({ value }) => ({ type: "gotoTable", table: parseInteger(value, "a table", 254) })],
  ["set_field", readSetField],
  ["load", readLoad],
  ["move", readMove],
  ["push", ({ value }) => ({ type: "push", source: parseSubField(value) })],
  ["pop", ({ value }) => ({ type: "pop", target: parseSubField(value) })],
  ["push_vlan", readPushVlan],
  ["pop_vlan", () => ({ type: "popVlan" })],
  ["strip_vlan", () => ({ type: "popVlan", name: "strip_vlan" })],
  ["mod_vlan_vid", readVlan((value) => ({ type: "setVlanVid", vid: parseInteger(value, "a VLAN ID", 4095) }))],
  ["mod_vlan_pcp", readVlan((value) => ({ type: "setVlanPcp", pcp: parseInteger(value, "a VLAN priority", 7) }))],
  ["set_vlan_vid", readVlan((value) => ({ type: "setVlanVid", vid: parseInteger(value, "a VLAN ID", 4095), pushes: false }))],
  ["set_vlan_pcp", readVlan((value) => ({ type: "setVlanPcp", pcp: parseInteger(value, "a VLAN priority", 7), pushes: false }))],
  ["mod_dl_src", modify("eth_src")],
  ["mod_dl_dst", modify("eth_dst")],
  ["mod_nw_src", modify("ip_src")],
  ["mod_nw_dst", modify("ip_dst")],
  ["mod_nw_tos", readTos],
  ["mod_nw_ecn", modify("nw_ecn")],
  ["mod_nw_ttl", modify("nw_ttl")],
  ["mod_tp_src", modifyPort("src")],
  ["mod_tp_dst", modifyPort("dst")],
  ["set_tunnel", modify("tun_id")],
  ["set_tunnel64", modify("tun_id")],
  ["dec_ttl", readDecTtl],
  ["group", ({ value }) => ({ type: "group", group: parseInteger(value, "a group", 0xffff_ff00) })],
  ["set_queue", ({ value }) => ({ type: "setQueue", queue: parseInteger(value, "a queue", 0xffff_ffff) })],
  ["pop_queue", () => ({ type: "popQueue" })],
  ["learn", (item, { names }) => parseLearn(item, names)],
  ["fin_timeout", readFinTimeout],
  ["multipath", (item) => parseMultipath(item)],
  ["bundle", (item, { names }) => parseBundle(item, names)],
  ["bundle_load", (item, { names }) => parseBundle(item, names)],
  ["check_pkt_larger", readCheckPacketLarger],
  ["sample", (item, { names }) => parseSample(item, names)],
  ["delete_field", readDeleteField],
  ["push_mpls", ({ value }) => ({ type: "pushMpls", ethType: readEtherType(value, MPLS_ETHER_TYPES) })],
  ["pop_mpls", ({ value }) => ({ type: "popMpls", ethType: parseInteger(value, "an EtherType", 0xffff) })],
  ["set_mpls_label", ({ value }) => ({ type: "setMplsLabel", label: parseInteger(value, "an MPLS label", 0xfffff) })],
  ["set_mpls_tc", ({ value }) => ({ type: "setMplsTc", tc: parseInteger(value, "an MPLS traffic class", 7) })],
  ["set_mpls_ttl", ({ value }) => ({ type: "setMplsTtl", ttl: parseInteger(value, "a TTL", 255) })],
  ["dec_mpls_ttl", () => ({ type: "decMplsTtl" })],
  ["clone", ({ value }, context) => ({ type: "clone", actions: readList(value, context) })],
  ["conjunction", readConjunction],
  ["note", ({ value }) => ({ type: "note", bytes: readBytes(value) })],
  ["ct", readCtAction],
  ["nat", readNatAction],
  ["ct_clear", () => ({ type: "ctClear" })],
  ["exit", () => ({ type: "exit" })],
  ["meter", ({ value }) => ({ type: "meter", meter: parseInteger(value, "a meter", 0xffff_ffff) })],
  ["clear_actions", () => ({ type: "clearActions" })],
  ["write_actions", ({ value }, context) => ({ type: "writeActions", actions: readList(value, context) })],
  ["write_metadata", readWriteMetadata],
]);

function outputTo(port: number): Action {
  if (port !== PORT.CONTROLLER) return { type: "output", port };
  return { type: "controller", maxLength: 0xffff, reason: PACKET_IN_REASON.ACTION, controllerId: 0 };
}

function readOutput({ value, item }: KeyValue, { names }: Context): Action {
  if (item.text.startsWith("output(")) {
    let port: number | undefined;
    let maxLength = 0;
    for (const part of keyValues(value)) {
      if (part.key.text === "port") port = parsePort(part.value, names);
      else if (part.key.text === "max_len") maxLength = parseInteger(part.value, "a length", 0xffff_ffff);
      else throw part.key.failUnknown("part of output", ["port", "max_len"]);
    }
    if (port === undefined) throw item.fail("output needs a port", { expected: "output(port=PORT,max_len=BYTES)" });
    if (maxLength < 14)
      throw item.fail(`Truncation to ${maxLength} bytes leaves no Ethernet header`, { expected: "max_len of 14 or more" });
    return { type: "output", port, maxLength };
  }
  if (isFieldName(value.text) && !names.portByName?.has(value.text) && !isReservedPortName(value.text)) {
    return { type: "outputField", source: parseSubField(value) };
  }
  return outputTo(parsePort(value, names));
}

function readEnqueue({ value, item }: KeyValue, { names }: Context): Action {
  const [port, queue] = value.cut(value.text.includes(",") ? "," : ":");
  if (queue === undefined) throw item.fail("enqueue needs a port and a queue", { expected: "enqueue:PORT:QUEUE" });
  return { type: "enqueue", port: parsePort(port, names), queue: parseInteger(queue, "a queue", 0xffff_ffff) };
}

const REASONS: Readonly<Record<string, number>> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
};

function readController({ value, item }: KeyValue): Action {
  const action = {
    type: "controller" as const,
    maxLength: 0xffff,
    reason: PACKET_IN_REASON.ACTION as number,
    controllerId: 0,
  };
  if (!item.text.includes("(")) {
    return value.text === "" ? action : { ...action, maxLength: parseInteger(value, "a length", 0xffff) };
  }
  let userdata: Uint8Array | undefined;
  let pauses = false;
  let meter: number | undefined;
  for (const part of keyValues(value)) {
    const key = part.key.text;
    if (key === "max_len") action.maxLength = parseInteger(part.value, "a length", 0xffff);
    else if (key === "id") action.controllerId = parseInteger(part.value, "a controller ID", 0xffff);
    else if (key === "userdata") userdata = readBytes(part.value);
    else if (key === "pause") pauses = true;
    else if (key === "meter_id") meter = parseInteger(part.value, "a meter", 0xffff_ffff);
    else if (key === "reason") {
      const reason = REASONS[part.value.text];
      if (reason === undefined) throw part.value.failUnknown("reason", Object.keys(REASONS));
      action.reason = reason;
    } else throw part.key.failUnknown("part of controller", ["max_len", "reason", "id", "userdata", "pause", "meter_id"]);
  }
  return {
    ...action,
    ...(userdata === undefined || userdata.length === 0 ? {} : { userdata }),
    ...(pauses ? { pauses } : {}),
    ...(meter === undefined || meter === 0 ? {} : { meter }),
  };
}

function readResubmit({ value, item }: KeyValue, { names, match }: Context): Action {
  const [portSpan, tableSpan, ctSpan, ...more] = value.split(",");
  if (more.length > 0 || (ctSpan !== undefined && ctSpan.text !== "ct")) {
    throw item.fail("resubmit takes a port, a table and ct", { expected: "resubmit(PORT,TABLE) or resubmit(PORT,TABLE,ct)" });
  }
  const port = portSpan === undefined || portSpan.text === "" ? undefined : parsePort(portSpan, names);
  const table = tableSpan === undefined || tableSpan.text === "" ? undefined : parseInteger(tableSpan, "a table", 254);
  const isSamePort = port === undefined || port === PORT.IN_PORT;
  const usesCtTuple = ctSpan !== undefined;
  if (isSamePort && table === undefined && !usesCtTuple) {
    throw item.fail("resubmit needs a port or a table", { expected: "resubmit(,TABLE)" });
  }
  if (usesCtTuple && match !== undefined && !meetsPrerequisite(match, "ct")) {
    throw ctSpan.fail("Not every packet of this flow is of a connection", {
      hint: `Add ${prerequisiteText("ct")} to the match`,
    });
  }
  return {
    type: "resubmit",
    ...(isSamePort ? {} : { port }),
    ...(table === undefined ? {} : { table }),
    ...(usesCtTuple ? { usesCtTuple } : {}),
  };
}

function readFinTimeout({ value }: KeyValue): Action {
  const timeouts = { idleTimeout: 0, hardTimeout: 0 };
  for (const part of keyValues(value)) {
    if (part.key.text === "idle_timeout") timeouts.idleTimeout = parseSeconds(part.value);
    else if (part.key.text === "hard_timeout") timeouts.hardTimeout = parseSeconds(part.value);
    else throw part.key.failUnknown("part of fin_timeout", ["idle_timeout", "hard_timeout"]);
  }
  return { type: "finTimeout", ...timeouts };
}

function readCheckPacketLarger({ value, item }: KeyValue): Action {
  const [, target] = item.cut(")->");
  if (target === undefined) throw item.fail('"->" is missing', { expected: "check_pkt_larger(BYTES)->FIELD[BIT]" });
  return { type: "checkPacketLarger", sizeBytes: parseInteger(value, "a size", 0xffff), target: parseBit(target) };
}

function readDeleteField({ value }: KeyValue): Action {
  const field = findMatchField(value.text);
  if (field?.text.startsWith("tun_metadata") === true) return { type: "deleteField", field };
  throw value.fail(`${value.text} cannot be deleted`, { expected: "tun_metadata0 to tun_metadata63" });
}

/** An EtherType of a few. @throws SourceError */
function readEtherType(span: Span, known: ReadonlySet<number>): number {
  const ethType = parseInteger(span, "an EtherType", 0xffff);
  if (known.has(ethType)) return ethType;
  throw span.fail(`${span.text} cannot be pushed`, { expected: [...known].map((type) => `0x${type.toString(16)}`).join(" or ") });
}

/** `value->field` or `value/mask->field`. */
function readSetField({ value }: KeyValue, context: Context): Action {
  const [left, right] = cutArrow(value);

  const known = findMatchField(right.text);
  if (known === undefined || known.format === "vlanVid" || known.text === "dl_vlan_pcp") {
    throw right.failUnknown("field", matchFieldNames());
  }
  checkWritable(known, right, context);
  const { value: bits, mask } = parseFieldValue(known, left, context.names);
  return { type: "setField", field: known, value: toFieldWords(known, bits), mask: toFieldWords(known, mask) };
}

function readLoad({ value }: KeyValue, context: Context): Action {
  const [left, right] = cutArrow(value);
  const { field, start, nBits } = parseSubField(right);
  const target = field as MatchField;
  checkWritable(target, right, context);
  const isPort = target.format === "port" && tryParseInteger(left.text) === undefined;
  const bits = isPort ? BigInt(parsePort(left, context.names)) : parseBigInteger(left, "the value", onesAt(0, 128));
  if (bits >> BigInt(nBits) !== 0n) throw left.fail(`${left.text} does not fit into ${nBits} bits`);
  const words = toFieldWords(target, bits << BigInt(start));
  return { type: "setField", field: target, value: words, mask: toFieldWords(target, onesAt(start, nBits)), form: "load" };
}

function readMove({ value, item }: KeyValue, context: Context): Action {
  const [left, right] = cutArrow(value);
  const source = parseSubField(left);
  const target = parseSubField(right);
  checkPrerequisite(source.field as MatchField, left, context);
  checkWritable(target.field as MatchField, right, context);
  const [sourceBits, targetBits] = [widthOf(source), widthOf(target)];
  // Bits that a field has on the wire alone may be left out: NXM_NX_CT_STATE[0..7] is all of it too.
  const isSameWidth = sourceBits === targetBits || source.nBits === targetBits || target.nBits === sourceBits;
  if (!isSameWidth) {
    throw item.fail(`The source is ${sourceBits} bits wide but the destination is ${targetBits} bits wide`, {
      hint: "Give both the same number of bits, e.g. NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31]",
    });
  }
  return { type: "move", source, target };
}

function readPushVlan({ value }: KeyValue, context: Context): Action {
  const ethType = readEtherType(value, VLAN_TPIDS);
  context.hasPushedVlan = true;
  return { type: "pushVlan", ethType };
}

function readVlan(read: (value: Span) => Action): Reader {
  return ({ value }, context) => {
    const action = read(value);
    context.hasPushedVlan = true;
    return action;
  };
}

function modify(name: string): Reader {
  return ({ value }, context) => setWhole(matchField(name), value, context);
}

/** `mod_tp_src` and `mod_tp_dst` mean the ports of the flow's own transport where the match tells it. */
function modifyPort(side: "src" | "dst"): Reader {
  return ({ value }, context) => {
    const protocol = (["tcp", "udp", "sctp"] as const).find(
      (p) => context.match !== undefined && meetsPrerequisite(context.match, p),
    );
    return setWhole(matchField(`${protocol ?? "tp"}_${side}`), value, context);
  };
}

function readTos({ value }: KeyValue, context: Context): Action {
  const tos = parseInteger(value, "a TOS", 255);
  if ((tos & 3) !== 0) throw value.fail(`${tos} is not a TOS`, { expected: "a multiple of 4: the two low bits are ECN" });
  checkPrerequisite(matchField("nw_tos"), value, context);
  const dscp = matchField("ip_dscp");
  return {
    type: "setField",
    field: dscp,
    value: toFieldWords(dscp, BigInt(tos >> 2)),
    mask: toFieldWords(dscp, 0x3fn),
    form: "mod",
  };
}

function setWhole(field: MatchField, span: Span, context: Context): Action {
  checkPrerequisite(field, span, context);
  const { value, mask } = parseFieldValue(field, span, context.names);
  return { type: "setField", field, value: toFieldWords(field, value), mask: toFieldWords(field, mask), form: "mod" };
}

function readDecTtl({ item, value, hasValue }: KeyValue, context: Context): Action {
  checkPrerequisite(matchField("nw_ttl"), item, context);
  if (!hasValue || value.text === "") return { type: "decTtl" };
  const controllerIds = [...keyValues(value)].map((part) => parseInteger(part.item, "a controller ID", 0xffff));
  return { type: "decTtl", controllerIds };
}

function readConjunction({ value, item }: KeyValue): Action {
  const [id, clause] = value.cut(",");
  const [k, n] = clause?.trim().cut("/") ?? [];
  if (k === undefined || n === undefined)
    throw item.fail("A conjunction has an ID and a clause", { expected: "conjunction(ID,K/N)" });
  const nClauses = parseInteger(n, "the number of clauses", 64);
  if (nClauses < 2) throw n.fail("A conjunction has at least two clauses", { expected: "2 to 64" });
  const number = parseInteger(k, "a clause", 64);
  if (number < 1 || number > nClauses)
    throw k.fail(`Clause ${number} is not one of ${nClauses}`, { expected: `1 to ${nClauses}` });
  return { type: "conjunction", id: parseInteger(id.trim(), "a conjunction ID", 0xffff_ffff), clause: number, nClauses };
}

function readCtAction(item: KeyValue, context: Context): Action {
  const inner = { ...context, isInCt: true };
  return parseCt(item, (list) => readList(list, inner));
}

function readNatAction(item: KeyValue, { isInCt }: Context): Action {
  if (!isInCt) throw item.item.fail("nat stands inside ct alone", { expected: "ct(nat) or ct(commit,nat(src=ADDRESS))" });
  return parseNat(item);
}

function readWriteMetadata({ value }: KeyValue): Action {
  const field = matchField("metadata");
  const { value: bits, mask } = parseFieldValue(field, value);
  return { type: "writeMetadata", value: toFieldWords(field, bits), mask: toFieldWords(field, mask) };
}

function readBytes(span: Span): Uint8Array {
  const digits = span.text.replaceAll(".", "");
  const bad = span.text.search(/[^0-9a-fA-F.]/);
  if (bad >= 0 || digits.length % 2 !== 0) {
    throw span.fail(`Cannot read "${span.text}" as bytes`, {
      expected: "pairs of hexadecimal digits such as 0a.1b",
      offset: Math.max(0, bad),
    });
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function cutArrow(span: Span): [Span, Span] {
  const [left, right] = span.cut("->");
  if (right === undefined) throw span.fail('"->" is missing', { expected: "VALUE->FIELD" });
  return [left.trim(), right.trim()];
}

function checkWritable(field: MatchField, span: Span, context: Context): void {
  if (!field.isWritable) throw span.fail(`${field.text} is read-only`);
  if (!context.isInCt && (field.name === "ct_mark" || field.name === "ct_label")) {
    throw span.fail(`${field.text} is set inside ct alone`, { expected: `ct(commit,exec(set_field:VALUE->${field.text}))` });
  }
  checkPrerequisite(field, span, context);
}

function checkPrerequisite(field: MatchField, span: Span, { match, hasPushedVlan }: Context): void {
  const isVlan = field.prerequisite === "vlan" || field.text === "vlan_vid";
  if (match === undefined || (isVlan && hasPushedVlan)) return;
  const needed = isVlan ? "vlan" : field.prerequisite;
  if (meetsPrerequisite(match, needed)) return;
  throw span.fail(`${field.text} does not exist in every packet that this flow matches`, {
    hint: `Add ${prerequisiteText(needed)} to the match${isVlan ? ", or push_vlan before" : ""}`,
  });
}
