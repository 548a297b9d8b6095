/**
 * The controller's end: connects to a switch, reads its flows, and changes them all or not at all.
 *
 * With OpenFlow 1.3 and later a change is one atomic, ordered bundle; before, flow-mods and a barrier. The
 * promise resolves when the switch has acknowledged; an error is mapped to the flows that caused it.
 */
import { connect as connectSocket, type Socket } from "node:net";
import { AppError, checkSocketPath, IoError } from "@tenet/kit";
import { ALL_TABLES, type FlowSpec, type FlowStats } from "../flow-spec.ts";
import { makeMatch } from "../match/match.ts";
import { BUNDLE_FLAG, type FlowMod, type Message, VERSION } from "../message.ts";
import { formatFlow } from "../text/format-flow.ts";
import { formatErrorNumbers } from "../wire/openflow-error.ts";
import { type ConnectionOptions, OpenFlowConnection, type Received } from "./open-flow-connection.ts";
import { OpenFlowReplyError } from "./pending-requests.ts";

/** A flow that the switch refused, and why. */
export interface RefusedFlow {
  readonly command: FlowMod["command"];
  readonly flow: FlowSpec;
  /** Name of the OpenFlow error. */
  readonly error: string;
}

/** The switch refused a change; of a bundle nothing was applied. */
export class FlowTransactionError extends AppError {
  static override readonly code: string = "OPENFLOW_FLOWS_REFUSED";
  readonly refused: readonly RefusedFlow[];

  constructor(refused: readonly RefusedFlow[], wasAtomic: boolean, options: ErrorOptions = {}) {
    const [first] = refused;
    const cause = options.cause instanceof OpenFlowReplyError ? `: ${options.cause.errorName}` : "";
    const about = first === undefined ? cause : `: ${first.error} for ${first.command} "${formatFlow(first.flow)}"`;
    super(`The switch refused a change of its flows${about}`, {
      hint: wasAtomic
        ? "Nothing of the change was applied"
        : "The rest of the change was applied: OpenFlow has bundles since 1.3",
      details: { refused: refused.map(({ command, flow, error }) => ({ command, flow: formatFlow(flow), error })) },
      ...options,
    });
    this.refused = refused;
  }
}

/** How to connect. */
export interface ClientOptions extends ConnectionOptions {
  /** Called with messages that answer nothing (packet-in, port status, flow removed). */
  readonly onMessage?: (received: Received) => void;
  readonly signal?: AbortSignal;
}

/** A controller's connection to one switch. */
export class OpenFlowClient implements Disposable {
  readonly connection: OpenFlowConnection;
  /** Flow-mods on their way, by transaction id. */
  readonly #sent = new Map<number, FlowMod>();
  readonly #refused: RefusedFlow[] = [];
  #last: Promise<void> = Promise.resolve();
  #nextBundle = 1;

