/**
 * What FTP and TFTP say of the connections that are to follow.
 *
 * FTP: the client announces a port by `PORT` or `EPRT`, the server by its answers 227 and 229. An address that is said must
 * be that of the end that says it: nobody can open the way to a third one. TFTP: the answer to a request comes
 * from another port of the server, to the one that the request came from.
 *
 * @see RFC 959, RFC 2428, RFC 1350
 */
import { formatIp4, formatIp6, getU16, getU32, tryParseIp4, tryParseIp6 } from "@tenet/net";
import type { Connection } from "./connection.ts";
import { type Expectation, expectationOf } from "./expectations.ts";
import { TUPLE } from "./tuple.ts";

/** Longest line that is read. */
const MAX_LINE = 128;
const SIX_NUMBERS = "(\\d{1,3}),(\\d{1,3}),(\\d{1,3}),(\\d{1,3}),(\\d{1,3}),(\\d{1,3})";
const PORT = new RegExp(`^PORT +${SIX_NUMBERS}\\r?\\n`, "i");
const EPRT = /^EPRT +([!-~])([12])\1([\d.a-f:]+)\1(\d{1,5})\1\r?\n/i;
const PASSIVE = new RegExp(`^227 [^\\d]*${SIX_NUMBERS}`);
/** Behind the name, the delimiter, the family and another delimiter. */
const EPRT_ADDRESS_AT = 8;
const EXTENDED_PASSIVE = /^229 [^(]*\(([!-~])\1\1(\d{1,5})\1\)/;

/** A part of a line and what it becomes; `at` and `length` are in characters. */
export interface Replacement {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** The address in a line of FTP, when the other end knows its sender by another one. */
export function findForeignAddress(connection: Connection, isReply: boolean, line: string): Replacement | undefined {
  const own = isReply ? connection.reply : connection.original;
  const known = isReply ? connection.original : connection.reply;
  const ownAddress = own.subarray(TUPLE.src, TUPLE.dst);
  const knownAddress = known.subarray(TUPLE.dst, TUPLE.ports);
  if (ownAddress.every((word, i) => word === knownAddress[i])) return undefined;
  const six = (isReply ? PASSIVE : PORT).exec(line)?.slice(1);
  if (six !== undefined) {
    const said = six.slice(0, 4).map(Number);
    if (said.join(".") !== formatIp4(own[TUPLE.src] ?? 0)) return undefined;
    const address = six.slice(0, 4).join(",");
    return { at: line.indexOf(address), length: address.length, text: formatIp4(known[TUPLE.dst] ?? 0).replaceAll(".", ",") };
  }
  const [, , family, address] = (isReply ? null : EPRT.exec(line)) ?? [];
  if (family === undefined || address === undefined) return undefined;
  if (wordsOf(family, address)?.every((word, i) => word === ownAddress[i]) !== true) return undefined;
  return { at: line.indexOf(address, EPRT_ADDRESS_AT), length: address.length, text: textOf(family, knownAddress) };
}

/** What a payload announces; `undefined` when it is nothing. Positions are those of the payload in `bytes`. */
export function readAnnouncement(
  connection: Connection,
  isReply: boolean,
  bytes: Uint8Array,
  from: number,
  end: number,
): Expectation | undefined {
  if (connection.helper === "ftp") return readFtp(connection, isReply, lineAt(bytes, from, end));
  return isReply ? undefined : readTftp(connection, bytes, from, end);
}

function readTftp(connection: Connection, bytes: Uint8Array, from: number, end: number): Expectation | undefined {
  const isRequest = end - from >= 4 && (getU16(bytes, from) === 1 || getU16(bytes, from) === 2);
  if (!isRequest) return undefined;
  const own = (connection.original[TUPLE.ports] ?? 0) >>> 16;
  return expectationOf(connection, false, (connection.reply[TUPLE.ports] ?? 0) & 0xffff, own);
}

function readFtp(connection: Connection, isReply: boolean, line: string): Expectation | undefined {
  const own = isReply ? connection.reply : connection.original;
  const six = (isReply ? PASSIVE : PORT).exec(line)?.slice(1).map(Number);
  if (six !== undefined) {
    const [a = 0, b = 0, c = 0, d = 0, high = 0, low = 0] = six;
    const isOwn = six.every((n) => n < 256) && (own[TUPLE.src] ?? 0) === ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    return isOwn ? expectAt(connection, isReply, high * 256 + low) : undefined;
  }
  if (isReply) return expectAt(connection, true, Number(EXTENDED_PASSIVE.exec(line)?.[2] ?? 0));
  const [, , family, address = "", port] = EPRT.exec(line) ?? [];
  const isOwn = family !== undefined && wordsOf(family, address)?.every((word, i) => word === own[TUPLE.src + i]) === true;
  return isOwn ? expectAt(connection, false, Number(port)) : undefined;
}

function expectAt(connection: Connection, isReply: boolean, port: number): Expectation | undefined {
  return port > 0 && port <= 0xffff ? expectationOf(connection, isReply, port) : undefined;
}

/** The four words of an address in a tuple. */
function wordsOf(family: string, text: string): readonly number[] | undefined {
  const address = family === "1" ? tryParseIp4(text) : undefined;
  if (family === "1") return address === undefined ? undefined : [address, 0, 0, 0];
  const bytes = tryParseIp6(text);
  return bytes === undefined ? undefined : [0, 4, 8, 12].map((at) => getU32(bytes, at));
}

function textOf(family: string, words: Uint32Array): string {
  if (family === "1") return formatIp4(words[0] ?? 0);
  return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => (words[i >> 2] ?? 0) >>> (24 - 8 * (i & 3))));
}

/** The beginning of a payload as text. */
export function lineAt(bytes: Uint8Array, from: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(from, Math.min(end, from + MAX_LINE)));
}
