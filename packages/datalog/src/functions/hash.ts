/** Built-in hash functions: stable over runs and machines, so that identities can be derived from content. */
import { createHash } from "node:crypto";
import type { FunctionDef } from "../check/core.ts";
import { textOf } from "../value.ts";
import { define } from "./define.ts";

/** Hash functions. */
export const HASH_FUNCTIONS: readonly FunctionDef[] = [
  define("uuid_of", ["v"], (v) => uuidOf(textOf(v))),
  define("sha256", ["s"], (s) => createHash("sha256").update(s).digest("hex")),
  define("hash32", ["s"], hash32),
];

/**
 * The UUID that belongs to a text: its SHA-256, cut to 128 bits and marked as version 8 (RFC 9562, section 5.8).
 */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** FNV-1a over the UTF-8 bytes, 32 bits, with a final mix so that the low bits are usable. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d);
  return (hash ^ (hash >>> 15)) >>> 0;
}
