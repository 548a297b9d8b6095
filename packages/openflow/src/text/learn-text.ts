/** `learn(...)` in the syntax of ovs-ofctl. */
import { fieldOnes } from "@tenet/net";
import type { LearnAction, LearnSpec, SubField } from "../action.ts";
import { DEFAULT_PRIORITY } from "../flow-spec.ts";
import { asMatchField, type MatchField } from "../match/match-field.ts";
import { formatFieldValue, parseFieldValue } from "./field-value.ts";
import { formatHex, parseBigInteger, parseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import type { PortNames } from "./port-name.ts";
import type { Span } from "./span.ts";
import { formatSubField, isFieldName, parseSubField, widthOf } from "./sub-field.ts";

type Settings = Omit<LearnAction, "type" | "specs" | "result"> & { result?: SubField };
type Draft = { -readonly [K in keyof Settings]: Settings[K] };

/** The default of the original, which is not the default of flows. */
const DEFAULT_TABLE = 1;
const MAX_COOKIE = 0xffff_ffff_ffff_ffffn;

/** Reads the inside of `learn`. @throws SourceError */
export function parseLearn({ value }: KeyValue, names: PortNames): LearnAction {
  const draft: Draft = {
    table: DEFAULT_TABLE,
    priority: DEFAULT_PRIORITY,
    cookie: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    sendsFlowRemoved: false,
    deletesLearned: false,
    limit: 0,
  };
  const specs: LearnSpec[] = [];
  for (const part of keyValues(value)) {
    const setting = SETTINGS.get(part.key.text);
    if (setting === undefined) specs.push(parseSpec(part, names));
    else setting(draft, part.value);
  }
  return { type: "learn", ...draft, specs };
}

const SETTINGS: ReadonlyMap<string, (draft: Draft, value: Span) => void> = new Map([
  ["table", (draft, value) => void (draft.table = parseInteger(value, "a table", 254))],
  ["priority", (draft, value) => void (draft.priority = parseInteger(value, "a priority", 0xffff))],
  ["cookie", (draft, value) => void (draft.cookie = parseBigInteger(value, "a cookie", MAX_COOKIE))],
  ["idle_timeout", (draft, value) => void (draft.idleTimeout = parseSeconds(value))],
  ["hard_timeout", (draft, value) => void (draft.hardTimeout = parseSeconds(value))],
  ["fin_idle_timeout", (draft, value) => void (draft.finIdleTimeout = parseSeconds(value))],
  ["fin_hard_timeout", (draft, value) => void (draft.finHardTimeout = parseSeconds(value))],
  ["send_flow_rem", (draft) => void (draft.sendsFlowRemoved = true)],
  ["delete_learned", (draft) => void (draft.deletesLearned = true)],
  ["limit", (draft, value) => void (draft.limit = parseInteger(value, "a limit", 0xffff_ffff))],
  ["result_dst", (draft, value) => void (draft.result = parseBit(value))],
] as [string, (draft: Draft, value: Span) => void][]);

/** Reads a timeout. @throws SourceError */
export function parseSeconds(span: Span): number {
  return parseInteger(span, "a timeout in seconds", 0xffff);
}

/** Reads one bit of a field that may be set. @throws SourceError */
export function parseBit(span: Span): SubField {
  const part = parseTarget(span);
  if (part.nBits !== 1) throw span.fail("The result is one bit", { expected: "FIELD[BIT]" });
  return part;
}

/** Reads a part of a field that may be set. @throws SourceError */
export function parseTarget(span: Span): SubField {
  const part = parseSubField(span);
  const field = asMatchField(part.field);
  if (!field.isWritable) throw span.fail(`${field.text} is read-only`);
  return part;
}

function parseSpec({ key, value, item }: KeyValue, names: PortNames): LearnSpec {
  if (key.text === "output") return { type: "output", source: parseSubField(value) };
  if (key.text === "load") {
    const [left, right] = value.cut("->");
    if (right === undefined) throw value.fail('"->" is missing', { expected: "VALUE->FIELD or FIELD->FIELD" });
    const target = parseTarget(right.trim());
    return { type: "load", target, source: parseSource(left.trim(), target, names) };
  }
  const end = value.text === "" ? item.text.length : value.at - item.at - 1;
  const nameSpan = item.slice(0, end);
  if (!isFieldName(nameSpan.text)) {
    throw nameSpan.failUnknown("part of learn", [...SETTINGS.keys(), "load", "output", "FIELD=VALUE", "FIELD=FIELD"]);
  }
  const target = parseSubField(nameSpan);
  return { type: "match", target, source: value.text === "" ? target : parseSource(value, target, names) };
}

/** A part of a field, as wide as the target, or a number that fits into it. */
function parseSource(span: Span, target: SubField, names: PortNames): SubField | bigint {
  if (isFieldName(span.text)) {
    const source = parseSubField(span);
    if (widthOf(source) === widthOf(target)) return source;
    throw span.fail(`${span.text} has ${widthOf(source)} bits, ${formatSubField(target)} has ${widthOf(target)}`);
  }
  if (!isWhole(target)) return parseBigInteger(span, "a value", (1n << BigInt(target.nBits)) - 1n);
  const field = asMatchField(target.field);
  const { value, mask } = parseFieldValue(field, span, names);
  if (mask === fieldOnes(field)) return value;
  throw span.fail("A learned flow matches whole values", { expected: `a value of ${field.text} without /mask` });
}

function isWhole({ field, start, nBits }: SubField): boolean {
  return start === 0 && nBits === field.nBits;
}

/** Writes `learn(...)`. */
export function formatLearn(action: LearnAction, names: PortNames): string {
  const parts = [`table=${action.table}`];
  const seconds = (name: string, value: number): void => {
    if (value !== 0) parts.push(`${name}=${value}`);
  };
  seconds("idle_timeout", action.idleTimeout);
  seconds("hard_timeout", action.hardTimeout);
  seconds("fin_idle_timeout", action.finIdleTimeout);
  seconds("fin_hard_timeout", action.finHardTimeout);
  if (action.priority !== DEFAULT_PRIORITY) parts.push(`priority=${action.priority}`);
  if (action.sendsFlowRemoved) parts.push("send_flow_rem");
  if (action.deletesLearned) parts.push("delete_learned");
  if (action.cookie !== 0n) parts.push(`cookie=${formatHex(action.cookie)}`);
  if (action.limit !== 0) parts.push(`limit=${action.limit}`);
  if (action.result !== undefined) parts.push(`result_dst=${formatSubField(action.result)}`);
  return `learn(${[...parts, ...action.specs.map((spec) => formatSpec(spec, names))].join(",")})`;
}

function formatSpec(spec: LearnSpec, names: PortNames): string {
  if (spec.type === "output") return `output:${formatSubField(spec.source)}`;
  const { source, target } = spec;
  if (spec.type === "load") {
    return `load:${typeof source === "bigint" ? formatHex(source) : formatSubField(source)}->${formatSubField(target)}`;
  }
  if (typeof source !== "bigint") {
    const isSame = asMatchField(source.field) === asMatchField(target.field) && source.start === target.start;
    return isSame ? formatSubField(target) : `${formatSubField(target)}=${formatSubField(source)}`;
  }
  if (!isWhole(target)) return `${formatSubField(target)}=${formatHex(source)}`;
  const field: MatchField = asMatchField(target.field);
  return `${field.text}=${formatFieldValue(field, source, fieldOnes(field), names)}`;
}
