/** Listens for controllers and tools that call the switch. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Logger, messageOf } from "@tenet/kit";
import { parseListenRemote, readTlsFiles, type TlsFiles, TlsNotConfiguredError } from "@tenet/ovsdb";
import { type Conversation, HELLO_MS, TOOL } from "../service/conversation.ts";
import type { Converse } from "./active-controller.ts";
import { completeTarget, type ControllerSpec, type ControllerStatus } from "./controller-spec.ts";
import { rmSync } from "node:fs";

/** Where `ptcp:` without an address listens. */
const EVERYWHERE = "0.0.0.0";

/** An address at which controllers call. */
export class PassiveController {
  readonly aloneMs = 0;
  readonly status: ControllerStatus = { isConnected: false, role: undefined, status: {} };
  readonly #conversations = new Set<Conversation>();
  #spec: ControllerSpec;
  #isClosed = false;
  #server: Server | undefined;
  /** Resolves when callers are served, or cannot be. */
  readonly opened: Promise<void> = Promise.resolve();

  constructor(spec: ControllerSpec, converse: Converse, tls: () => TlsFiles | undefined, log: Logger) {
    this.#spec = spec;
    try {
      this.#server = this.#listen(spec, converse, tls);
      const server = this.#server;
      server.on("error", (error) => log.error({ controller: spec.target, error: error.message }, "cannot listen"));
      this.opened = new Promise((resolve) => {
        server.once("listening", resolve);
        server.once("error", () => resolve());
      });
    } catch (error) {
      log.error({ controller: spec.target, error: messageOf(error) }, "cannot listen");
    }
  }

  /** Goes on as another row says. @returns whether that is possible with the connections there are */
  adopt(spec: ControllerSpec): boolean {
    if (spec.target !== this.#spec.target || spec.isService !== this.#spec.isService) return false;
    this.#spec = spec;
    for (const conversation of this.#conversations) conversation.limitPackets(spec.packetLimit);
    return true;
  }

  tick(): void {
    // Who calls looks after the connection.
  }

  reconnect(): void {
    for (const conversation of this.#conversations) conversation.close();
  }

  close(): void {
    this.#isClosed = true;
    this.reconnect();
    this.#server?.close();
  }

  #listen({ target, isService }: ControllerSpec, converse: Converse, tls: () => TlsFiles | undefined): Server {
    const address = parseListenRemote(completeTarget(target), EVERYWHERE);
    const serve = (socket: Socket): void => {
      if (this.#isClosed) return void socket.destroy(); // it took its time to make itself known, over TLS
      const { isQuiet, packetLimit } = this.#spec;
      const peer = { ...TOOL, isPrimary: !isService, isQuiet, packetLimit, ...nameOf(socket, address) };
      const conversation = converse(socket, { ...peer, closed: () => this.#conversations.delete(conversation) });
      this.#conversations.add(conversation);
    };
    if ("path" in address) {
      rmSync(address.path, { force: true });
      return createServer(serve).listen(address.path);
    }
    if (!address.isTls) return createServer(serve).listen(address.port, address.host);
    const files = tls();
    if (files === undefined) throw new TlsNotConfiguredError("Private key must be configured to use SSL");
    return createTlsServer({ ...readTlsFiles(files), handshakeTimeout: HELLO_MS }, serve).listen(address.port, address.host);
  }
}

/** Callers over a network are called by their address. */
function nameOf(socket: Socket, listening: ReturnType<typeof parseListenRemote>): { readonly name?: string } {
  if ("path" in listening) return {};
  const { remoteAddress = "", remotePort = 0 } = socket;
  const host = remoteAddress.replace(/^::ffff:/, "");
  return { name: `${listening.isTls ? "ssl" : "tcp"}:${host.includes(":") ? `[${host}]` : host}:${remotePort}` };
}
