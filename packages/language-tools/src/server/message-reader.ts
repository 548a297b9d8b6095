/** The framing of the protocol: a header with the body's length in bytes, an empty line, the body. */
import { AppError } from "@tenet/kit";

/** The other side does not speak the protocol. */
class FramingError extends AppError {
  static override readonly code: string = "LANGUAGE_FRAMING";
}

const MAX_HEADER_BYTES = 4096;

/** Cuts a stream of bytes into the bodies of messages. */
export class MessageReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** The bodies that are complete with this chunk. @throws FramingError when there is no length where one must be */
  read(chunk: Buffer): string[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const bodies: string[] = [];
    for (let body = this.#next(); body !== undefined; body = this.#next()) bodies.push(body);
    return bodies;
  }

  #next(): string | undefined {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0 && this.#bytes.length <= MAX_HEADER_BYTES) return undefined;
    const header = this.#bytes.toString("latin1", 0, Math.max(end, 0));
    const length = /^content-length: *([0-9]+)\s*$/im.exec(header)?.[1];
    if (length === undefined) throw new FramingError("Cannot read a message: no Content-Length in its header");
    const start = end + 4;
    const bodyEnd = start + Number(length);
    if (this.#bytes.length < bodyEnd) return undefined;
    const body = this.#bytes.toString("utf8", start, bodyEnd);
    this.#bytes = this.#bytes.subarray(bodyEnd);
    return body;
  }
}

/** A message as it goes over the wire. */
export function frame(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
