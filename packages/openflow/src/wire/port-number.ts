/** Port numbers: 16 bits in OpenFlow 1.0 and in memory, 32 bits on later wires, with the reserved ones at the top. */
import type { ByteReader, ByteWriter } from "@tenet/wire";
import { OpenFlowError } from "./openflow-error.ts";

/** First reserved port number in the 16-bit form. */
const FIRST_RESERVED = 0xff00;
const WIDE = 0xffff_0000;

/** The 32-bit form of a port. */
export function widenPort(port: number): number {
  return port >= FIRST_RESERVED ? port + WIDE : port;
}

/** The 16-bit form; `undefined` for a number that has none. */
export function narrowPort(port: number): number | undefined {
  if (port < FIRST_RESERVED) return port;
  return port >= FIRST_RESERVED + WIDE ? port - WIDE : undefined;
}

/** Writes a port in the form of a version. */
export function writePort(writer: ByteWriter, port: number, version: number): void {
  if (version === 1) writer.u16(port);
  else writer.u32(widenPort(port));
}

/** Reads a port in the form of a version. @throws OpenFlowError when its number is out of range */
export function readPort(reader: ByteReader, version: number): number {
  if (version === 1) return reader.u16();
  const { at } = reader;
  const wide = reader.u32();
  const port = narrowPort(wide);
  if (port === undefined)
    throw new OpenFlowError("OFPBAC_BAD_OUT_PORT", `No port can have the number ${wide}`, { details: { at } });
  return port;
}
