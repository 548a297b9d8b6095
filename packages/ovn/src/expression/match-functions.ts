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
import { factorize, isSatisfiable, multiplyOut, type Product } from "./factor.ts";
import type { MatchContext } from "./normalize.ts";
import { parseExpression } from "./parse.ts";
import { referencesOf } from "./references.ts";
import { createSymbols } from "./symbol-table.ts";
import type { FieldSymbol, ParsedExpression, SymbolTable } from "./syntax.ts";
import type { Term } from "./term.ts";

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
      call: (match, other, groups, sets) =>
        meaningOf([match, other], new NamedValues(groups, sets), symbols)?.some(isSatisfiable),
    },
    {
      name: "match_values",
      nArgs: 5,
      minArgs: 3,
      isSet: true,
      call: (match, where, field, groups, sets) => {
        const symbol = symbols.get(String(field));
        const names = new NamedValues(groups, sets);
        const products = meaningOf([match, where], names, symbols) ?? [];
        if (symbol?.kind !== "field") return [];
        return [...new Set(products.flatMap((product) => valuesOf(product, symbol, names)))];
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

/** The conjunction of a match with another. */
function meaningOf(
  [match, other]: readonly (Value | undefined)[],
  names: NamedValues,
  symbols: SymbolTable,
): Product[] | undefined {
  const parse = (text: Value | undefined): ParsedExpression => parseExpression({ file: "match", text: String(text) }, symbols);
  return unlessUnreadable(() => factorize(parse(match), names, parse(other).root));
}

function unlessUnreadable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

/** The values that packets of a product can have: of each term that demands one, if some packet of the product is in it. */
function valuesOf(product: Product, symbol: FieldSymbol, names: NamedValues): Value[] {
  const { bits } = symbol;
  const known = new Map(product.common.map(({ word, mask }) => [word, mask]));
  // Every term holds what the product has in common; what it says beyond that is its own.
  const mentions = (term: Term): boolean =>
    term.some(({ word, mask }) => word >= bits.word && word < bits.word + bits.nWords && (mask & ~(known.get(word) ?? 0)) !== 0);
  const about = product.factors.filter((factor) => factor.some(mentions));
  const others = product.factors.filter((factor) => !factor.some(mentions));
  const values = new Map<Value, Term[]>();
  for (const term of multiplyOut({ common: product.common, factors: about })) {
    const value = valueOf(term, symbol, names);
    values.set(value, [...(values.get(value) ?? []), term]);
  }
  return [...values].flatMap(([value, terms]) =>
    terms.some((common) => isSatisfiable({ common, factors: others })) ? [value] : [],
  );
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
