/**
 * Frames of the WebSocket protocol, the server's side: takes the client's apart as they arrive, makes its own.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |F|R|R|R| opcode|M| length (7)  | length (16 or 64, when 7 bits |
 *     |I|S|S|S|  (4)  |A|             |  say 126 or 127)              |
 *     |N|V|V|V|       |S|             +-------------------------------+
 *     | |1|2|3|       |K|             | key (32, when M) | payload    |
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *
 * Payload of messages is handed on as it comes, whole frame or not: who reads JSON objects from a stream needs no borders.
 *
 * @see RFC 6455, section 5
 */
import { ProtocolError } from "@tenet/kit";

const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

const MOST_CONTROL_BYTES = 125;
const LONGEST_HEADER_BYTES = 14;

/** What a reader hands on. */
export interface FrameSink {
  /** Bytes of a text or binary message, unmasked. */
  message(bytes: Uint8Array): void;
  /** A whole close, ping or pong. */
  control(opcode: number, payload: Uint8Array): void;
}

/** Takes frames apart. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #header = new Uint8Array(LONGEST_HEADER_BYTES);
  #headerLength = 0;
  #opcode = CONTINUATION;
  /** Bytes of payload that are still to come; `undefined` within a header. */
  #missing: number | undefined;
  #key = new Uint8Array(4);
  #keyAt = 0;
  #control: Uint8Array[] = [];

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. @throws ProtocolError at a frame that no client may send; the reader is then unusable */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#missing === undefined) {
        this.#header[this.#headerLength++] = bytes[at++] ?? 0;
        this.#beginPayload();
      } else {
        const length = Math.min(this.#missing, bytes.length - at);
        this.#takePayload(bytes.subarray(at, at + length));
        at += length;
      }
    }
  }

  /** Begins the payload when the header is complete. */
  #beginPayload(): void {
    if (this.#headerLength < 2) return;
    const [first = 0, second = 0] = this.#header;
    checkHeader(first, second);
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.#headerLength < 2 + lengthBytes + 4) return;
    const view = new DataView(this.#header.buffer);
    const length = lengthBytes === 0 ? short : lengthBytes === 2 ? view.getUint16(2) : Number(view.getBigUint64(2));
    if (!Number.isSafeInteger(length)) throw new ProtocolError("WebSocket frame is too long");
    this.#key = this.#header.slice(2 + lengthBytes, 6 + lengthBytes);
    this.#keyAt = 0;
    this.#opcode = first & 0x0f;
    this.#headerLength = 0;
    this.#missing = length;
    if (length === 0) this.#endPayload();
  }

  #takePayload(masked: Uint8Array): void {
    const bytes = masked.map((byte, i) => byte ^ (this.#key[(this.#keyAt + i) & 3] ?? 0));
    this.#keyAt = (this.#keyAt + masked.length) & 3;
    if (this.#opcode >= CLOSE) this.#control.push(bytes);
    else this.#sink.message(bytes);
    this.#missing = (this.#missing ?? 0) - masked.length;
    if (this.#missing === 0) this.#endPayload();
  }

  #endPayload(): void {
    const opcode = this.#opcode;
    const payload = Buffer.concat(this.#control);
    this.#missing = undefined;
    this.#control = [];
    if (opcode >= CLOSE) this.#sink.control(opcode, payload);
  }
}

function checkHeader(first: number, second: number): void {
  const opcode = first & 0x0f;
  const isControl = opcode >= CLOSE;
  if ((first & 0x70) !== 0) throw new ProtocolError("WebSocket frame uses an extension that was not agreed on");
  if ((second & 0x80) === 0) throw new ProtocolError("WebSocket frame of a client is not masked");
  if (opcode > (isControl ? PONG : BINARY)) throw new ProtocolError(`WebSocket frame has unknown opcode ${opcode}`);
  if (isControl && ((first & 0x80) === 0 || (second & 0x7f) > MOST_CONTROL_BYTES)) {
    throw new ProtocolError("WebSocket control frame is in parts or too long");
  }
}

/** A whole, unmasked frame, as servers send them. */
export function encodeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const lengthBytes = length > 0xffff ? 8 : length > MOST_CONTROL_BYTES ? 2 : 0;
  const frame = new Uint8Array(2 + lengthBytes + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length;
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, 2 + lengthBytes);
  return frame;
}
