/** The header that every message has, and what is put behind it. */
import { AppError } from "@tenet/kit";
import { ByteWriter, defineStruct, type Struct } from "@tenet/wire";
import { numberOf, type TypeNumber } from "./message-numbers.ts";

const layout = { version: "u8", type: "u8", length: "u16", xid: "u32" } as const;

/** ofp_header, OpenFlow 1.5.1 section 7.1.1. */
export const header: Struct<typeof layout> = defineStruct(layout);

/** Bytes of a message header. */
export const HEADER_SIZE: number = header.size;

/** The longest message that the length field can state. */
const MAX_LENGTH = 0xffff;

/** A message of these parts. @throws AppError when it is too long */
export function frame(type: TypeNumber | number, version: number, xid: number, parts: readonly Uint8Array[]): Uint8Array {
  const number = typeof type === "number" ? type : numberOf(type, version);
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  if (length > MAX_LENGTH) {
    throw new AppError(`Cannot encode a message of ${length} bytes: ${MAX_LENGTH} is the most`, { code: "OPENFLOW_TOO_LONG" });
  }
  const writer = new ByteWriter(length).struct(header, { version, type: number, length, xid });
  for (const part of parts) writer.bytes(part);
  return writer.asBytes();
}
