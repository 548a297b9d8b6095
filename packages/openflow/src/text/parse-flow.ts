/**
 * Flows in the syntax of ovs-ofctl: `table=3,priority=100,tcp,tp_dst=80,actions=output:2`.
 *
 * Everything before `actions=` is a list of settings and match fields in any order; everything after it
 * is actions. What `dump-flows` prints reads back: its counters are skipped.
 */
import type { Action, Match } from "../action.ts";
import { ALL_TABLES, DEFAULT_PRIORITY, FLOW_FLAG, type FlowSpec } from "../flow-spec.ts";
import { parseBigInteger, parseInteger } from "./integer.ts";
import { type KeyValue, keyValues } from "./key-values.ts";
import { parseActionSpan } from "./parse-actions.ts";
import { MatchBuilder, matchKeywords, type ParseOptions } from "./parse-match.ts";
import { type PortNames, parsePort } from "./port-name.ts";
import { Span } from "./span.ts";

/** How to read a flow. */
export interface ParseFlowOptions extends ParseOptions {
  /**
   * What the flow is for. `add` (the default) and `modify` need actions; `modify`, `delete` and `query`
   * may mask the cookie; `delete` and `query` have no actions and mean every table unless one is named.
   */
  readonly purpose?: "add" | "modify" | "delete" | "query";
}

/** A FlowSpec while it is read. */
interface Draft {
  table: number | undefined;
  priority: number;
  cookie: bigint;
  cookieMask: bigint | undefined;
  idleTimeout: number;
  hardTimeout: number;
  flags: number;
  importance: number;
  outPort: number | undefined;
  outGroup: number | undefined;
}

type Purpose = NonNullable<ParseFlowOptions["purpose"]>;

/**
 * Reads one flow.
 *
 * @throws SourceError with the position, what was expected and the nearest name
 * @example
 * parseFlow("priority=100,ip,nw_dst=10.0.0.1,actions=dec_ttl,output:2");
 */
export function parseFlow(text: string, options: ParseFlowOptions = {}): FlowSpec {
  return parseFlowSpan(new Span(text, options.file ?? "flow"), options);
}

/**
 * Reads a file of flows, one a line; blank lines and `#` comments are skipped.
 *
 * @throws SourceError at the first line that does not read
 */
