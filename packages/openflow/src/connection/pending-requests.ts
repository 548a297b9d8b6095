/** Requests that wait for their replies, by transaction id. */
import { AppError, IoError } from "@tenet/kit";
import type { Message, MultipartReply } from "../message.ts";
import { joinReplies } from "../wire/multipart-wire.ts";
import { formatErrorNumbers } from "../wire/openflow-error.ts";

/** The peer refused a request; `details` hold the error's numbers and name. */
export class OpenFlowReplyError extends AppError {
  static override readonly code: string = "OPENFLOW_REFUSED";
  /** The error's name (`OFPFMFC_OVERLAP`), or `TYPE/CODE` when it has none here. */
  readonly errorName: string;

  constructor(version: number, error: Extract<Message, { type: "error" }>) {
    const name = formatErrorNumbers(version, error);
    super(`The peer refused an OpenFlow request: ${name}`, {
      details: { error: name, errorType: error.errorType, code: error.code },
    });
    this.errorName = name;
  }
}

interface Pending {
  readonly version: number;
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
  readonly parts: MultipartReply[];
}

/** Open requests of one connection. */
export class PendingRequests {
  readonly #byXid = new Map<number, Pending>();

  /** Waits for the reply to `xid`. */
  add(xid: number, version: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#byXid.set(xid, { version, resolve, reject, parts: [] });
    });
  }

  /** Takes a message that answers a request; `false` when it answers none. */
  settle(xid: number, message: Message): boolean {
    const pending = this.#byXid.get(xid);
    if (pending === undefined || !isReply(message)) return false;
    if (message.type === "multipartReply") {
      pending.parts.push(message.reply);
      if (!message.isLast) return true;
      const reply = joinReplies(pending.parts) ?? message.reply;
      pending.resolve({ type: "multipartReply", reply, isLast: true });
    } else if (message.type === "error") pending.reject(new OpenFlowReplyError(pending.version, message));
    else pending.resolve(message);
    this.#byXid.delete(xid);
    return true;
  }

  /** Fails every request. */
  rejectAll(error: Error): void {
    for (const { reject } of this.#byXid.values()) reject(error);
    this.#byXid.clear();
  }

  /** The error of requests on a connection that is over. */
  closedError(cause: Error | undefined): Error {
    const reason = cause === undefined ? "it was closed" : cause.message;
    return new IoError(`The OpenFlow connection is over: ${reason}`, cause === undefined ? {} : { cause });
  }
}

/** Messages that can answer a request; the others may carry the same id by chance. */
function isReply(message: Message): boolean {
  switch (message.type) {
    case "error":
    case "echoReply":
    case "featuresReply":
    case "getConfigReply":
    case "getAsyncReply":
    case "queueConfigReply":
    case "barrierReply":
    case "roleReply":
    case "tlvTableReply":
    case "multipartReply":
      return true;
    case "bundleControl":
      return message.kind.endsWith("Reply");
    default:
      return false;
  }
}
