/**
 * Groups in the syntax of ovs-ofctl: `group_id=1,type=select,bucket=weight:5,actions=output:1,bucket=output:2`.
 *
 * Everything before the first `bucket=` is about the group; each `bucket=` begins a bucket, whose settings may
 * stand before or among its actions.
 *
 * @see ovs-ofctl(8), "Group Syntax"
 */
import { fieldOnes } from "@tenet/net";
import { BUCKET, type Bucket, GROUP, type GroupMod, type GroupSpec, type GroupType, type SelectionField } from "../group.ts";
import { toFieldWords } from "../match/field-words.ts";
import { findMatchField, type MatchField, matchFieldNames } from "../match/match-field.ts";
import { sortFields } from "../wire/group-selection-wire.ts";
import { parseFieldValue } from "./field-value.ts";
import { parseBigInteger, parseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import { parseActionItems } from "./parse-actions.ts";
import type { ParseOptions } from "./parse-match.ts";
import { parsePort, type PortNames } from "./port-name.ts";
import { Span } from "./span.ts";

/** How to read a group. */
export interface ParseGroupOptions extends ParseOptions {
  /** What the text is for; default `add`. */
  readonly command?: GroupMod["command"];
}

/** Group types by their names in text. */
const TYPES: Readonly<Record<string, GroupType>> = {
  all: "all",
  select: "select",
  indirect: "indirect",
  ff: "fastFailover",
  fast_failover: "fastFailover",
};

/** A group while it is read. */
interface Draft {
  id: number | undefined;
  groupType: GroupType | undefined;
  bucketId: number | undefined;
  method: "hash" | "dp_hash" | undefined;
  parameter: bigint | undefined;
  fields: SelectionField[] | undefined;
}

type Setting = (draft: Draft, item: KeyValue, names: PortNames) => void;

const SETTINGS: ReadonlyMap<string, Setting> = new Map<string, Setting>([
  ["group_id", setId],
  ["type", setType],
  ["command_bucket_id", setBucketId],
  ["selection_method", setMethod],
  [
    "selection_method_param",
    (draft, { value }) => {
      draft.parameter = parseBigInteger(value, "a parameter", 0xffff_ffff_ffff_ffffn);
    },
  ],
  ["fields", setFields],
]);

const BUCKET_WORD = /(?:^|[,\s])bucket\s*=/g;

/**
 * Reads one group-mod.
 *
 * @throws SourceError with the position, what was expected and the nearest name
 * @example
 * parseGroup("group_id=1,type=all,bucket=output:1,bucket=output:2");
 */
export function parseGroup(text: string, options: ParseGroupOptions = {}): GroupMod {
  return parseGroupSpan(new Span(text, options.file ?? "group"), options);
}

/** Reads a file of groups, one a line; blank lines and `#` comments are skipped. @throws SourceError at the first at fault */
export function parseGroups(text: string, options: ParseGroupOptions = {}): GroupMod[] {
  const groups: GroupMod[] = [];
  for (const line of new Span(text, options.file ?? "groups").split("\n")) {
    const group = line.slice(0, /#|$/.exec(line.text)?.index).trim();
    if (group.text !== "") groups.push(parseGroupSpan(group, options));
  }
  return groups;
}

function parseGroupSpan(span: Span, options: ParseGroupOptions): GroupMod {
  const command = options.command ?? "add";
  const starts = [...span.text.matchAll(BUCKET_WORD)].map((match) => [match.index, match.index + match[0].length] as const);
  const head = span.slice(0, starts[0]?.[0]);
  const draft: Draft = {
    id: undefined,
    groupType: undefined,
    bucketId: undefined,
    method: undefined,
    parameter: undefined,
    fields: undefined,
  };
  for (const item of keyValues(head)) {
    const setting = SETTINGS.get(item.key.text);
    if (setting === undefined) throw item.key.failUnknown("part of a group", [...SETTINGS.keys(), "bucket"]);
    setting(draft, item, options);
  }
  const groupType = finishType(draft, command, span);
  const buckets = starts.map(([, from], i) => parseBucket(span.slice(from, starts[i + 1]?.[0]), i, groupType, options));
  return finish(draft, command, groupType, buckets, span);
}

function finishType(draft: Draft, command: GroupMod["command"], span: Span): GroupType {
  const needsType = command === "add" || command === "modify" || command === "addOrModify";
  if (draft.groupType === undefined && needsType) {
    throw span.fail("A group needs a type", { expected: `type=${Object.keys(TYPES).join("|")}` });
  }
  return draft.groupType ?? "all";
}

function finish(
  draft: Draft,
  command: GroupMod["command"],
  groupType: GroupType,
  buckets: readonly Bucket[],
  span: Span,
): GroupMod {
  if (draft.id === undefined && command !== "delete") throw span.fail("A group needs a number", { expected: "group_id=N" });
  const namesBucket = command === "insertBucket" || command === "removeBucket";
  if (namesBucket !== (draft.bucketId !== undefined)) {
    throw span.fail(namesBucket ? "The bucket is not named" : "Only the insertion and removal of buckets name one", {
      expected: "command_bucket_id=N|first|last|all with insert-buckets and remove-buckets alone",
    });
  }
  if (groupType === "indirect" && buckets.length > 1) throw span.fail("An indirect group has one bucket");
  const selection = finishSelection(draft, groupType, span);
  const group: GroupSpec = {
    id: draft.id ?? GROUP.ALL,
    groupType,
    buckets,
    ...(selection === undefined ? {} : { selection }),
  };
  return { type: "groupMod", command, group, ...(draft.bucketId === undefined ? {} : { bucketId: draft.bucketId }) };
}

function finishSelection(draft: Draft, groupType: GroupType, span: Span): GroupSpec["selection"] {
  const { method, parameter, fields } = draft;
  if (method === undefined) {
    if (parameter === undefined && fields === undefined) return undefined;
    throw span.fail("A selection method is needed for its parameter and fields", { expected: "selection_method=hash|dp_hash" });
  }
  if (groupType !== "select") throw span.fail("Only select groups have a selection method", { expected: "type=select" });
  if (method === "dp_hash" && fields !== undefined) throw span.fail("The datapath's own hash takes no fields");
  return { method, parameter: parameter ?? 0n, fields: sortFields(fields ?? []) };
}

function setId(draft: Draft, { value }: KeyValue): void {
  draft.id = value.text === "all" ? GROUP.ALL : parseInteger(value, "a group", GROUP.MAX);
}

function setType(draft: Draft, { value }: KeyValue): void {
  const groupType = TYPES[value.text];
  if (groupType === undefined) throw value.failUnknown("group type", Object.keys(TYPES));
  draft.groupType = groupType;
}

function setBucketId(draft: Draft, { value }: KeyValue): void {
  const reserved = { first: BUCKET.FIRST, last: BUCKET.LAST, all: BUCKET.ALL } as Record<string, number>;
  draft.bucketId = reserved[value.text] ?? parseInteger(value, "a bucket", BUCKET.MAX);
}

function setMethod(draft: Draft, { value }: KeyValue): void {
  if (value.text !== "hash" && value.text !== "dp_hash") throw value.failUnknown("selection method", ["hash", "dp_hash"]);
  draft.method = value.text;
}

/** `fields(ip_src,tcp_dst=0xff)`: names, with a mask where not all bits count. */
function setFields(draft: Draft, { value }: KeyValue): void {
  draft.fields ??= [];
  for (const item of keyValues(value)) {
    const field: MatchField | undefined = findMatchField(item.key.text);
    if (field === undefined) throw item.key.failUnknown("field", matchFieldNames());
    if (draft.fields.some((other) => other.field === field)) throw item.key.fail(`${field.text} is given twice`);
    const mask = item.hasValue ? parseFieldValue(field, item.value).value : fieldOnes(field);
    draft.fields.push({ field, mask: toFieldWords(field, mask) });
  }
}

/** A bucket's settings stand before and among its actions; `actions=` before the first action may be left out. */
function parseBucket(span: Span, position: number, groupType: GroupType, names: PortNames): Bucket {
  const settings = { id: position, weight: groupType === "select" ? 1 : 0 };
  let watchPort: number | undefined;
  let watchGroup: number | undefined;
  const actions: KeyValue[] = [];
  for (const item of keyValues(span)) {
    const { key, value } = item;
    if (key.text === "weight") settings.weight = parseWeight(value, groupType);
    else if (key.text === "bucket_id") settings.id = parseInteger(value, "a bucket", BUCKET.MAX);
    else if (key.text === "watch_port") watchPort = parsePort(value, names);
    else if (key.text === "watch_group") watchGroup = parseInteger(value, "a group", GROUP.MAX);
    else if (key.text === "action" || key.text === "actions") actions.push(...keyValues(value));
    else actions.push(item);
  }
  if (actions.length === 0 && !/(^|[,\s])actions?=/.test(span.text)) {
    throw span.fail("A bucket needs actions", { expected: "a list of actions, or drop" });
  }
  return {
    ...settings,
    ...(watchPort === undefined ? {} : { watchPort }),
    ...(watchGroup === undefined ? {} : { watchGroup }),
    actions: parseActionItems(actions, names),
  };
}

function parseWeight(value: Span, groupType: GroupType): number {
  if (groupType !== "select") throw value.fail("Only the buckets of select groups have weights", { expected: "type=select" });
  return parseInteger(value, "a weight", 0xffff);
}
