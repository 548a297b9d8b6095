/** A connection to the bridge that a command is about. */
import { AppError } from "@tenet/kit";
import {
  connectOpenFlow,
  formatErrorNumbers,
  type Message,
  type MultipartReply,
  type MultipartRequest,
  type OpenFlowClient,
  PORT,
  type PortDesc,
  type PortNames,
  type Received,
} from "@tenet/openflow";

/** The switch refused what a command asked for. */
class RefusedCommandError extends AppError {
  static override readonly code: string = "CLI_OPENFLOW_REFUSED";
}

type ReplyOf<K extends MultipartReply["kind"]> = Extract<MultipartReply, { readonly kind: K }>;

/** A bridge that answers. */
export class SwitchConnection implements Disposable {
  readonly client: OpenFlowClient;
  readonly ports: readonly PortDesc[];
  /** Names of its ports, to read and to write. */
  readonly names: PortNames;
  readonly #inbox: Inbox;

  private constructor(client: OpenFlowClient, inbox: Inbox, ports: readonly PortDesc[]) {
    this.client = client;
    this.#inbox = inbox;
    this.ports = ports;
    this.names = {
      portByName: new Map(ports.map(({ name, port }) => [name, port])),
      nameByPort: new Map(ports.filter(({ port }) => port !== PORT.LOCAL).map(({ name, port }) => [port, name])),
    };
  }

  /**
   * Connects to a bridge.
   *
   * @param bridge - name of one of the switch of `runDir`, or `unix:PATH` or `tcp:HOST:PORT`
   * @throws IoError when nobody answers there
   */
  static async open(bridge: string, runDir: string, signal: AbortSignal): Promise<SwitchConnection> {
    const target = /^(unix|tcp):/.test(bridge) ? bridge : `unix:${runDir}/${bridge}.mgmt`;
    const inbox = new Inbox();
    const client = await connectOpenFlow(target, { signal, onMessage: (received) => inbox.take(received) });
    const connection = new SwitchConnection(client, inbox, []);
    const { ports } = await connection.read({ kind: "portDesc", port: PORT.NONE }, "portDesc");
    return new SwitchConnection(client, inbox, ports);
  }

  /** Asks for statistics or descriptions. @throws OpenFlowReplyError */
  async read<K extends MultipartReply["kind"]>(request: MultipartRequest, kind: K): Promise<ReplyOf<K>> {
    const reply = await this.client.connection.request({ type: "multipartRequest", request, isLast: true });
    if (reply.type === "multipartReply" && reply.reply.kind === kind) return reply.reply as ReplyOf<K>;
    throw new RefusedCommandError(`The switch answered a request for "${kind}" by "${reply.type}"`);
  }

  /** Sends messages that have no reply, and waits until they are carried out. @throws RefusedCommandError */
  async tell(...messages: readonly Message[]): Promise<void> {
    const { connection } = this.client;
    const xids = new Map(messages.map((message) => [connection.send(message), message]));
    await connection.barrier();
    for (const { message, xid } of this.#inbox.takeErrors()) {
      const about = xids.get(xid);
      if (about === undefined || message.type !== "error") continue;
      const name = formatErrorNumbers(connection.version, message);
      throw new RefusedCommandError(`The switch refused a message "${about.type}": ${name}`, { details: { error: name } });
    }
  }

  /** Calls `listener` with all that comes unasked, from now on. */
  listen(listener: (received: Received) => void): void {
    this.#inbox.listener = listener;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/** Keeps errors until they are asked for, and hands on the rest. */
class Inbox {
  listener: (received: Received) => void = () => undefined;
  #errors: Received[] = [];

  take(received: Received): void {
    if (received.message.type === "error") this.#errors.push(received);
    else this.listener(received);
  }

  takeErrors(): readonly Received[] {
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }
}
