/**
 * The functions that the controller's rules call: matches and actions read, expanded and encoded; port security.
 *
 * Pure, and from text to text, so that the rows of every relation can be read by a person. A text that cannot be
 * read becomes a row that says so; it never stops the rules.
 */
import type { FunctionDef, Tuple, Value } from "@tenet/datalog";
import { AppError, formatError, messageOf } from "@tenet/kit";
import {
  type Action,
  formatActions,
  formatMatch,
  parseActions as parseFlowActions,
  parseMatch as parseFlowMatch,
} from "@tenet/openflow";
import { encodeActions } from "../actions/encode.ts";
import type { ParsedActions, Pipeline } from "../actions/logical-action.ts";
import { parseActions } from "../actions/parse.ts";
import type { Expression, ParsedExpression, SymbolTable } from "../expression/syntax.ts";
import { referencesOf } from "../expression/references.ts";
import { factorize, multiplyOut, type Product } from "../expression/factor.ts";
import type { MatchContext } from "../expression/normalize.ts";
import { parseExpression } from "../expression/parse.ts";
import { createSymbols } from "../expression/symbol-table.ts";
import { matchOf, simplify, type Term } from "../expression/term.ts";
import { portSecurityDefaults, portSecurityFlows, type PortSecurityFlow } from "./port-security.ts";

/** Products of more terms become conjunctions, if that makes them fewer. */
const MOST_MULTIPLIED = 32;
/** A conjunction has no more clauses. @see ovs-actions(7) */
const MOST_CLAUSES = 64;

/** Builds the function registry; share one per engine. */
export function controllerFunctions(): FunctionDef[] {
  const symbols = createSymbols();
  return [
    { name: "match_references", nArgs: 1, isSet: true, call: (match) => matchReferences(String(match), symbols) },
    { name: "action_references", nArgs: 1, isSet: true, call: (actions) => actionReferences(String(actions), symbols) },
    {
      name: "expand_match",
      nArgs: 6,
      isSet: true,
      call: (match, actions, ports, groups, sets, residents) =>
        expandMatch(
          String(match),
          String(actions),
          { ports: ports ?? [], groups: groups ?? [], sets: sets ?? [], residents: residents ?? [] },
          symbols,
        ),
    },
    {
      name: "encode_actions",
      nArgs: 4,
      call: (actions, pipeline, table, ports) =>
        encode(String(actions), pipeline === "egress" ? "egress" : "ingress", Number(table), portsOf(ports ?? []), symbols),
    },
    { name: "port_security_flows", nArgs: 1, isSet: true, call: (entry) => securityRows(() => portSecurityFlows(String(entry))) },
    { name: "port_security_defaults", nArgs: 0, isSet: true, call: () => securityRows(portSecurityDefaults) },
  ];
}

function parseMatch(match: string, symbols: SymbolTable): ParsedExpression {
  return parseExpression({ file: "match", text: match }, symbols);
}

/** Rows [kind, name]: "inport" and "outport" name ports, with "@" port groups; "$" address sets; "resident" ports. */
function matchReferences(match: string, symbols: SymbolTable): Tuple[] {
  let root: Expression;
  try {
    root = parseMatch(match, symbols).root;
  } catch {
    return []; // expand_match reports it
  }
  const rows: Tuple[] = [];
  const found = referencesOf(root);
  for (const [field, name] of found.ports) rows.push([field, name]);
  for (const [field, name] of found.portGroups) rows.push([`${field}@`, name]);
  for (const name of found.addressSets) rows.push(["$", name]);
  for (const name of found.residents) rows.push(["resident", name]);
  return rows;
}

/** Names of the ports and multicast groups that actions assign. */
function actionReferences(text: string, symbols: SymbolTable): Value[] {
  try {
    return [...portsAssigned(parseActions({ file: "actions", text }, symbols).actions)];
  } catch {
    return []; // encode_actions reports it
  }
}

function portsAssigned(actions: ParsedActions["actions"]): Set<string> {
  const names = new Set<string>();
  for (const action of actions) {
    if (action.type === "assign" && action.value.type === "string") names.add(action.value.value);
    if (action.type === "clone" || action.type === "advertise") for (const name of portsAssigned(action.actions)) names.add(name);
  }
  return names;
}

interface ExpansionContext {
  /** List of [field, name, key]. */
  readonly ports: Value;
  /** List of [name, ports]. */
  readonly groups: Value;
  /** List of [name, addresses]. */
  readonly sets: Value;
  /** List of names. */
  readonly residents: Value;
}

/**
 * Rows `[kind, match text, number of the conjunction, clause, clauses]`: "match" is an OpenFlow match; "clause" is one
 * choice of a clause of a conjunction, "whole" what all packets of that conjunction have in common. Or one "error".
 */
