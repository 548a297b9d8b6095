/** A client that writes OpenFlow messages made beforehand, and of the answers looks at their types alone. */
import { once } from "node:events";
import { connect } from "node:net";
import { hello } from "./switch-load.mjs";

/** Of OpenFlow 1.4. */
const ERROR = 1;
export const BARRIER_REPLY = 21;
export const BUNDLE_CONTROL = 33;
export const MULTIPART_REPLY = 19;
const COMMIT_REPLY = 5;
const MORE_FOLLOW = 1;

/** Connects to a bridge's management socket. */
export async function connectTo(path) {
  const socket = connect(path);
  await once(socket, "connect");
  socket.write(hello());
  let rest = Buffer.alloc(0);
  let awaited;
  socket.on("data", (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (rest.length - at >= 8 && rest.length - at >= rest.readUInt16BE(at + 2)) {
      const message = rest.subarray(at, at + rest.readUInt16BE(at + 2));
      at += message.length;
      if (message[1] === ERROR) throw new Error(`the switch refuses: ${message.toString("hex")}`);
      if (awaited !== undefined && isLast(message, awaited.type)) awaited.resolve();
    }
    rest = rest.subarray(at);
  });
  return {
    /** Writes bytes and waits for the last answer of a type. */
    request(bytes, type) {
      const answered = new Promise((resolve) => {
        awaited = { type, resolve };
      });
      socket.write(bytes);
      return answered;
    },
    close: () => socket.destroy(),
  };
}

function isLast(message, type) {
  if (message[1] !== type) return false;
  if (type === BUNDLE_CONTROL) return message.readUInt16BE(12) === COMMIT_REPLY;
  return type !== MULTIPART_REPLY || (message.readUInt16BE(10) & MORE_FOLLOW) === 0;
}
