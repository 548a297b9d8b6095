/**
 * Writes whole messages as `ovs-ofctl ofp-print` does, for logs and for people who debug controllers.
 *
 *     OFPT_FLOW_MOD (OF1.3) (xid=0x2): ADD table:1 priority=5,tcp,tp_dst=80 actions=output:1
 *
 * Bytes that are no message are shown as such, with what is wrong about them.
 *
 * Limits: what fields and actions a table's features tell of is not shown.
 */
import { ProtocolError } from "@tenet/kit";
import type { CodecOptions } from "../wire/codec-options.ts";
import { decodeMessage, readHeader } from "../wire/codec.ts";
import { HEADER_SIZE } from "../wire/message-frame.ts";
import { TYPE_NUMBERS } from "../wire/message-numbers.ts";
import { type ErrorName, errorNameOf } from "../wire/openflow-error.ts";
import { hexDump } from "./hex-dump.ts";
import { messageTitle } from "./message-name.ts";
import { printBody } from "./print-body.ts";

/** Where the message inside a bundle's is. */
const BUNDLED_AT = 16;
const BUNDLED_AT_EXPERIMENTER = 24;

/** How many messages are shown of which each is in the data of the error before; a peer may send thousands. */
const MAX_DEPTH = 8;

/** What is wrong with messages of a kind that their version does not have. */
const NAMELESS: ReadonlySet<ErrorName> = new Set([
  "OFPBRC_BAD_TYPE",
  "OFPBRC_BAD_STAT",
  "OFPBRC_BAD_VENDOR",
  "OFPBRC_BAD_SUBTYPE",
]);

/**
 * Writes a message, or what is wrong with it, as lines of text; never throws for what the bytes are.
 *
 * @param bytes - exactly one message
 * @param options - how flow-mods of OpenFlow 1.0 are read; by default with table numbers
 */
export function formatMessage(bytes: Uint8Array, options: CodecOptions = {}): string {
  return formatNested(bytes, options, 1);
}

function formatNested(bytes: Uint8Array, options: CodecOptions, depth: number): string {
  if (depth > MAX_DEPTH) return hexDump(bytes);
  if (bytes.length === 0) return "OpenFlow message is empty\n";
  if (bytes.length < HEADER_SIZE) return `OpenFlow packet too short (only ${bytes.length} bytes):\n${hexDump(bytes)}`;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(2);
  if (length < bytes.length && length >= HEADER_SIZE)
    return `(***only uses ${length} bytes out of ${bytes.length}***)\n${hexDump(bytes)}`;
  let title = "";
  try {
    title = messageTitle(bytes);
    if (length > bytes.length) {
      return `${title}\n(***truncated to ${bytes.length} bytes from ${length}***)\n${hexDump(bytes)}`;
    }
    return printMessage(bytes, title, options, depth);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const name = errorNameOf(error);
    const isNamed = title !== "" && !NAMELESS.has(name);
    return `${isNamed ? `${title} ` : ""}***decode error: ${name}***\n${hexDump(bytes)}`;
  }
}

function printMessage(bytes: Uint8Array, title: string, options: CodecOptions, depth: number): string {
  const envelope = decodeMessage(bytes, options);
  const printInner = (inner: Uint8Array): string => formatNested(inner, options, depth + 1);
  const text = `${title}${printBody(envelope, printInner)}`;
  const line = text.endsWith("\n") ? text : `${text}\n`;
  if (envelope.message.type !== "bundleAdd") return line;
  const isExperimenter = readHeader(bytes).type === TYPE_NUMBERS.experimenter.of11;
  return line + printInner(bytes.subarray(isExperimenter ? BUNDLED_AT_EXPERIMENTER : BUNDLED_AT));
}
