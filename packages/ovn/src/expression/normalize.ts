/**
 * From a parsed match to its normal form: a sum of terms over FlowKey bits.
 *
 * How: negations move down to the comparisons; every comparison becomes a small sum, conjoined with the prerequisites
 * of its symbol (which stay positive under a negation: `!(tcp.dst == 80)` is about TCP packets); then sums are added and
 * multiplied, simplified at each step. `x != c` on n bits is n one-bit terms; an ordered comparison is one
 * prefix per bit of the constant.
 * Limits: {@link MAX_TERMS} terms; a larger match is an error, not a stalled process.
 */
import type { BitRange, Constant, Expression, FieldSymbol, Operand, ParsedExpression, Relation } from "./syntax.ts";
import { faultAt, type Source, tokenize } from "./lexer.ts";
import { checkConstant } from "./parse.ts";
import { subRange } from "./symbol-table.ts";
import { FALSE, intersectSums, matchOf, type Sum, simplify, type Term, TRUE, termOf } from "./term.ts";

/** What a match refers to outside the packet. `undefined` answers mean "there is no such thing". */
export interface MatchContext {
  /** The key of a logical port or multicast group that `field` can hold here; a comparison with an unknown one is false. */
  portKey(name: string, field: string): number | undefined;
  /** Addresses of an address set, as written in the database. */
  addressSet(name: string): readonly string[] | undefined;
  /** Names of the ports of a port group that are on this datapath. */
  portGroup(name: string): readonly string[] | undefined;
  /** Is the logical port bound to this chassis? */
  isResident(port: string): boolean;
}

/** More terms than this are refused. */
export const MAX_TERMS = 65_536;

/**
 * The normal form of a match, simplified: no term contradicts itself, none is covered by another.
 *
 * @param extra - a further condition that must hold (the prerequisites of a flow's actions)
 * @throws SourceError for an address set or port group that does not exist, or more than {@link MAX_TERMS} terms
 */
export function normalize(parsed: ParsedExpression, context: MatchContext, extra?: Expression): Sum {
  const normalizer = new Normalizer(parsed.source, context);
  const sum = normalizer.sumOf(parsed.root, true);
  return extra === undefined ? sum : normalizer.both(sum, normalizer.sumOf(extra, true));
}

/** The OpenFlow matches of a match expression: one per term of its normal form. @see normalize */
export function toMatches(parsed: ParsedExpression, context: MatchContext): { key: Uint32Array; mask: Uint32Array }[] {
  return normalize(parsed, context).map(matchOf);
}

/** Sums of the parts of one match. */
export class Normalizer {
  readonly #source: Source;
  readonly #context: MatchContext;
  readonly #prerequisites = new Map<Expression, Sum>();

  constructor(source: Source, context: MatchContext) {
    this.#source = source;
    this.#context = context;
  }

  sumOf(node: Expression, isPositive: boolean): Sum {
    switch (node.type) {
      case "boolean":
        return node.value === isPositive ? TRUE : FALSE;
      case "not":
        return this.sumOf(node.part, !isPositive);
      case "resident":
        return this.#context.isResident(node.port) === isPositive ? TRUE : FALSE;
      case "predicate":
        return this.sumOf(node.symbol.expansion, isPositive);
      case "comparison":
        return this.#comparison(node.operand, isPositive ? node.relation : negated(node.relation), node.constants);
      default: {
        const isProduct = (node.type === "and") === isPositive;
        const sums = node.parts.map((part) => this.sumOf(part, isPositive));
        return isProduct ? sums.reduce((a, b) => this.both(a, b)) : simplify(sums.flat());
      }
    }
  }

