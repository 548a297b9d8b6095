/** Fields whose bits have names: `ct_state`, `tcp_flags` and `tun_flags`. */
import type { Span } from "./span.ts";

/** A set of named bits; bit i has the i-th name. */
export interface FlagSet {
  readonly names: readonly string[];
  /** All bits of the field. */
  readonly ones: bigint;
}

/** Connection states, OpenFlow bit order. */
export const CT_STATE_FLAGS: FlagSet = { names: ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"], ones: 0xffn };

/** Flags of tunnel headers that flows of OpenFlow match on. */
export const TUNNEL_FLAGS: FlagSet = { names: ["oam"], ones: 1n };

/** Flags of tunnel headers that flows of a datapath match on. */
export const OUTER_FLAGS: FlagSet = { names: ["oam", "df", "csum", "key"], ones: 0xfn };

/** TCP flags. */
export const TCP_FLAGS: FlagSet = { names: ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"], ones: 0xfffn };

/**
 * Reads `+trk-new` (these bits), `new|trk` (exactly these), `0x21/0x23` or a number.
 *
 * @throws SourceError on an unknown flag or a flag named twice
 */
export function parseFlags(span: Span, flags: FlagSet, kind: string): { value: bigint; mask: bigint } | undefined {
  if (/^[+-]/.test(span.text)) return parseSigned(span, flags, kind);
  if (!/^[a-z_]/i.test(span.text)) return undefined;
  let value = 0n;
  for (const part of span.split("|")) value |= flagBit(part, flags, kind);
  return { value, mask: flags.ones };
}

function parseSigned(span: Span, flags: FlagSet, kind: string): { value: bigint; mask: bigint } {
  let value = 0n;
  let mask = 0n;
  for (const match of span.text.matchAll(/([+-])([^+-]*)/g)) {
    const start = match.index + 1;
    const name = span.slice(start, start + (match[2]?.length ?? 0));
    const bit = flagBit(name, flags, kind);
    if ((mask & bit) !== 0n) throw name.fail(`The ${kind} flag "${name.text}" is named twice`);
    mask |= bit;
    if (match[1] === "+") value |= bit;
  }
  return { value, mask };
}

function flagBit(name: Span, flags: FlagSet, kind: string): bigint {
  const i = flags.names.indexOf(name.text);
  if (i >= 0) return 1n << BigInt(i);
  const numbered = /^\[([0-9a-f]+)\]$/i.exec(name.text)?.[1];
  if (numbered !== undefined && (BigInt(`0x${numbered}`) & ~flags.ones) === 0n) return BigInt(`0x${numbered}`);
  throw name.failUnknown(`${kind} flag`, flags.names);
}

/** Writes flags: joined by `|` when every bit counts, else each with `+` or `-`. */
export function formatFlags(value: bigint, mask: bigint, flags: FlagSet): string {
  const isExact = (mask & flags.ones) === flags.ones;
  if (isExact && value === 0n) return "0";
  const parts: string[] = [];
  for (let i = 0; 1n << BigInt(i) <= flags.ones; i++) {
    const bit = 1n << BigInt(i);
    if (((isExact ? value : mask) & bit) === 0n) continue;
    const name = flags.names[i] ?? `[${bit.toString(16)}]`;
    parts.push(isExact ? name : `${(value & bit) === 0n ? "-" : "+"}${name}`);
  }
  return parts.join(isExact ? "|" : "");
}
