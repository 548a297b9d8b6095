/**
 * A match as products of sums, not multiplied out: `outport == @group && ip4.src == $set` is two sums of hundreds of
 * terms, and their product is a hundred thousand.
 *
 * How: the conjuncts at the top of a match (or of each of its alternatives) are the factors; what they have in common,
 * the factors of one term, is put into each of them. Factors can look at the same bits, so not every choice of one term
 * per factor can be true.
 */
import { type MatchContext, Normalizer } from "./normalize.ts";
import type { Expression, ParsedExpression } from "./syntax.ts";
import { intersectSums, intersectTerms, type Sum, simplify, type Term } from "./term.ts";

/** A conjunction of sums. Without factors it is always true; each factor holds what the others have in common. */
export interface Product {
  /** What every packet must be. */
  readonly common: Term;
  /** Sums of two or more terms. */
  readonly factors: readonly Sum[];
}

/**
 * The products of which a match is the sum; a product that contradicts itself plainly is left out.
 *
 * @param extra - a further condition that must hold
 * @throws SourceError as {@link normalize} does, for a single factor that is too large
 */
export function factorize(parsed: ParsedExpression, context: MatchContext, extra?: Expression): Product[] {
  const normalizer = new Normalizer(parsed.source, context);
  const conditions = extra === undefined ? [] : [normalizer.sumOf(extra, true)];
  return alternativesOf(parsed.root).flatMap((conjuncts) => {
    const sums = conjuncts.map((conjunct) => normalizer.sumOf(conjunct, true));
    return productOf([...sums, ...conditions]) ?? [];
  });
}

/** The terms of a product, simplified. Cost: their number. */
export function multiplyOut({ common, factors }: Product): Sum {
  return simplify(factors.reduce<Sum>((all, factor) => intersectSums(all, factor), [common]));
}

/** Is there a packet that is in all factors? Cost: linear in the factors, unless they contradict each other often. */
export function isSatisfiable({ common, factors }: Product): boolean {
  const search = (term: Term, i: number): boolean => {
    const factor = factors[i];
    return factor === undefined || factor.some((choice) => isJoined(term, choice, (both) => search(both, i + 1)));
  };
  return search(common, 0);
}

function isJoined(a: Term, b: Term, then: (both: Term) => boolean): boolean {
  const both = intersectTerms(a, b);
  return both !== undefined && then(both);
}

/** The alternatives of a match, each as its conjuncts; negations are moved down on the way. */
function alternativesOf(node: Expression, isPositive = true): Expression[][] {
  if (node.type === "not") return alternativesOf(node.part, !isPositive);
  if (node.type === (isPositive ? "or" : "and") && "parts" in node) {
    return node.parts.flatMap((part) => alternativesOf(part, isPositive));
  }
  return [conjunctsOf(node, isPositive)];
}

/** `!(a || b)` is two conjuncts, and so is `x != {1, 2}`. */
function conjunctsOf(node: Expression, isPositive: boolean): Expression[] {
  if (node.type === "not") return conjunctsOf(node.part, !isPositive);
  if (node.type === (isPositive ? "and" : "or") && "parts" in node) {
    return node.parts.flatMap((part) => conjunctsOf(part, isPositive));
  }
  const isApart = node.type === "comparison" && node.relation === (isPositive ? "!=" : "==");
  const each = isApart ? node.constants.map((constant): Expression => ({ ...node, constants: [constant] })) : [node];
  return isPositive ? each : each.map((part) => ({ type: "not", part }));
}

/** Moves the factors of one term into `common` and `common` into the others, until there is nothing to move. */
function productOf(sums: readonly Sum[]): Product | undefined {
  let common: Term = [];
  let factors = [...sums];
  for (;;) {
    const single = factors.findIndex(({ length }) => length === 1);
    if (single === -1) break;
    const both = intersectTerms(common, factors[single]?.[0] ?? []);
    if (both === undefined) return undefined;
    common = both;
    factors = factors.filter((_, i) => i !== single).map((factor) => simplify(intersectSums([both], factor)));
  }
  return factors.some(({ length }) => length === 0) ? undefined : { common, factors };
}