  constructor(connection: OpenFlowConnection, onMessage?: (received: Received) => void) {
    this.connection = connection;
    connection.onMessage((received) => {
      if (!this.#noteError(received)) onMessage?.(received);
    });
  }

  /**
   * Applies a change as one: first `deletes` (each the flow of that table, priority and match), then `adds`.
   * Changes are applied one after another, in the order of the calls.
   *
   * @throws FlowTransactionError when the switch refuses it, IoError when the connection ends
   */
  transactFlows(adds: readonly FlowSpec[], deletes: readonly FlowSpec[] = []): Promise<void> {
    const mods: FlowMod[] = [
      ...deletes.map((flow): FlowMod => ({ type: "flowMod", command: "deleteStrict", flow: { ...flow, actions: [] } })),
      ...adds.map((flow): FlowMod => ({ type: "flowMod", command: "add", flow })),
    ];
    const run = this.#last.then(() => this.applyMods(mods));
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** The switch's flows. @throws OpenFlowReplyError, IoError */
  async flows(): Promise<readonly FlowStats[]> {
    const query = { table: ALL_TABLES, match: makeMatch(), cookie: 0n, cookieMask: 0n, isNicira: true };
    const reply = await this.connection.request({ type: "multipartRequest", request: { kind: "flow", ...query }, isLast: true });
    return reply.type === "multipartReply" && reply.reply.kind === "flow" ? reply.reply.flows : [];
  }

  close(): void {
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Applies flow-mods in order: atomically where the version has bundles. @throws FlowTransactionError, IoError */
  async applyMods(mods: readonly FlowMod[]): Promise<void> {
    if (mods.length === 0) return;
    try {
      if (this.connection.version < VERSION.OF13) await this.#applyPlain(mods);
      else await this.#applyBundle(mods);
    } catch (error) {
      if (error instanceof OpenFlowReplyError) throw new FlowTransactionError([...this.#refused], true, { cause: error });
      throw error;
    } finally {
      this.#sent.clear();
      this.#refused.length = 0;
    }
  }

  async #applyPlain(mods: readonly FlowMod[]): Promise<void> {
    if (this.connection.version === VERSION.OF10) this.connection.send({ type: "flowModTableId", isOn: true });
    for (const mod of mods) {
      this.#sent.set(this.connection.send(mod), mod);
      await this.connection.drained();
    }
    await this.connection.barrier();
    if (this.#refused.length > 0) throw new FlowTransactionError([...this.#refused], false);
  }

  async #applyBundle(mods: readonly FlowMod[]): Promise<void> {
    const { connection } = this;
    const bundleId = this.#nextBundle++;
    const flags = BUNDLE_FLAG.ATOMIC | BUNDLE_FLAG.ORDERED;
    const control = (kind: "openRequest" | "commitRequest" | "discardRequest"): Promise<Message> =>
      connection.request({ type: "bundleControl", bundleId, kind, flags });
    // The additions do not wait for the answer, which saves a round trip; when it is an error, nothing is committed.
    const opened = control("openRequest");
    opened.catch(() => undefined);
    for (const mod of mods) {
      const xid = connection.newXid();
      this.#sent.set(xid, mod);
      connection.send({ type: "bundleAdd", bundleId, flags, message: mod, xid }, xid);
      await connection.drained();
    }
    // A switch may leave out what it refused and commit the rest: so nothing is committed before all was taken.
    await connection.barrier();
    await opened;
    if (this.#refused.length > 0) {
      await control("discardRequest");
      throw new FlowTransactionError([...this.#refused], true);
    }
    // When the barrier is answered, packets meet the new flows.
    await Promise.all([control("commitRequest"), connection.barrier()]);
  }

  /** Remembers an error that answers a flow-mod; `false` when the message is something else. */
  #noteError({ message, xid }: Received): boolean {
    if (message.type !== "error") return false;
    const mod = this.#sent.get(xid);
    if (mod === undefined) return false;
    const error = formatErrorNumbers(this.connection.version, message);
    this.#refused.push({ command: mod.command, flow: mod.flow, error });
    return true;
  }
}

/**
 * Connects to a switch and agrees on a version.
 *
 * @param target - `unix:/path/to/br-int.mgmt` or `tcp:HOST:PORT`
 * @throws IoError when there is nobody, ProtocolError when there is no common version
 */
export async function connectOpenFlow(target: string, options: ClientOptions = {}): Promise<OpenFlowClient> {
  const socket = await openSocket(target, options.signal);
  const connection = new OpenFlowConnection(socket, options);
  const client = new OpenFlowClient(connection, options.onMessage);
  const abort = (): void => client.close();
  options.signal?.addEventListener("abort", abort, { once: true });
  connection.onClose(() => options.signal?.removeEventListener("abort", abort));
  await connection.ready;
  return client;
}

function openSocket(target: string, signal: AbortSignal | undefined): Promise<Socket> {
  const unixPath = /^unix:(.+)$/.exec(target)?.[1];
  const tcp = /^tcp:\[?([^\]]+?)\]?(?::(\d+))?$/.exec(target);
  if (unixPath === undefined && tcp === null) {
    throw new AppError(`Cannot connect to "${target}"`, { code: "OPENFLOW_BAD_TARGET", hint: "Use unix:/path or tcp:HOST:PORT" });
  }
  const socket =
    unixPath !== undefined
      ? connectSocket({ path: checkSocketPath(unixPath) })
      : connectSocket({ host: tcp?.[1] ?? "", port: Number(tcp?.[2] ?? 6653) });
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined): void => {
      signal?.removeEventListener("abort", abort);
      socket.off("connect", connected);
      socket.off("error", settle);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      reject(new IoError(`Cannot connect to ${target}: ${error.message}`, { cause: error }));
    };
    const connected = (): void => settle(undefined);
    const abort = (): void => settle(new Error("aborted"));
    if (signal?.aborted === true) return abort();
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("connect", connected);
    socket.once("error", settle);
  });
}
