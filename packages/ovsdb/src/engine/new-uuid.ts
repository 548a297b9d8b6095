/**
 * Random uuids (version 4, RFC 9562), by the million: each row has two.
 *
 * `randomUUID` joins its text of twenty pieces, which stay until somebody compares the text. Nobody does that with a row's
 * `_version`: the pieces would take 600 bytes of each row.
 */
import { randomBytes } from "node:crypto";
import { uuidOfHex } from "../model/uuid-of-hex.ts";

const UUID_BYTES = 16;
/** So many are drawn at once: asking for random bytes costs more than they do. */
const N_DRAWN = 256;

/** A source of random uuids. */
export function uuidSource(): () => string {
  let digits = "";
  let next = 0;
  return () => {
    if (next === digits.length) {
      digits = drawDigits();
      next = 0;
    }
    next += 2 * UUID_BYTES;
    return uuidOfHex(digits, next - 2 * UUID_BYTES);
  };
}

function drawDigits(): string {
  const bytes = randomBytes(UUID_BYTES * N_DRAWN);
  for (let at = 0; at < bytes.length; at += UUID_BYTES) {
    bytes[at + 6] = ((bytes[at + 6] ?? 0) & 0x0f) | 0x40;
    bytes[at + 8] = ((bytes[at + 8] ?? 0) & 0x3f) | 0x80;
  }
  return bytes.toString("hex");
}
