/**
 * Parser of OVN's action language, for the actions of a switch's pipeline.
 *
 * An action that the language has and this parser does not carry out is skipped up to its semicolon and reported, so
 * that the caller can install the flow as a drop; anything else is a SourceError.
 *
 * @see ovn-sb(5), Logical_Flow, column actions
 */
import { didYouMean } from "@tenet/kit";
import {
  conjoin,
  type Expression,
  type FieldSymbol,
  type Operand,
  type PredicateSymbol,
  type SymbolTable,
} from "../expression/syntax.ts";
import { faultAt, type Source } from "../expression/lexer.ts";
import { checkConstant } from "../expression/parse.ts";
import { TokenReader } from "../expression/token-reader.ts";
import {
  type BitLookup,
  LOG_SEVERITIES,
  LOG_VERDICTS,
  type LogicalAction,
  type LogSeverity,
  type LogVerdict,
  type ParsedActions,
  type Pipeline,
  type UnsupportedAction,
} from "./logical-action.ts";

/** Actions of the language that are not carried out, each with the predicate that its use implies. */
const UNSUPPORTED: ReadonlyMap<string, string | undefined> = new Map([
  ["arp", "ip4"],
  ["bind_vport", undefined],
  ["check_pkt_larger", undefined],
  ["chk_ecmp_nh", undefined],
  ["chk_ecmp_nh_mac", undefined],
  ["chk_lb_aff", undefined],
  ["chk_lb_hairpin", undefined],
  ["chk_lb_hairpin_reply", undefined],
  ["commit_ecmp_nh", undefined],
  ["commit_lb_aff", undefined],
  ["ct_dnat", "ip"],
  ["ct_dnat_in_czone", "ip"],
  ["ct_lb", "ip"],
  ["ct_lb_mark", "ip"],
  ["ct_snat", "ip"],
  ["ct_snat_in_czone", "ip"],
  ["ct_snat_to_vip", undefined],
  ["dhcp6_reply", undefined],
  ["dns_lookup", "udp"],
  ["fwd_group", undefined],
  ["get_arp", undefined],
  ["get_nd", undefined],
  ["handle_dhcpv6_reply", undefined],
  ["handle_svc_check", undefined],
  ["icmp4", "ip4"],
  ["icmp4_error", "ip4"],
  ["icmp6", "ip6"],
  ["icmp6_error", "ip6"],
  ["igmp", "igmp"],
  ["lookup_arp", "arp"],
  ["lookup_arp_ip", "arp"],
  ["lookup_nd", "nd"],
  ["lookup_nd_ip", "nd"],
  ["nd_ns", "ip6"],
  ["put_arp", undefined],
  ["put_dhcp_opts", "udp"],
  ["put_dhcpv6_opts", "udp"],
  ["put_nd", undefined],
  ["put_nd_ra_opts", "nd_rs"],
  ["reject", undefined],
  ["sctp_abort", "sctp"],
  ["select", undefined],
  ["set_meter", undefined],
  ["set_queue", undefined],
  ["tcp_reset", "tcp"],
  ["trigger_event", undefined],
]);
const BIT_LOOKUPS: ReadonlySet<string> = new Set<BitLookup>(["check_in_port_sec", "check_out_port_sec", "lookup_fdb"]);
const KNOWN = [
  "clone",
  "ct_clear",
  "ct_commit",
  "ct_commit_nat",
  "ct_next",
  "drop",
  "get_fdb",
  "log",
  "nd_na",
  "next",
  "output",
  "pop",
  "push",
  "put_fdb",
  ...BIT_LOOKUPS,
];
const SEVERITIES = Object.keys(LOG_SEVERITIES) as LogSeverity[];
const MAX_DEPTH = 8;

/**
 * Parses the actions of a logical flow.
 *
 * @throws SourceError with the position and what was expected
 */
export function parseActions(source: Source, symbols: SymbolTable): ParsedActions {
  return new ActionParser(new TokenReader(source, symbols)).whole();
}