  both(a: Sum, b: Sum): Sum {
    if (a.length * b.length > MAX_TERMS) {
      throw faultAt(this.#source, 0, `The match needs more than ${MAX_TERMS} flows`, {
        hint: "Split it, or replace inequalities by the sets that are meant",
      });
    }
    return simplify(intersectSums(a, b));
  }

  #comparison(operand: Operand, relation: Relation, constants: readonly Constant[]): Sum {
    const sums = constants.flatMap((constant) => this.#constantSums(operand, relation, constant));
    // A comparison with nothing at all is about no packets in particular: the original drops its prerequisite, too.
    if (sums.length === 0) return relation === "!=" ? TRUE : FALSE;
    const joined = relation === "!=" ? sums.reduce((a, b) => this.both(a, b), TRUE) : simplify(sums.flat());
    const { prerequisite } = operand.symbol;
    return prerequisite === undefined ? joined : this.both(this.#prerequisite(prerequisite), joined);
  }

  #prerequisite(expression: Expression): Sum {
    let sum = this.#prerequisites.get(expression);
    if (sum === undefined) this.#prerequisites.set(expression, (sum = this.sumOf(expression, true)));
    return sum;
  }

  /** One sum per value: a set of addresses or ports has several. */
  #constantSums(operand: Operand, relation: Relation, constant: Constant): Sum[] {
    const bits = subRange(operand.symbol.bits, operand.start, operand.nBits);
    const ones = (1n << BigInt(operand.nBits)) - 1n;
    if (constant.type === "integer") return [compare(bits, relation, constant.value, constant.mask ?? ones)];
    if (constant.type === "string") return this.#portSums(operand.symbol, relation, [constant.value]);
    if (constant.type === "portGroup") {
      const ports = this.#context.portGroup(constant.name);
      if (ports === undefined) throw faultAt(this.#source, constant.at, `There is no port group "${constant.name}" here`);
      return this.#portSums(operand.symbol, relation, ports);
    }
    const addresses = this.#context.addressSet(constant.name);
    if (addresses === undefined) throw faultAt(this.#source, constant.at, `There is no address set "${constant.name}"`);
    return addresses.map((text) => {
      const parsed = parseAddress(`address set ${constant.name}`, text);
      checkConstant({ file: `address set ${constant.name}`, text }, operand, relation, { type: "integer", ...parsed, at: 0 });
      return compare(bits, relation, parsed.value, parsed.mask ?? ones);
    });
  }

  #portSums(symbol: FieldSymbol, relation: Relation, names: readonly string[]): Sum[] {
    return names.map((name) => {
      const key = this.#context.portKey(name, symbol.name);
      if (key === undefined) return relation === "==" ? FALSE : TRUE;
      return compare(symbol.bits, relation, BigInt(key), (1n << BigInt(symbol.bits.nBits)) - 1n);
    });
  }
}

function parseAddress(file: string, text: string): { value: bigint; mask: bigint | undefined; form: "ip4" | "ip6" | "ethernet" } {
  const source = { file, text };
  const [address, slash, width, end] = tokenize(source);
  if (address?.type !== "number" || address.form === "decimal" || address.form === "hexadecimal") {
    throw faultAt(source, 0, `Cannot read the address "${text}"`, { expected: "an Ethernet, IPv4 or IPv6 address" });
  }
  const { value, form } = address;
  if (slash?.type === "end") return { value, mask: undefined, form };
  if (width?.type !== "number" || slash?.text !== "/" || end?.type !== "end") {
    throw faultAt(source, slash?.at ?? 0, `Cannot read the mask of "${text}"`, { expected: "a prefix length or a mask" });
  }
  const nBits = form === "ip4" ? 32n : form === "ip6" ? 128n : 48n;
  const isLength = width.form === "decimal" && form !== "ethernet" && width.value <= nBits;
  const mask = isLength ? ((1n << width.value) - 1n) << (nBits - width.value) : width.value;
  return { value: value & mask, mask, form };
}

function negated(relation: Relation): Relation {
  const opposites: Readonly<Record<Relation, Relation>> = { "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<" };
  return opposites[relation];
}

/** One comparison with one constant; `value` and `mask` count from the lowest bit of `bits`. */
function compare(bits: BitRange, relation: Relation, value: bigint, mask: bigint): Sum {
  const highest = (1n << BigInt(bits.nBits)) - 1n;
  switch (relation) {
    case "==":
      return [termOf(bits, value, mask)];
    case "!=":
      return differs(bits, value, mask);
    case ">":
      return beyond(bits, value, highest, true);
    case ">=":
      return value === 0n ? TRUE : beyond(bits, value - 1n, highest, true);
    case "<":
      return beyond(bits, value, highest, false);
    case "<=":
      return value === highest ? TRUE : beyond(bits, value + 1n, highest, false);
  }
}

function differs(bits: BitRange, value: bigint, mask: bigint): Sum {
  const terms: Term[] = [];
  for (let bit = 1n; bit >> BigInt(bits.nBits) === 0n; bit <<= 1n) {
    if ((mask & bit) !== 0n) terms.push(termOf(bits, ~value & bit, bit));
  }
  return terms;
}

/** Values above (or below) a constant: equal to it above some bit, on the right side at that bit, anything beneath. */
function beyond(bits: BitRange, value: bigint, highest: bigint, isUpward: boolean): Sum {
  const terms: Term[] = [];
  for (let bit = 1n; bit <= highest; bit <<= 1n) {
    if (((value & bit) === 0n) === isUpward) terms.push(termOf(bits, value ^ bit, highest & ~(bit - 1n)));
  }
  return terms;
}
