/** What kind of value a built-in function gives, where it is always the same. */
import { BUILT_IN_FUNCTIONS } from "../functions/built-in.ts";
import { SCALAR_TYPES } from "../scalar.ts";
import type { FunctionDef } from "./core.ts";
import type { Kind } from "./kinds.ts";

const NAMES: { readonly [K in Kind]?: string } = {
  string:
    "lower upper trim join replace substr pad_left pad_right repeat fixed str hex type_of to_json uuid_of sha256 text_of concat " +
    "int_to_ip4 int_to_mac pack_date pack_time pack_datetime extract_date extract_time",
  number:
    "len length index_of int float parse_int abs floor ceil round div pow bit_and bit_or bit_xor shl shr hash32 prefix_length " +
    "ip4_to_int mac_to_int seconds ip_version datetime_to_seconds",
  boolean:
    "starts_with ends_with contains matches is_null is_ip is_ip4 is_ip6 is_prefix is_mac ip_in_prefix prefixes_overlap has",
  list: "split sort reverse distinct slice enumerate range capture",
  map: "map merge",
};

const KINDS = new Map<string, Kind>([
  ...(Object.entries(NAMES) as [Kind, string][]).flatMap(([kind, names]) =>
    names.split(" ").map((name): [string, Kind] => [name, kind]),
  ),
  ...SCALAR_TYPES.map((type): [string, Kind] => [type, type]),
]);

/** By the function itself: a program's owner may have given another one of the same name. */
const KIND_OF: ReadonlyMap<FunctionDef, Kind> = new Map(
  BUILT_IN_FUNCTIONS.flatMap((fn) => {
    const kind = KINDS.get(fn.name);
    return kind === undefined || fn.isSet === true ? [] : [[fn, kind] as const];
  }),
);

/** The kind of every result of a function; `undefined` if it gives several, or is not known. */
export function resultKind(fn: FunctionDef | undefined): Kind | undefined {
  return fn === undefined ? undefined : KIND_OF.get(fn);
}
