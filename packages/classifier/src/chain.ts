/**
 * The rules of one match, best priority first.
 *
 * Nearly every match has one rule: that is its chain itself, because an array for each would cost the memory that collections of
 * garbage have to go through more than all else that the classifier keeps of a rule.
 */

/** One rule, or some in an array. */
export type Chain<R> = R | R[];

/** The first rule of a chain. */
export function headOf<R>(chain: Chain<R>): R {
  return areSeveral(chain) ? (chain[0] as R) : chain;
}

/** The first rule of a chain that is so. */
export function findInChain<R>(chain: Chain<R>, isSo: (rule: R) => boolean): R | undefined {
  if (areSeveral(chain)) return chain.find(isSo);
  return isSo(chain) ? chain : undefined;
}

/** The rules of a chain in an array; {@link chainOf} has the chain of what becomes of that. */
export function rulesOf<R>(chain: Chain<R>): R[] {
  return areSeveral(chain) ? chain : [chain];
}

/** The chain of one rule or more. */
export function chainOf<R>(rules: R[]): Chain<R> {
  const [first] = rules;
  return rules.length === 1 && first !== undefined ? first : rules;
}

function areSeveral<R>(chain: Chain<R>): chain is R[] {
  return Array.isArray(chain);
}
