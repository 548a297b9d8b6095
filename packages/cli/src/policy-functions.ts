/** Functions that let policies reason about OVN's match language. */
import type { FunctionDef, Value } from "@tenet/datalog";
import { createSymbols, type MatchContext, normalize, parseExpression, type SymbolTable } from "@tenet/ovn";

/**
 * `match_overlaps(match, other, groups?, sets?)`: is there a packet that both matches accept?
 *
 * `groups` is a list of [port group, [ports]], `sets` one of [address set, [addresses]]. No result when a match cannot
 * be read or refers to a set or group that does not exist: such an ACL has no effect either.
 */
export function policyFunctions(): FunctionDef[] {
  const symbols = createSymbols();
  return [
    {
      name: "match_overlaps",
      nArgs: 4,
      minArgs: 2,
      call: (match, other, groups, sets) => overlaps(String(match), String(other), groups ?? [], sets ?? [], symbols),
    },
  ];
}

function overlaps(match: string, other: string, groups: Value, sets: Value, symbols: SymbolTable): boolean | undefined {
  try {
    const text = `(${match}) && (${other})`;
    return normalize(parseExpression({ file: "match", text }, symbols), contextOf(groups, sets)).length > 0;
  } catch {
    return undefined;
  }
}

function contextOf(groups: Value, sets: Value): MatchContext {
  const portsOf = namedLists(groups);
  const addressesOf = namedLists(sets);
  const keys = new Map<string, number>();
  return {
    portKey: (name) => {
      const key = keys.get(name) ?? keys.size + 1;
      keys.set(name, key);
      return key;
    },
    addressSet: (name) => addressesOf.get(name),
    portGroup: (name) => portsOf.get(name),
    isResident: () => true,
  };
}

function namedLists(value: Value): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const entry of Array.isArray(value) ? (value as readonly Value[]) : []) {
    if (!Array.isArray(entry)) continue;
    const [name, members] = entry as readonly Value[];
    lists.set(String(name), Array.isArray(members) ? (members as readonly Value[]).map(String) : []);
  }
  return lists;
}
