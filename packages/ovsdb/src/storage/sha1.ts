/** SHA-1 of a text or bytes, 40 hex digits. */
import * as crypto from "node:crypto";

/** In one step where the runtime can (Node 20.12): an object for each hash costs more than a small record's hash. */
export const sha1Hex: (content: string | Uint8Array) => string =
  typeof crypto.hash === "function"
    ? (content) => crypto.hash("sha1", content)
    : (content) => crypto.createHash("sha1").update(content).digest("hex");
