/** What a match refers to outside the packet. */
import type { Expression } from "./syntax.ts";

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