class ActionParser {
  readonly #reader: TokenReader;
  #prerequisites = new Set<Expression>();
  readonly #unsupported: UnsupportedAction[] = [];
  /** Inside `ct_commit`, where the connection's mark and label are set and nothing else. */
  #isInCommit = false;

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  whole(): ParsedActions {
    const reader = this.#reader;
    const actions: LogicalAction[] = [];
    if (reader.acceptName("drop")) {
      reader.expect(";");
      if (reader.peek().type !== "end") throw reader.unexpected(`the end after "drop;"`);
    }
    while (reader.peek().type !== "end") this.#statement(actions, 0);
    return { actions, prerequisite: conjoin([...this.#prerequisites]), unsupported: this.#unsupported };
  }

  #statement(actions: LogicalAction[], depth: number): void {
    const reader = this.#reader;
    const token = reader.peek();
    if (token.type !== "name") throw reader.unexpected("an action");
    const action = this.#action(token.text, token.at, depth);
    if (action === undefined) return;
    reader.expect(";");
    actions.push(action);
  }

  #action(name: string, at: number, depth: number): LogicalAction | undefined {
    const reader = this.#reader;
    switch (name) {
      case "output":
        reader.take();
        return { type: "output" };
      case "next":
        reader.take();
        return this.#next();
      case "clone":
        reader.take();
        return { type: "clone", actions: this.#block(depth + 1) };
      case "push":
        reader.take();
        return { type: "push", source: this.#argument() };
      case "pop":
        reader.take();
        return { type: "pop", target: this.#writable(this.#argument(), at) };
      case "put_fdb":
        reader.take();
        this.#arguments(["inport", "eth.src"]);
        return { type: "putFdb" };
      case "nd_na":
      case "nd_na_router":
        reader.take();
        this.#requirePredicate("nd_ns");
        return { type: "advertise", isRouter: name === "nd_na_router", actions: this.#blockOnOtherPacket(depth + 1) };
      case "log":
        reader.take();
        return this.#log();
      case "ct_clear":
        reader.take();
        return { type: "untrack" };
      case "ct_next":
        reader.take();
        this.#requirePredicate("ip");
        return { type: "track", translates: false };
      case "ct_commit_nat":
        reader.take();
        this.#requirePredicate("ip");
        return { type: "commitTranslated" };
      case "ct_commit":
        reader.take();
        this.#requirePredicate("ip");
        return { type: "commit", actions: reader.peek().text === "{" ? this.#commitBlock(depth + 1) : [] };
    }
    if (name === "ct_lb_mark" && reader.peek(1).text === ";") {
      reader.take();
      this.#requirePredicate("ip");
      return { type: "track", translates: true };
    }
    if (UNSUPPORTED.has(name)) {
      this.#skip(name, at);
      return undefined;
    }
    return this.#assignment(at);
  }

  #block(depth: number): LogicalAction[] {
    const reader = this.#reader;
    const actions: LogicalAction[] = [];
    if (depth > MAX_DEPTH) throw reader.unexpected(`nesting of at most ${MAX_DEPTH} levels`);
    reader.expect("{");
    while (!reader.accept("}")) this.#statement(actions, depth);
    return actions;
  }

  /** What a block needs of a packet that the controller makes says nothing about the packet that the flow matches. */
  #blockOnOtherPacket(depth: number): LogicalAction[] {
    const outer = this.#prerequisites;
    this.#prerequisites = new Set();
    const actions = this.#block(depth);
    this.#prerequisites = outer;
    return actions;
  }

  #commitBlock(depth: number): LogicalAction[] {
    const reader = this.#reader;
    const start = reader.peek().at;
    this.#isInCommit = true;
    const actions = this.#block(depth);
    this.#isInCommit = false;
    const setsOther = actions.some(({ type }) => type !== "assign" && type !== "copy");
    if (setsOther) throw faultAt(reader.source, start, `"ct_commit" sets "ct_mark" and "ct_label" and does nothing else`);
    return actions;
  }

  #next(): LogicalAction {
    const reader = this.#reader;
    if (!reader.accept("(")) return { type: "next", pipeline: undefined, table: undefined };
    let pipeline: Pipeline | undefined;
    let table: number | undefined;
    do {
      if (reader.acceptName("pipeline")) {
        reader.expect("=");
        const token = reader.take();
        if (token.text !== "ingress" && token.text !== "egress") throw reader.unexpected(`"ingress" or "egress"`, token);
        pipeline = token.text;
      } else {
        if (reader.acceptName("table")) reader.expect("=");
        const at = reader.peek().at;
        table = reader.expectNumber();
        const last = pipeline === "egress" ? LAST_EGRESS : LAST_INGRESS;
        if (table > last) throw faultAt(reader.source, at, `There is no table ${table}`, { expected: `0 to ${last}` });
      }
    } while (reader.accept(","));
    reader.expect(")");
    return { type: "next", pipeline, table };
  }

  /** `log(name="web", verdict=drop, severity=info, meter="acl")`; the meter is left to the controller's own limit. */
  #log(): LogicalAction {
    const reader = this.#reader;
    let name = "";
    let verdict: LogVerdict | undefined;
    let severity: LogSeverity = "info";
    reader.expect("(");
    do {
      const key = reader.take();
      reader.expect("=");
      if (key.text === "name") name = reader.expectString();
      else if (key.text === "meter") reader.expectString();
      else if (key.text === "verdict") verdict = this.#oneOf(LOG_VERDICTS);
      else if (key.text === "severity") severity = this.#oneOf(SEVERITIES);
      else throw reader.unexpected(`"name", "verdict", "severity" or "meter"`, key);
    } while (reader.accept(","));
    if (verdict === undefined) throw reader.unexpected(`", verdict=..."`);
    reader.expect(")");
    return { type: "log", name, verdict, severity };
  }

  #oneOf<T extends string>(words: readonly T[]): T {
    const token = this.#reader.take();
    const word = words.find((candidate) => candidate === token.text);
    if (word === undefined) throw this.#reader.unexpected(words.map((candidate) => `"${candidate}"`).join(", "), token);
    return word;
  }

