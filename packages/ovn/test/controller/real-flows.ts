/** Flows of the original controller, made comparable: conjunctions multiplied out, actions reduced to their effect. */
import { FIELDS, setField } from "@tenet/net";
import { type Action, type FlowSpec, formatActions, formatMatch, type Match, parseFlow, type SubField } from "@tenet/openflow";
import { intersect } from "../flow-sets.ts";

/** One flow, with the effect of its actions; "?" when they use what our codec does not know. */
export interface Comparable {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly key: string;
  readonly effect: string;
}

function comparable(flow: FlowSpec): Comparable {
  const { table, priority, cookie, match, actions } = flow;
  const effect = effectOf(actions);
  return {
    table,
    priority,
    cookie,
    match,
    key: `${table} ${priority} ${formatMatch(match)}`,
    effect: table === 40 ? anyOrder(effect) : table === 39 ? outputsInOrder(effect) : effect,
  };
}

/** Reads lines of `ovs-ofctl dump-flows`. */
export function realFlows(lines: readonly string[]): Comparable[] {
  const flows: Comparable[] = [];
  const clauses = new Map<number, Match[][]>();
  for (const line of lines) {
    const [head = "", actions = ""] = line.split(/ ?actions=/);
    if (/\blearn\(/.test(actions) || /controller\(userdata=(?!00\.00\.00\.(?:07|19))/.test(actions)) {
      flows.push({ ...comparable(parseFlow(`${head.replace(/,$/, "")} actions=drop`)), effect: "?" });
      continue;
    }
    const flow = parseFlow(line);
    const conjunctions = flow.actions.filter((action) => action.type === "conjunction");
    if (conjunctions.length === 0) flows.push(comparable(flow));
    for (const { id, clause, nClauses } of conjunctions) {
      const byClause = clauses.get(id) ?? Array.from({ length: nClauses }, () => []);
      clauses.set(id, byClause);
      byClause[clause - 1]?.push(flow.match);
    }
  }
  return flows.flatMap((flow) => multiplyOut(flow, clauses));
}

function multiplyOut(flow: Comparable, clauses: ReadonlyMap<number, Match[][]>): Comparable[] {
  const dimensions = clauses.get(flow.match.key[FIELDS.conj_id.word] ?? 0);
  if (dimensions === undefined) return [flow];
  setField(flow.match.key, FIELDS.conj_id, 0);
  setField(flow.match.mask, FIELDS.conj_id, 0);
  const product = dimensions.reduce<Match[]>(
    (all, choices) => all.flatMap((a) => choices.flatMap((b) => intersect(a, b) ?? [])),
    [flow.match],
  );
  return product.map((match) => ({ ...flow, match, key: `${flow.table} ${flow.priority} ${formatMatch(match)}` }));
}

/** The members of a multicast group are served in any order. */
function anyOrder(effect: string): string {
  return effect
    .split(/(?<=resubmit 41) /)
    .sort()
    .join(" ");
}

/** So are the machines that they live on. */
function outputsInOrder(effect: string): string {
  return effect.replace(/output \d+(?: output \d+)+/, (outputs) => (outputs.match(/output \d+/g) ?? []).sort().join(" "));
}

/** Registers of connection tracking zones: the numbers differ. */
const ZONES = new Set([FIELDS.reg11.word, FIELDS.reg12.word, FIELDS.reg13.word]);

function effectOf(actions: readonly Action[]): string {
  return actions.flatMap(effectsOf).join(" ") || "drop";
}

function effectsOf(action: Action): string[] {
  switch (action.type) {
    case "setField":
      return [...action.mask].flatMap((mask, i) => {
        const word = action.field.word + i;
        return mask === 0 || ZONES.has(word) ? [] : [`set ${word}=${action.value[i]}/${mask}`];
      });
    case "move":
      return [`move ${placeOf(action.source)}->${placeOf(action.target)}`];
    case "push":
      return [`push ${placeOf(action.source)}`];
    case "pop":
      return [`pop ${placeOf(action.target)}`];
    case "clone":
      return [`clone(${effectOf(action.actions)})`];
    case "resubmit":
      return [`resubmit ${action.table}`];
    case "output":
      return [`output ${action.port}`];
    case "controller":
      return [`controller ${[...(action.userdata ?? [])]}`];
    case "ct": {
      const { isCommit, isForce, table, zone, actions: inner } = action;
      const place = typeof zone === "number" ? zone : placeOf(zone);
      return [`ct(${isCommit ? "commit " : ""}${isForce ? "force " : ""}table=${table} zone=${place} ${effectOf(inner)})`];
    }
    case "nat":
      return [formatActions([{ type: "ct", isCommit: true, isForce: false, zone: 0, actions: [action], alg: 0 }])];
    default:
      return [action.type];
  }
}

/** The same bits have the same place, whatever field names them. */
function placeOf({ field, start, nBits }: SubField): string {
  const lowest = start + field.shift;
  return `${field.word + field.nWords - 1 - Math.floor(lowest / 32)}.${lowest % 32}+${nBits}`;
}
