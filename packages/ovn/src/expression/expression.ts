/**
 * The syntax tree of a match, and what it refers to outside the packet.
 */
import type { NumberForm, Source } from "./lexer.ts";
import type { Operand, PredicateSymbol } from "./symbol.ts";

/** Relational operators. */
export type Relation = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** What a field is compared with or set to; `at` is the offset in the source. */
export type Constant =
  | { readonly type: "string"; readonly value: string; readonly at: number }
  | {
      readonly type: "integer";
      readonly value: bigint;
      /** Bits that count; `undefined` when all do. */
      readonly mask: bigint | undefined;
      readonly form: NumberForm;
      readonly at: number;
    }
  | { readonly type: "addressSet" | "portGroup"; readonly name: string; readonly at: number };

/** A match expression; children of `and` and `or` are two or more. */
export type Expression =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "and" | "or"; readonly parts: readonly Expression[] }
  | { readonly type: "not"; readonly part: Expression }
  | { readonly type: "resident"; readonly port: string; readonly at: number }
  | { readonly type: "predicate"; readonly symbol: PredicateSymbol; readonly at: number }
  | {
      readonly type: "comparison";
      readonly operand: Operand;
      readonly relation: Relation;
      /** `x == {a, b}` is "or" over the constants, `x != {a, b}` is "and". */
      readonly constants: readonly Constant[];
      readonly at: number;
    };

/** A parsed match together with its text, for errors found later. */
export interface ParsedExpression {
  readonly source: Source;
  readonly root: Expression;
}

/** Names outside the packet on which the meaning of a match depends. */
export interface References {
  readonly addressSets: ReadonlySet<string>;
  /** Port groups, each with the field (`inport`, `outport`) it is compared with. */
  readonly portGroups: readonly (readonly [field: string, name: string])[];
  /** Logical ports and multicast groups, each with the field it is compared with. */
  readonly ports: readonly (readonly [field: string, name: string])[];
  /** Logical ports in `is_chassis_resident`. */
  readonly residents: ReadonlySet<string>;
}

/** Collects what an expression refers to; predicates and prerequisites never refer to anything. */
export function referencesOf(root: Expression): References {
  const addressSets = new Set<string>();
  const portGroups: [string, string][] = [];
  const ports: [string, string][] = [];
  const residents = new Set<string>();
  const visit = (node: Expression): void => {
    if (node.type === "and" || node.type === "or") node.parts.forEach(visit);
    else if (node.type === "not") visit(node.part);
    else if (node.type === "resident") residents.add(node.port);
    else if (node.type === "comparison") {
      for (const constant of node.constants) {
        if (constant.type === "addressSet") addressSets.add(constant.name);
        else if (constant.type === "portGroup") portGroups.push([node.operand.symbol.name, constant.name]);
        else if (constant.type === "string") ports.push([node.operand.symbol.name, constant.value]);
      }
    }
  };
  visit(root);
  return { addressSets, portGroups, ports, residents };
}

/** Conjunction that drops `true` and flattens. */
export function conjoin(parts: readonly (Expression | undefined)[]): Expression {
  const flat = parts.flatMap((part) => {
    if (part === undefined || (part.type === "boolean" && part.value)) return [];
    return part.type === "and" ? part.parts : [part];
  });
  const [only] = flat;
  if (only === undefined) return { type: "boolean", value: true };
  return flat.length === 1 ? only : { type: "and", parts: flat };
}