export function parseFlows(text: string, options: ParseFlowOptions = {}): FlowSpec[] {
  const flows: FlowSpec[] = [];
  for (const line of new Span(text, options.file ?? "flows").split("\n")) {
    const flow = line.slice(0, /#|$/.exec(line.text)?.index).trim();
    if (flow.text !== "") flows.push(parseFlowSpan(flow, options));
  }
  return flows;
}

const ACTIONS_WORD = /(?:^|[,\s])actions?\s*=/;

function parseFlowSpan(span: Span, options: ParseFlowOptions): FlowSpec {
  const purpose = options.purpose ?? "add";
  const found = ACTIONS_WORD.exec(span.text);
  const head = found === null ? span : span.slice(0, found.index);
  const tail = found === null ? undefined : span.slice(found.index + found[0].length);
  if (tail === undefined && (purpose === "add" || purpose === "modify")) {
    throw span.fail("A flow needs actions", { expected: '"actions=" and a list, or actions=drop', offset: span.text.length });
  }
  const { draft, match } = readHead(head, purpose, options);
  const actions = tail === undefined || purpose === "delete" || purpose === "query" ? [] : parseActionSpan(tail, options, match);
  return finish(draft, match, actions, purpose);
}

function readHead(head: Span, purpose: Purpose, names: PortNames): { draft: Draft; match: Match } {
  const builder = new MatchBuilder(names);
  const draft: Draft = {
    table: undefined,
    priority: DEFAULT_PRIORITY,
    cookie: 0n,
    cookieMask: undefined,
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
    outPort: undefined,
    outGroup: undefined,
  };
  for (const item of keyValues(head)) {
    const setting = SETTINGS.get(item.key.text);
    if (setting !== undefined) {
      if (!item.hasValue) throw item.item.fail(`${item.key.text} needs a value`, { expected: `${item.key.text}=VALUE` });
      setting(draft, item, purpose, names);
      continue;
    }
    const flag = FLAGS[item.key.text];
    if (flag !== undefined && !item.hasValue) draft.flags |= flag;
    else if (COUNTERS.has(item.key.text)) continue;
    else if (!builder.take(item)) {
      throw item.key.failUnknown("field", [...matchKeywords(), ...SETTINGS.keys(), ...Object.keys(FLAGS)]);
    }
  }
  return { draft, match: builder.finish() };
}

function finish(draft: Draft, match: Match, actions: readonly Action[], purpose: Purpose): FlowSpec {
  const isWide = purpose === "delete" || purpose === "query" || purpose === "modify";
  return {
    table: draft.table ?? (isWide ? ALL_TABLES : 0),
    priority: draft.priority,
    cookie: draft.cookie,
    ...(draft.cookieMask === undefined ? {} : { cookieMask: draft.cookieMask }),
    match,
    actions,
    idleTimeout: draft.idleTimeout,
    hardTimeout: draft.hardTimeout,
    flags: draft.flags,
    importance: draft.importance,
    ...(draft.outPort === undefined ? {} : { outPort: draft.outPort }),
    ...(draft.outGroup === undefined ? {} : { outGroup: draft.outGroup }),
  };
}

const FLAGS: Readonly<Record<string, number>> = {
  send_flow_rem: FLOW_FLAG.SEND_FLOW_REM,
  check_overlap: FLOW_FLAG.CHECK_OVERLAP,
  reset_counts: FLOW_FLAG.RESET_COUNTS,
  no_packet_counts: FLOW_FLAG.NO_PACKET_COUNTS,
  no_byte_counts: FLOW_FLAG.NO_BYTE_COUNTS,
};

/** Keys of `dump-flows` output that are no part of a flow. */
const COUNTERS: ReadonlySet<string> = new Set(["duration", "n_packets", "n_bytes", "idle_age", "hard_age"]);

type Setting = (draft: Draft, item: KeyValue, purpose: Purpose, names: PortNames) => void;

const SETTINGS: ReadonlyMap<string, Setting> = new Map<string, Setting>([
  [
    "table",
    (draft, { value }) => {
      draft.table = parseInteger(value, "a table", 255);
    },
  ],
  [
    "priority",
    (draft, { value }) => {
      draft.priority = parseInteger(value, "a priority", 0xffff);
    },
  ],
  ["cookie", setCookie],
  [
    "idle_timeout",
    (draft, { value }) => {
      draft.idleTimeout = parseInteger(value, "a timeout in seconds", 0xffff);
    },
  ],
  [
    "hard_timeout",
    (draft, { value }) => {
      draft.hardTimeout = parseInteger(value, "a timeout in seconds", 0xffff);
    },
  ],
  [
    "importance",
    (draft, { value }) => {
      draft.importance = parseInteger(value, "an importance", 0xffff);
    },
  ],
  ["out_port", setOutPort],
  ["out_group", setOutGroup],
]);

function setCookie(draft: Draft, { value }: KeyValue, purpose: Purpose): void {
  const [cookie, mask] = value.cut("/");
  const max = 0xffff_ffff_ffff_ffffn;
  draft.cookie = parseBigInteger(cookie, "a cookie", max);
  if (mask !== undefined) {
    if (purpose === "add") throw mask.fail("The cookie of a new flow cannot be masked");
    draft.cookieMask = mask.text === "-1" ? max : parseBigInteger(mask, "a cookie mask", max);
  } else if (purpose === "delete" || purpose === "query") draft.cookieMask = max;
}

function setOutPort(draft: Draft, { item, value }: KeyValue, purpose: Purpose, names: PortNames): void {
  if (purpose !== "delete" && purpose !== "query") throw item.fail("out_port belongs to deletions and queries");
  draft.outPort = parsePort(value, names);
}

function setOutGroup(draft: Draft, { item, value }: KeyValue, purpose: Purpose): void {
  if (purpose !== "delete" && purpose !== "query") throw item.fail("out_group belongs to deletions and queries");
  draft.outGroup = parseInteger(value, "a group", 0xffff_ffff);
}
