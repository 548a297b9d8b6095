/**
 * Functions that let rules reason about OVN's match language: what a match refers to, whether two can hold together,
 * which values of a field one lets through.
 *
 * A match that cannot be read, or that refers to a group or set which is not there, has no effect in a switch; here it
 * gives no result.
 */
import type { FunctionDef, Value } from "@tenet/datalog";
import { SourceError } from "@tenet/kit";
import { formatIp4, formatIp6, formatMac } from "@tenet/net";
import { type MatchContext, normalize } from "./normalize.ts";
import { parseExpression } from "./parse.ts";
import { referencesOf } from "./references.ts";
import { createSymbols } from "./symbol-table.ts";
import type { FieldSymbol, SymbolTable } from "./syntax.ts";
import type { Sum, Term } from "./term.ts";

/**
 * - `match_refers(match)`: rows `["@", port group]` and `["$", address set]`.
 * - `match_overlaps(match, other, groups?, sets?)`: is there a packet that both accept?
 * - `match_values(match, where, field, groups?, sets?)`: what `field` can be in packets that `match` and `where` accept:
 *   the name of a port, an address or prefix, a number (a masked one as `value/mask`); null stands for any value.
 *
 * `groups` is a list of `[port group, [ports]]`, `sets` one of `[address set, [addresses]]`.
 */
export function matchFunctions(): FunctionDef[] {
  const symbols = createSymbols();
  return [
    { name: "match_refers", nArgs: 1, isSet: true, call: (match) => refers(String(match), symbols) },
    {
      name: "match_overlaps",
      nArgs: 4,
      minArgs: 2,
      call: (match, other, groups, sets) => {
        const sum = meaningOf([match, other], new NamedValues(groups, sets), symbols);
        return sum === undefined ? undefined : sum.length > 0;
      },
    },
    {
      name: "match_values",
      nArgs: 5,
      minArgs: 3,
      isSet: true,
      call: (match, where, field, groups, sets) => {
        const symbol = symbols.get(String(field));
        const names = new NamedValues(groups, sets);
        const sum = meaningOf([match, where], names, symbols) ?? [];
        return symbol?.kind === "field" ? valuesOf(sum, symbol, names) : [];
      },
    },
  ];
}

function refers(match: string, symbols: SymbolTable): Value[] {
  return (
    unlessUnreadable(() => {
      const { portGroups, addressSets } = referencesOf(parseExpression({ file: "match", text: match }, symbols).root);
      return [...portGroups.map(([, name]) => ["@", name]), ...Array.from(addressSets, (name) => ["$", name])];
    }) ?? []
  );
}

/** The conjunction of matches. */
function meaningOf(matches: readonly (Value | undefined)[], names: NamedValues, symbols: SymbolTable): Sum | undefined {
  const text = matches.map((match) => `(${String(match)})`).join(" && ");
  return unlessUnreadable(() => normalize(parseExpression({ file: "match", text }, symbols), names));
}

function unlessUnreadable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

function valuesOf(sum: Sum, symbol: FieldSymbol, names: NamedValues): Value[] {
  return [...new Set(sum.map((term) => valueOf(term, symbol, names)))];
}

/** What a term demands of a field. */
function valueOf(term: Term, { bits, isString, name }: FieldSymbol, names: NamedValues): Value {
  let value = 0n;
  let mask = 0n;
  for (const cell of term) {
    if (cell.word < bits.word || cell.word >= bits.word + bits.nWords) continue;
    const up = BigInt(32 * (bits.nWords - 1 - (cell.word - bits.word)));
    value |= BigInt(cell.value) << up;
    mask |= BigInt(cell.mask) << up;
  }
  const ones = (1n << BigInt(bits.nBits)) - 1n;
  value = (value >> BigInt(bits.shift)) & ones;
  mask = (mask >> BigInt(bits.shift)) & ones;
  if (mask === 0n) return null;
  if (isString) return mask === ones ? (names.portOf(Number(value)) ?? null) : null;
  const text = textOf(name, bits.nBits, value);
  if (mask === ones) return text;
  const wild = ones ^ mask;
  const isPrefix = (wild & (wild + 1n)) === 0n;
  return `${text}/${isPrefix && /^ip[46]\./.test(name) ? bits.nBits - wild.toString(2).length : textOf(name, bits.nBits, mask)}`;
}

function textOf(field: string, nBits: number, value: bigint): string {
  if (field.startsWith("eth.") && nBits === 48) return formatMac(Number(value));
  if (nBits === 128) return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * (15 - i))) & 0xffn)));
  return /^(ip4|arp)\./.test(field) && nBits === 32 ? formatIp4(Number(value)) : String(value);
}

/** Port groups and address sets as rules hand them over; ports get numbers as they are named. */
class NamedValues implements MatchContext {
  readonly #ports: ReadonlyMap<string, readonly string[]>;
  readonly #addresses: ReadonlyMap<string, readonly string[]>;
  readonly #keys = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(groups: Value | undefined, sets: Value | undefined) {
    this.#ports = namedLists(groups);
    this.#addresses = namedLists(sets);
  }

  portKey(name: string): number {
    const key = this.#keys.get(name) ?? this.#keys.size + 1;
    this.#keys.set(name, key);
    this.#names.set(key, name);
    return key;
  }

  portOf(key: number): string | undefined {
    return this.#names.get(key);
  }

  addressSet(name: string): readonly string[] | undefined {
    return this.#addresses.get(name);
  }

  portGroup(name: string): readonly string[] | undefined {
    return this.#ports.get(name);
  }

  isResident(): boolean {
    return true;
  }
}

function namedLists(value: Value | undefined): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const entry of listOf(value)) {
    const [name, members] = listOf(entry);
    lists.set(String(name), listOf(members).map(String));
  }
  return lists;
}

function listOf(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : [];
}