  #assignment(at: number): LogicalAction | undefined {
    const reader = this.#reader;
    const target = this.#operand(at);
    if (reader.accept("--")) {
      if (target.symbol.name !== "ip.ttl") throw faultAt(reader.source, at, `Only "ip.ttl" can be decremented`);
      return { type: "decrementTtl" };
    }
    if (reader.accept("<->")) {
      const other = this.#operand(reader.peek().at);
      this.#checkSameType(this.#writable(target, at), this.#writable(other, at), at);
      return { type: "exchange", a: target, b: other };
    }
    if (!reader.accept("=")) throw reader.unexpected(`"=", "<->" or "--"`);
    return this.#assigned(this.#writable(target, at), at);
  }

  #assigned(target: Operand, at: number): LogicalAction | undefined {
    const reader = this.#reader;
    const token = reader.peek();
    if (token.type !== "name") {
      const value = reader.constant();
      if (value.type === "addressSet" || value.type === "portGroup") throw reader.unexpected("one value, not a set", token);
      checkConstant(reader.source, target, "==", value);
      return { type: "assign", target, value };
    }
    if (UNSUPPORTED.has(token.text)) {
      this.#skip(token.text, token.at);
      return undefined;
    }
    if (BIT_LOOKUPS.has(token.text)) {
      reader.take();
      if (target.nBits !== 1) throw faultAt(reader.source, at, `"${token.text}" gives one bit`, { expected: "a 1-bit field" });
      this.#arguments(token.text === "lookup_fdb" ? ["inport", "eth.src"] : []);
      return { type: "lookupBit", lookup: token.text as BitLookup, target };
    }
    if (reader.acceptName("get_fdb")) {
      if (target.symbol.name !== "outport")
        throw faultAt(reader.source, at, `"get_fdb" gives a port`, { expected: `"outport = ..."` });
      this.#arguments(["eth.dst"]);
      return { type: "getFdb" };
    }
    const source = this.#operand(token.at);
    this.#checkSameType(target, source, at);
    return { type: "copy", target, source };
  }

  #checkSameType(a: Operand, b: Operand, at: number): void {
    if (a.symbol.isString !== b.symbol.isString || a.nBits !== b.nBits) {
      const kinds = [a, b].map((operand) => (operand.symbol.isString ? "a port" : `${operand.nBits} bits`));
      throw faultAt(this.#reader.source, at, `"${a.symbol.name}" and "${b.symbol.name}" differ in type: ${kinds.join(" and ")}`);
    }
  }

  #operand(at: number): Operand {
    const reader = this.#reader;
    const token = reader.peek();
    if (token.type === "name" && !reader.symbols.has(token.text)) {
      const hint = didYouMean(token.text, [...KNOWN, ...reader.symbols.keys(), ...UNSUPPORTED.keys()]);
      throw faultAt(reader.source, at, `Unknown action or field "${token.text}"`, { hint });
    }
    const symbol = reader.symbol();
    if (symbol.kind === "predicate") {
      const field = fieldOfPredicate(symbol);
      if (field === undefined) throw faultAt(reader.source, at, `"${symbol.name}" is a condition, not a field`);
      return field;
    }
    this.#require(symbol);
    return reader.bitsOf(symbol);
  }

  #require(symbol: FieldSymbol): void {
    if (symbol.prerequisite !== undefined) this.#prerequisites.add(symbol.prerequisite);
  }

  #requirePredicate(name: string): void {
    const symbol = this.#reader.symbols.get(name);
    if (symbol?.kind === "predicate") this.#prerequisites.add(symbol.expansion);
  }

  #writable(operand: Operand, at: number): Operand {
    const isOfConnection = /^ct_(mark|label)/.test(operand.symbol.name);
    if (isOfConnection !== this.#isInCommit) {
      const hint = isOfConnection ? "Set it inside ct_commit { ... }" : "Set it outside of ct_commit";
      throw faultAt(this.#reader.source, at, `The field "${operand.symbol.name}" cannot be changed here`, { hint });
    }
    if (operand.symbol.isWritable) return operand;
    throw faultAt(this.#reader.source, at, `The field "${operand.symbol.name}" cannot be changed`);
  }

  #argument(): Operand {
    this.#reader.expect("(");
    const operand = this.#operand(this.#reader.peek().at);
    this.#reader.expect(")");
    return operand;
  }

  #arguments(names: readonly string[]): void {
    const reader = this.#reader;
    reader.expect("(");
    names.forEach((name, i) => {
      if (i > 0) reader.expect(",");
      if (!reader.acceptName(name)) throw reader.unexpected(`"${name}"`);
    });
    reader.expect(")");
  }

  /** Passes over an unsupported action, blocks and all, and its semicolon. */
  #skip(name: string, at: number): void {
    const reader = this.#reader;
    let depth = 0;
    while (true) {
      const token = reader.take();
      if (token.type === "end") throw reader.unexpected(`";"`, token);
      if (token.text === "{" || token.text === "(") depth += 1;
      else if (token.text === "}" || token.text === ")") depth -= 1;
      else if (token.text === ";" && depth === 0) break;
    }
    const implied = UNSUPPORTED.get(name);
    if (implied !== undefined) this.#requirePredicate(implied);
    this.#unsupported.push({ name, at });
  }
}

/** Highest logical table of each pipeline in 23.03's layout. */
const LAST_INGRESS = 28;
const LAST_EGRESS = 21;

/** A predicate that is one bit of a field (`vlan.present`) can stand for that bit. */
function fieldOfPredicate(symbol: PredicateSymbol): Operand | undefined {
  const { expansion } = symbol;
  if (expansion.type !== "comparison" || expansion.operand.nBits !== 1) return undefined;
  return expansion.operand;
}
