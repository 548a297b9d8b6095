/** OpenFlow ports as text: a number, a reserved name such as `LOCAL`, or a name that the caller knows. */
import { PORT } from "../action.ts";
import { tryParseInteger } from "./integer.ts";
import type { Span } from "./span.ts";

/** Names of ports both ways; the caller gets them from the switch. */
export interface PortNames {
  readonly portByName?: ReadonlyMap<string, number>;
  readonly nameByPort?: ReadonlyMap<number, string>;
}

const BY_NAME: ReadonlyMap<string, number> = new Map([...Object.entries(PORT), ["ANY", PORT.NONE], ["UNSET", 0xfff7]]);
const BY_NUMBER: ReadonlyMap<number, string> = new Map([
  ...Object.entries(PORT).map(([name, port]): [number, string] => [port, name]),
  [PORT.NONE, "ANY"],
  [0xfff7, "UNSET"],
]);

/** Reads a port in 16- or 32-bit form; `undefined` when the text is none. */
export function tryParsePort(text: string, names: PortNames = {}): number | undefined {
  const unquoted = /^"(.*)"$/.exec(text)?.[1] ?? text;
  const known = names.portByName?.get(unquoted) ?? BY_NAME.get(unquoted.toUpperCase());
  if (known !== undefined) return known;
  const number = tryParseInteger(text);
  if (number === undefined) return undefined;
  if (number <= 0xffffn) return Number(number);
  return number >= 0xffff_ff00n && number <= 0xffff_ffffn ? Number(number & 0xffffn) : undefined;
}

/** Reads a port. @throws SourceError when it is none */
export function parsePort(span: Span, names: PortNames = {}): number {
  const port = tryParsePort(span.text, names);
  if (port !== undefined) return port;
  const candidates = [...(names.portByName?.keys() ?? []), ...BY_NAME.keys()];
  throw span.failUnknown("port", candidates);
}

/** Whether a text is the name of a reserved port, in any case of letters. */
export function isReservedPortName(text: string): boolean {
  return BY_NAME.has(text.toUpperCase());
}

/** Writes a port: its reserved name, its name, or its number. */
export function formatPort(port: number, names: PortNames = {}): string {
  const name = names.nameByPort?.get(port);
  if (name !== undefined) return /^[a-zA-Z][\w.-]*$/.test(name) && !isReservedPortName(name) ? name : `"${name}"`;
  return BY_NUMBER.get(port) ?? String(port);
}
