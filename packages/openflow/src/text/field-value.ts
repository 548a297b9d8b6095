/** A field's value and mask as text, by the field's format. */
import { fieldOnes, formatIp4, formatIp6, formatMac, parseIp4, parseIp6, parseMac } from "@tenet/net";
import { messageOf } from "@tenet/kit";
import type { SubField } from "../action.ts";
import { asMatchField, type MatchField } from "../match/match-field.ts";
import { CT_STATE_FLAGS, formatFlags, parseFlags, TCP_FLAGS, TUNNEL_FLAGS } from "./flag-names.ts";
import { formatHex, tryParseInteger } from "./integer.ts";
import { formatPort, type PortNames, parsePort } from "./port-name.ts";
import type { Span } from "./span.ts";

/** Bits and which of them count. */
export interface MaskedValue {
  readonly value: bigint;
  readonly mask: bigint;
}

const FRAGMENTS: Readonly<Record<string, MaskedValue>> = {
  no: { value: 0n, mask: 3n },
  yes: { value: 1n, mask: 1n },
  first: { value: 1n, mask: 3n },
  later: { value: 3n, mask: 3n },
  not_later: { value: 0n, mask: 2n },
};

/**
 * Reads `value`, `value/mask` or `*` in the field's format; the value is cut to the mask.
 *
 * @throws SourceError when it does not read, is too wide, or a mask is given where none may be
 */
export function parseFieldValue(field: MatchField, span: Span, names: PortNames = {}): MaskedValue {
  const ones = fieldOnes(field);
  if (span.text === "*") return { value: 0n, mask: 0n };
  if (span.text === "") throw span.fail(`A value for ${field.text} is missing`, { expected: describe(field) });
  if (field.format === "port") return { value: BigInt(parsePort(span, names)), mask: ones };
  if (field.format === "fragment") return parseFragment(span);
  const flags = parseFlagFormat(field, span);
  if (flags !== undefined) return flags;
  const [valueSpan, maskSpan] = span.cut("/");
  const value = parseOne(field, valueSpan);
  const mask = maskSpan === undefined ? ones : parseMask(field, maskSpan);
  if (mask !== ones && !field.isMaskable) {
    throw (maskSpan ?? span).fail(`${field.text} cannot be masked`, {
      hint: `Match the whole of ${field.text}, or leave it out`,
    });
  }
  return { value: value & mask, mask };
}

/** Writes a value and mask in the field's format: without mask when every bit counts. */
export function formatFieldValue(field: MatchField, value: bigint, mask: bigint, names: PortNames = {}): string {
  const isExact = mask === fieldOnes(field);
  switch (field.format) {
    case "port":
      return formatPort(Number(value), names);
    case "fragment":
      return formatFragment(value, mask);
    case "ctState":
      return formatFlags(value, mask, CT_STATE_FLAGS);
    case "tcpFlags":
      return formatFlags(value, mask, TCP_FLAGS);
    case "tunnelFlags":
      return `${(value & 1n) === 0n ? "-" : "+"}oam`;
    case "packetType":
      return `(${formatShortHex(value >> 16n)},${formatShortHex(value & 0xffffn)})`;
    case "ethernet":
      return withMask(isExact, macText(value), () => macText(mask));
    case "ipv4":
      return withMask(isExact, formatIp4(Number(value)), () => prefixText(mask, 32) ?? formatIp4(Number(mask)));
    case "ipv6":
      return withMask(isExact, ip6Text(value), () => prefixText(mask, 128) ?? ip6Text(mask));
    case "decimal":
    case "vlanVid":
      return isExact ? String(value) : `0x${value.toString(16)}/0x${mask.toString(16)}`;
    case "hexadecimal":
      return withMask(isExact, formatHex(value), () => formatHex(mask));
  }
}

/** Writes the value of a part of a field: in the field's format when it is the whole field. */
export function formatPartValue({ field: spec, start, nBits }: SubField, value: bigint): string {
  const field = asMatchField(spec);
  return start === 0 && nBits === field.nBits ? formatFieldValue(field, value, fieldOnes(field)) : formatHex(value);
}

function withMask(isExact: boolean, value: string, mask: () => string): string {
  return isExact ? value : `${value}/${mask()}`;
}

function parseFragment(span: Span): MaskedValue {
  const known = FRAGMENTS[span.text];
  if (known !== undefined) return known;
  throw span.failUnknown("fragment type", Object.keys(FRAGMENTS));
}

