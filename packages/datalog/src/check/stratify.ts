/**
 * Orders the relations so that each is computed after what it reads.
 *
 * Relations that depend on each other form one recursive stratum (Tarjan's strongly connected components). A negation or
 * an aggregate inside such a stratum has no meaning here; the error names the cycle.
 */
import { AppError } from "@tenet/kit";
import type { CoreAggregate, CoreRelation, CoreRule, RuleOrigin, Stratum } from "./core.ts";

interface Edge {
  readonly to: string;
  /** How the rule uses what must be complete before: `not`, `count of`. */
  readonly strict: string | undefined;
  readonly origin: RuleOrigin;
}

/** A cycle through negation or an aggregate; `path` reads `p -> not q -> p`. */
export interface BadCycle {
  readonly path: string;
  readonly origin: RuleOrigin;
}

/** The strata in the order of computation, or the cycles that forbid one. */
export function stratify(
  relations: ReadonlyMap<string, CoreRelation>,
  rules: readonly CoreRule[],
  aggregates: readonly CoreAggregate[],
): { strata: Stratum[]; cycles: BadCycle[] } {
  const edges = new Map<string, Edge[]>([...relations.keys()].map((name) => [name, []]));
  for (const { relation, body, origin } of rules) {
    for (const literal of body) {
      if (literal.kind === "atom" || literal.kind === "not") {
        edges.get(relation)?.push({ to: literal.relation, strict: literal.kind === "not" ? "not" : undefined, origin });
      }
    }
  }
  for (const { relation, body, fn, origin } of aggregates) {
    edges.get(relation)?.push({ to: body, strict: `${fn} of`, origin });
  }
  const components = stronglyConnected(edges);
  const cycles: BadCycle[] = [];
  const strata = components.map((component): Stratum => {
    const members = new Set(component);
    const inner = component.flatMap((name) =>
      (edges.get(name) ?? []).filter((edge) => members.has(edge.to)).map((edge) => ({ from: name, ...edge })),
    );
    const strict = inner.find((edge) => edge.strict !== undefined);
    if (strict !== undefined) {
      cycles.push({ path: describeCycle(strict.from, strict.to, edges, members, relations), origin: strict.origin });
    }
    return { relations: component, isRecursive: inner.length > 0 };
  });
  return { strata, cycles };
}

function stronglyConnected(edges: ReadonlyMap<string, readonly Edge[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const components: string[][] = [];
  // An explicit stack of [name, next edge]: rule files may chain thousands of relations.
  const visit = (root: string): void => {
    const work: { name: string; next: number }[] = [];
    const enter = (name: string): void => {
      order.set(name, order.size);
      low.set(name, order.size - 1);
      stack.push(name);
      onStack.add(name);
      work.push({ name, next: 0 });
    };
    enter(root);
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const { name } = top;
      const edge = edges.get(name)?.[top.next++];
      if (edge !== undefined) {
        if (!order.has(edge.to)) enter(edge.to);
        else if (onStack.has(edge.to)) low.set(name, Math.min(low.get(name) ?? 0, order.get(edge.to) ?? 0));
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) low.set(parent.name, Math.min(low.get(parent.name) ?? 0, low.get(name) ?? 0));
      if (low.get(name) === order.get(name)) components.push(popComponent(name));
    }
  };
  const popComponent = (name: string): string[] => {
    const component: string[] = [];
    for (;;) {
      const member = stack.pop();
      if (member === undefined) throw new AppError("Cannot order relations: the stack of a component is empty");
      onStack.delete(member);
      component.push(member);
      if (member === name) return component.reverse();
    }
  };
  for (const name of edges.keys()) if (!order.has(name)) visit(name);
  return components;
}

/** `from -> not to -> … -> from`, with hidden relations by their text. */
function describeCycle(
  from: string,
  to: string,
  edges: ReadonlyMap<string, readonly Edge[]>,
  members: ReadonlySet<string>,
  relations: ReadonlyMap<string, CoreRelation>,
): string {
  const previous = new Map<string, string>();
  const queue = [to];
  for (const name of queue) {
    if (name === from) break;
    for (const edge of edges.get(name) ?? []) {
      if (!members.has(edge.to) || edge.to === to || previous.has(edge.to)) continue;
      previous.set(edge.to, name);
      queue.push(edge.to);
    }
  }
  const back: string[] = [];
  for (let name: string | undefined = from; name !== undefined; name = name === to ? undefined : previous.get(name))
    back.unshift(name);
  const chain = [from, ...back];
  const strictness = (a: string, b: string): string | undefined =>
    edges.get(a)?.find((edge) => edge.to === b && edge.strict !== undefined)?.strict;
  const shown: string[] = [];
  let use = "";
  for (const [i, name] of chain.entries()) {
    const before = chain[i - 1];
    const strict = before === undefined ? undefined : strictness(before, name);
    if (strict !== undefined) use = `${strict} `;
    const relation = relations.get(name);
    if (relation === undefined || relation.kind === "hidden") continue;
    shown.push(use + relation.name);
    use = "";
  }
  const [first] = shown;
  if (first !== undefined && use !== "") shown.push(use + first);
  return shown.join(" -> ");
}
