/**
 * rtnetlink messages: a writer with nested attributes, and a reader of attributes.
 *
 *  | nlmsghdr 16: length u32, type u16, flags u16, sequence u32, port u32 | fixed body | attributes |
 *  attribute: | length u16 (with this header) | type u16 | value | padding to 4 |
 *
 * All little-endian (host order), except addresses.
 *
 * @see rtnetlink(7)
 */

/** Writes one message. */
export class RouteMessage {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 16;

  constructor(type: number, flags: number, body: Uint8Array) {
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags, true);
    this.#append(body);
  }

  /** Adds an attribute. */
  attribute(type: number, value: Uint8Array): this {
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint16(0, 4 + value.length, true);
    new DataView(header.buffer).setUint16(2, type, true);
    this.#append(header);
    this.#append(value);
    return this;
  }

  /** Adds a 32-bit attribute. */
  u32(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return this.attribute(type, bytes);
  }

  /** Adds a text attribute with its terminating zero. */
  text(type: number, value: string): this {
    return this.attribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /** Adds an attribute whose value is what `fill` appends. */
  nested(type: number, fill: () => void): this {
    const at = this.#length;
    this.attribute(type, new Uint8Array(0));
    fill();
    this.#view.setUint16(at, this.#length - at, true);
    return this;
  }

  /** Adds a fixed structure inside a nested attribute. */
  raw(body: Uint8Array): this {
    this.#append(body);
    return this;
  }

  /** The message, length and sequence number filled in. */
  finish(sequence: number): Uint8Array {
    this.#view.setUint32(0, this.#length, true);
    this.#view.setUint32(8, sequence, true);
    return this.#bytes.subarray(0, this.#length);
  }

  #append(bytes: Uint8Array): void {
    const end = this.#length + ((bytes.length + 3) & ~3);
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }
}

/** One message received. */
export interface ReceivedMessage {
  readonly type: number;
  readonly sequence: number;
  /** What follows the 16-byte header; a view. */
  readonly body: Uint8Array;
}

/** The messages in a datagram; stops at the first that is cut. */
export function* readMessages(bytes: Uint8Array): Generator<ReceivedMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; bytes.length - at >= 16; ) {
    const length = view.getUint32(at, true);
    if (length < 16 || length > bytes.length - at) return;
    yield {
      type: view.getUint16(at + 4, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + 16, at + length),
    };
    at += (length + 3) & ~3;
  }
}

/** Attributes by type (nesting flag removed); the last of a type wins. Values are views. */
export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; bytes.length - at >= 4; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > bytes.length - at) break;
    attributes.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return attributes;
}
