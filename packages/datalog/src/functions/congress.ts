/**
 * The built-ins of Congress's Datalog under their names, besides those that the language has anyway.
 *
 * There they are tables whose last arguments are outputs, `plus(x, 1, y)`; here they are functions, and a body may use any
 * function in that form. Where Congress is wrong (overlap that depends on the order of its arguments), these are right.
 */
import type { FunctionDef } from "../check/core.ts";
import { operate } from "../operate.ts";
import { compareValues, kindOf, type Value } from "../value.ts";
import { compareAddresses, networkTest, sameNetwork } from "./address.ts";
import { formatDate, formatMoment, formatTime, partsOf, readMoment, readSpan } from "./datetime-text.ts";
import { define } from "./define.ts";

type Test = (order: number) => boolean;
const ORDERS: readonly [name: string, test: Test, compares: "<" | "<=" | ">" | ">="][] = [
  ["lt", (order) => order < 0, "<"],
  ["lteq", (order) => order <= 0, "<="],
  ["gt", (order) => order > 0, ">"],
  ["gteq", (order) => order >= 0, ">="],
];

/** Congress's functions; `now` depends on the program and is made by {@link nowFunction}. */
export const CONGRESS_FUNCTIONS: readonly FunctionDef[] = [
  ...ORDERS.map(([name, test, compares]) => ({ ...define(name, ["v", "v"], (a, b) => ordered(a, b, test)), compares })),
  define("equal", ["v", "v"], (a, b) => compareValues(a, b) === 0),
  define("plus", ["v", "v"], (a, b) => operate("+", a, b)),
  define("minus", ["v", "v"], (a, b) => operate("-", a, b)),
  define("mul", ["v", "v"], (a, b) => operate("*", a, b)),
  define("concat", ["s", "s"], (a, b) => a + b),
  unpack("unpack_date", 0, 3),
  unpack("unpack_time", 3, 6),
  unpack("unpack_datetime", 0, 6),
  define("pack_date", ["n", "n", "n"], (year, month, day) => `${year}-${month}-${day}`),
  define("pack_time", ["n", "n", "n"], (hour, minute, second) => `${hour}:${minute}:${second}`),
  define(
    "pack_datetime",
    ["n", "n", "n", "n", "n", "n"],
    (year, month, day, hour, minute, second) => `${year}-${month}-${day} ${hour}:${minute}:${second}`,
  ),
  define("extract_date", ["s"], (s) => withMoment(s, formatDate)),
  define("extract_time", ["s"], (s) => withMoment(s, formatTime)),
  define("datetime_to_seconds", ["s"], (s) => withMoment(s, (moment) => Math.trunc((moment - Date.UTC(1900, 0, 1)) / 1000))),
  define("datetime_plus", ["s", "v"], (s, span) => moved(s, span, 1)),
  define("datetime_minus", ["s", "v"], (s, span) => moved(s, span, -1)),
  ...ORDERS.map(([name, test]) => define(`datetime_${name}`, ["s", "s"], (a, b) => compareMoments(a, b, test))),
  define("datetime_equal", ["s", "s"], (a, b) => compareMoments(a, b, (order) => order === 0)),
  ...ORDERS.map(([name, test]) => define(`ips_${name}`, ["a", "a"], (a, b) => compareIps(a, b, test))),
  define("ips_equal", ["a", "a"], (a, b) => compareIps(a, b, (order) => order === 0)),
  define("networks_equal", ["a", "a"], sameNetwork),
  networkTest("networks_overlap", "overlaps"),
  networkTest("ip_in_network", "inside"),
  define("validate_int", ["v", "v", "v"], (low, high, value) => validateNumber(low, high, value, /^[+-]?\d+$/, "an integer")),
  define("validate_float", ["v", "v", "v"], (low, high, value) => validateNumber(low, high, value, /./, "a number")),
  define("validate_string", ["s", "v", "v", "v", "v"], (regex, maxLength, _quotes, ignoreCase, value) =>
    validateString(regex, maxLength, ignoreCase, value),
  ),
];

/** `now()`: the moment at which the program was compiled, so that what holds does not depend on when a rule is looked at. */
export function nowFunction(now: Date): FunctionDef {
  const text = formatMoment(Math.floor(now.getTime() / 1000) * 1000);
  return define("now", [], () => text);
}

function unpack(name: string, from: number, to: number): FunctionDef {
  const { call } = define(name, ["s"], (s) => withMoment(s, (moment) => partsOf(moment).slice(from, to)));
  return { name, nArgs: 1, nResults: to - from, call };
}

function ordered(a: Value, b: Value, test: Test): boolean | undefined {
  return kindOf(a) === kindOf(b) ? test(compareValues(a, b)) : undefined;
}

function withMoment<R>(text: string, use: (moment: number) => R): R | undefined {
  const moment = readMoment(text);
  return moment === undefined ? undefined : use(moment);
}

function moved(text: string, span: Value, direction: 1 | -1): string | undefined {
  const [moment, ms] = [readMoment(text), typeof span === "string" || typeof span === "number" ? readSpan(span) : undefined];
  const sum = moment === undefined || ms === undefined ? Number.NaN : moment + direction * ms;
  return Math.abs(sum) <= 8.64e15 ? formatMoment(sum) : undefined;
}

function compareMoments(a: string, b: string, test: Test): boolean | undefined {
  const [first, second] = [readMoment(a), readMoment(b)];
  return first === undefined || second === undefined ? undefined : test(first - second);
}

function compareIps(a: string, b: string, test: Test): boolean | undefined {
  const order = compareAddresses(a, b);
  return order === undefined ? undefined : test(order);
}

/** An empty text if the value is right, otherwise what is wrong with it. */
function validateNumber(low: Value, high: Value, value: Value, form: RegExp, what: string): string {
  const number = typeof value === "number" || (typeof value === "string" && value.trim() !== "") ? Number(value) : Number.NaN;
  if (Number.isNaN(number) || !form.test(String(value).trim())) return `${String(value)} is not ${what}`;
  if (typeof low === "number" && number < low) return `Should be greater than or equal to ${low}`;
  if (typeof high === "number" && number > high) return `Should be less than or equal to ${high}`;
  return "";
}

function validateString(regex: string, maxLength: Value, ignoreCase: Value, value: Value): string {
  const text = typeof value === "string" ? value : String(value);
  const isLimited = typeof maxLength === "number" && maxLength > 0;
  if (isLimited && text.length > maxLength) return `Value '${text}' exceeds maximum length ${maxLength}`;
  const isAnyCase = ignoreCase === true || ignoreCase === "True" || ignoreCase === 1;
  if (regex !== "" && !new RegExp(regex, isAnyCase ? "iu" : "u").test(text)) {
    return `Value '${text}' doesn't match regex '${regex}'`;
  }
  return "";
}