function formatFragment(value: bigint, mask: bigint): string {
  for (const [name, known] of Object.entries(FRAGMENTS)) {
    if (known.mask === mask && known.value === value) return name;
  }
  // What is no fragment is no later one, and a later one is a fragment: half of the bits say it all.
  if (mask === 1n && value === 0n) return "no";
  if (mask === 2n && value === 2n) return "later";
  return `${formatHex(value)}/${formatHex(mask)}`;
}

function parseFlagFormat(field: MatchField, span: Span): MaskedValue | undefined {
  if (field.format === "ctState") return parseFlags(span, CT_STATE_FLAGS, "ct_state");
  if (field.format === "tcpFlags") return parseFlags(span, TCP_FLAGS, "TCP");
  if (field.format === "tunnelFlags") return parseFlags(span, TUNNEL_FLAGS, "tunnel");
  return undefined;
}

function parseOne(field: MatchField, span: Span): bigint {
  switch (field.format) {
    case "ethernet":
      return reading(span, () => BigInt(parseMac(span.text)));
    case "ipv4":
      return reading(span, () => BigInt(parseIp4(span.text)));
    case "ipv6":
      return reading(span, () => bytesToBig(parseIp6(span.text)));
    case "packetType":
      return parsePacketType(field, span);
    default:
      return parseNumber(field, span);
  }
}

/** Without a prefix where there is no need for it. */
function formatShortHex(value: bigint): string {
  return value < 10n ? String(value) : formatHex(value);
}

function parseMask(field: MatchField, span: Span): bigint {
  const nBits = field.nBits;
  if ((field.format === "ipv4" || field.format === "ipv6") && /^\d+$/.test(span.text)) {
    const length = Number(span.text);
    if (length <= nBits) return ((1n << BigInt(length)) - 1n) << BigInt(nBits - length);
    throw span.fail(`Prefix length ${span.text} is too large`, { expected: `0 to ${nBits}` });
  }
  return parseOne(field, span);
}

function parseNumber(field: MatchField, span: Span): bigint {
  const value = tryParseInteger(span.text);
  if (value === undefined) throw span.fail(`Cannot read "${span.text}" as ${field.text}`, { expected: describe(field) });
  if (value > fieldOnes(field)) {
    throw span.fail(`${span.text} is too large for ${field.text}`, { expected: `at most ${field.nBits} bits` });
  }
  return value;
}

/** `(namespace,type)`, or one number. */
function parsePacketType(field: MatchField, span: Span): bigint {
  const [, namespace, type] = /^\(\s*(\w+)\s*,\s*(\w+)\s*\)$/.exec(span.text) ?? [];
  if (namespace === undefined || type === undefined) return parseNumber(field, span);
  const [high, low] = [tryParseInteger(namespace), tryParseInteger(type)];
  if (high !== undefined && low !== undefined && high <= 0xffffn && low <= 0xffffn) return (high << 16n) | low;
  throw span.fail(`Cannot read "${span.text}" as ${field.text}`, { expected: "(NAMESPACE,TYPE)" });
}

function reading(span: Span, read: () => bigint): bigint {
  try {
    return read();
  } catch (error) {
    throw span.fail(messageOf(error), { cause: error });
  }
}

function describe(field: MatchField): string {
  const base: Readonly<Record<string, string>> = {
    ethernet: "an Ethernet address such as 0a:00:00:00:00:01",
    ipv4: "an IPv4 address such as 10.0.0.1",
    ipv6: "an IPv6 address such as fd00::1",
    ctState: "flags such as +trk+new, or a number",
    tcpFlags: "flags such as +syn-ack, or a number",
  };
  return `${base[field.format] ?? `a number of at most ${field.nBits} bits`}${field.isMaskable ? ", with or without /mask" : ""}`;
}

function macText(value: bigint): string {
  return formatMac(Number(value));
}

/** As inet_ntop writes it: an address of 32 low bits gets a dotted tail. */
function ip6Text(value: bigint): string {
  if (value > 0xffffn && value <= 0xffff_ffffn) return `::${formatIp4(Number(value))}`;
  return formatIp6(bigToBytes(value));
}

/** The prefix length of a contiguous mask; `undefined` when it has holes. */
function prefixText(mask: bigint, nBits: number): string | undefined {
  const inverse = mask ^ ((1n << BigInt(nBits)) - 1n);
  if ((inverse & (inverse + 1n)) !== 0n) return undefined;
  return String(nBits - (inverse === 0n ? 0 : inverse.toString(2).length));
}

function bytesToBig(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function bigToBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 15, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}