function expandMatch(match: string, actions: string, context: ExpansionContext, symbols: SymbolTable): Tuple[] {
  try {
    const products = factorize(parseMatch(match, symbols), contextOf(context), prerequisiteOf(actions, symbols));
    const isSmall = products.map((product) => !isWorthConjunction(product));
    const sum = simplify(products.flatMap((product, i) => (isSmall[i] === true ? multiplyOut(product) : [])));
    const large = products.filter((_, i) => isSmall[i] !== true);
    return [...sum.map((term): Tuple => ["match", textOf(term), 0, 0, 0]), ...large.flatMap(conjunctionRows)];
  } catch (error) {
    return [["error", error instanceof AppError ? formatError(error) : messageOf(error), 0, 0, 0]];
  }
}

/** Few flows are easier to read, and to find, when they are multiplied out. */
function isWorthConjunction({ factors }: Product): boolean {
  if (factors.length > MOST_CLAUSES) {
    throw new RangeError(`The match has ${factors.length} conditions with alternatives; at most ${MOST_CLAUSES} are possible`);
  }
  const product = factors.reduce((all, { length }) => all * length, 1);
  const sum = factors.reduce((all, { length }) => all + length, 0);
  return product > MOST_MULTIPLIED && product > 2 * sum;
}

function conjunctionRows({ common, factors }: Product, number: number): Tuple[] {
  const clauses = factors.flatMap((factor, i) =>
    factor.map((term): Tuple => ["clause", textOf(term), number, i + 1, factors.length]),
  );
  return [["whole", textOf(common), number, 0, factors.length], ...clauses];
}

function textOf(term: Term): string {
  return readable(formatMatch(matchOf(term)));
}

/** A flow is made of this text later; that it reads back is checked here, where a failure becomes a row. */
function readable(match: string): string {
  parseFlowMatch(match);
  return match;
}

function prerequisiteOf(text: string, symbols: SymbolTable): Expression | undefined {
  try {
    return parseActions({ file: "actions", text }, symbols).prerequisite;
  } catch {
    return undefined; // the flow drops, wherever its match holds
  }
}

function contextOf({ ports, groups, sets, residents }: ExpansionContext): MatchContext {
  const keys = new Map(listOf(ports).map((row) => [`${at(row, 0)} ${at(row, 1)}`, Number(at(row, 2))]));
  const groupPorts = new Map(listOf(groups).map((row) => [String(at(row, 0)), listOf(at(row, 1)).map(String)]));
  const addresses = new Map(listOf(sets).map((row) => [String(at(row, 0)), listOf(at(row, 1)).map(String)]));
  const resident = new Set(listOf(residents).map(String));
  return {
    portKey: (name, field) => (isNone(name) ? 0 : keys.get(`${field} ${name}`)),
    addressSet: (name) => addresses.get(name),
    portGroup: (name) => groupPorts.get(name),
    isResident: (port) => resident.has(port),
  };
}

/** Returns [OpenFlow actions, problem or null]; with a problem the actions are "drop". */
function encode(
  text: string,
  pipeline: Pipeline,
  table: number,
  ports: ReadonlyMap<string, number>,
  symbols: SymbolTable,
): Tuple {
  try {
    const parsed = parseActions({ file: "actions", text }, symbols);
    const [unsupported] = parsed.unsupported;
    if (unsupported !== undefined) return ["drop", `the action "${unsupported.name}" is not supported; the flow drops`];
    const portKey = (name: string): number | undefined => (isNone(name) ? 0 : ports.get(name));
    const actions: Action[] = encodeActions(parsed.actions, { pipeline, table, portKey });
    const written = actions.length === 0 ? "drop" : formatActions(actions);
    parseFlowActions(written);
    return [written, null];
  } catch (error) {
    return ["drop", messageOf(error)];
  }
}

/** Both names mean "no port". */
function isNone(name: string): boolean {
  return name === "" || name === "none";
}

function portsOf(list: Value): ReadonlyMap<string, number> {
  return new Map(listOf(list).map((row) => [String(at(row, 0)), Number(at(row, 1))]));
}

/** Rows ["flow", table, priority, match, actions], or one row ["error", 0, 0, text, ""]. */
function securityRows(compute: () => PortSecurityFlow[]): Tuple[] {
  try {
    return compute().map(({ table, priority, match, actions }) => ["flow", table, priority, match, actions]);
  } catch (error) {
    return [["error", 0, 0, messageOf(error), ""]];
  }
}

function listOf(value: Value): readonly Value[] {
  return Array.isArray(value) ? value : [];
}

function at(row: Value, column: number): Value {
  return listOf(row)[column] ?? null;
}
