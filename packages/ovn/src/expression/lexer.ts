/**
 * Tokens of OVN's match and action languages, which share their lexical syntax.
 *
 * Numbers keep the form they were written in (IPv4, IPv6, Ethernet, hexadecimal, decimal), because the form decides
 * how a mask after a slash reads: `10.0.0.0/24` is a prefix, `0x10/0x18` is a mask.
 *
 * @see ovn-sb(5), Logical_Flow, column match
 */
import { AppError, positionAt, SourceError, type SourcePosition } from "@tenet/kit";
import { parseIp4, parseIp6, parseMac } from "@tenet/net";

/** How a number was written. */
export type NumberForm = "decimal" | "hexadecimal" | "ethernet" | "ip4" | "ip6";

/** One token; `at` is the 0-based offset of its first character. */
export type Token =
  | { readonly type: "name"; readonly text: string; readonly at: number }
  | { readonly type: "number"; readonly text: string; readonly value: bigint; readonly form: NumberForm; readonly at: number }
  | { readonly type: "string"; readonly text: string; readonly value: string; readonly at: number }
  | { readonly type: "addressSet" | "portGroup"; readonly text: string; readonly name: string; readonly at: number }
  | { readonly type: "operator"; readonly text: string; readonly at: number }
  | { readonly type: "end"; readonly text: ""; readonly at: number };

/** A text and the name under which its errors are reported. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** The position of an offset in a source. */
function placeOf(source: Source, at: number): SourcePosition {
  return positionAt(source.file, source.text, at);
}

/** An error at an offset of a source. */
export function faultAt(
  source: Source,
  at: number,
  problem: string,
  options: { expected?: string; hint?: string } = {},
): SourceError {
  return new SourceError(problem, { at: placeOf(source, at), text: source.text, ...options });
}

const BLANK = /(?:[ \t\r\n]+|\/\/[^\n]*|\/\*(?:[^*\n]|\*(?!\/))*\*\/)+/y;
const NUMBER_FORMS: readonly (readonly [NumberForm, RegExp])[] = [
  ["ethernet", /[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}(?![0-9a-fA-F:])/y],
  ["ip6", /(?:[0-9a-fA-F]{1,4})?(?::[0-9a-fA-F]{0,4}){2,}(?:\.\d{1,3}){0,3}/y],
  ["ip4", /\d+\.\d+\.\d+\.\d+(?![\d.])/y],
  ["hexadecimal", /0[xX][0-9a-fA-F]+(?!\w)/y],
  ["decimal", /\d+(?!\w)/y],
];
const NAME = /[A-Za-z_][\w.]*/y;
const REFERENCE = /[$@][A-Za-z_.][\w.]*/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const OPERATOR = /<->|==|!=|<=|>=|&&|\|\||--|\.\.|[<>!=(){}[\],;/^-]/y;

/** Splits a text into tokens; the last one has type `end`. @throws SourceError on a character that starts no token */
export function tokenize(source: Source): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (true) {
    at += take(BLANK, source.text, at)?.length ?? 0;
    if (at >= source.text.length) break;
    const token = tokenAt(source, at);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ type: "end", text: "", at });
  return tokens;
}

function take(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function tokenAt(source: Source, at: number): Token {
  for (const [form, pattern] of NUMBER_FORMS) {
    const text = take(pattern, source.text, at);
    if (text !== undefined) return { type: "number", text, value: numberOf(source, at, form, text), form, at };
  }
  const name = take(NAME, source.text, at);
  if (name !== undefined) return { type: "name", text: name, at };
  const reference = take(REFERENCE, source.text, at);
  if (reference !== undefined) {
    return { type: reference.startsWith("$") ? "addressSet" : "portGroup", text: reference, name: reference.slice(1), at };
  }
  const quoted = take(STRING, source.text, at);
  if (quoted !== undefined) return { type: "string", text: quoted, value: stringOf(source, at, quoted), at };
  const operator = take(OPERATOR, source.text, at);
  if (operator !== undefined) return { type: "operator", text: operator, at };
  throw faultAt(source, at, `Cannot read ${JSON.stringify(source.text[at])}`, { expected: "a field, a constant or an operator" });
}

function stringOf(source: Source, at: number, quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw faultAt(source, at, `Cannot read the string ${quoted}`, { expected: "a string in JSON syntax" });
  }
}

function numberOf(source: Source, at: number, form: NumberForm, text: string): bigint {
  try {
    return parseNumber(form, text);
  } catch (error) {
    const hint = error instanceof AppError ? { hint: error.message } : {};
    throw faultAt(source, at, `Cannot read "${text}" as an address`, hint);
  }
}

function parseNumber(form: NumberForm, text: string): bigint {
  if (form === "ethernet") return BigInt(parseMac(padEthernet(text)));
  if (form === "ip4") return BigInt(parseIp4(text) >>> 0);
  if (form === "ip6") return parseIp6(text).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return BigInt(text);
}

function padEthernet(text: string): string {
  return text
    .split(":")
    .map((part) => part.padStart(2, "0"))
    .join(":");
}
