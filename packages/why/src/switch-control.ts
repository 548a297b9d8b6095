/** Asks the switch, over the control socket in its run folder. */
import { existsSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { errnoOf, IoError, type Json, messageOf, silentLogger } from "@tenet/kit";
import { JsonRpcConnection, RpcError, SERVER_JSON_LIMITS } from "@tenet/ovsdb";
import type { TraceStory } from "@tenet/switch";

/** Longest wait for an answer. */
const ANSWER_BOUND_MS = 10_000;
const CONTROL_SOCKET = /^ovs-vswitchd\.\d+\.ctl$/;

/** Runs `tenet/trace BRIDGE FLOW`. @throws IoError when no switch answers, or refuses */
export async function traceFlow(runDir: string, bridge: string, flow: string, signal: AbortSignal): Promise<TraceStory> {
  const reply = await askSwitch(runDir, "trace the packet", ["tenet/trace", bridge, flow], signal);
  return JSON.parse(reply) as TraceStory;
}

/**
 * Runs a control command of the switch in a run folder, which is to answer within 10 s.
 *
 * The socket is looked for anew each time, because a switch that was started again has another one.
 *
 * @param purpose - what it is for, for the message, e.g. `trace the packet`
 * @returns what the command prints
 * @throws IoError when no switch answers, or it refuses
 */
export async function askSwitch(
  runDir: string,
  purpose: string,
  [name, ...args]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string> {
  using control = await SwitchControl.open(runDir);
  const stop = (): void => control.close(new IoError(`The switch in "${runDir}" did not answer`));
  const timer = setTimeout(stop, ANSWER_BOUND_MS);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await control.run(name, args);
  } catch (error) {
    const why = error instanceof RpcError ? String(error.error).trim() : messageOf(error);
    throw new IoError(`Cannot ${purpose}: ${why}`, { hint: "See the log of the switch", cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** A connection to the control socket of a switch, for one command after the other. */
export class SwitchControl implements Disposable {
  readonly #connection: JsonRpcConnection;

  private constructor(socket: Socket) {
    const handler = {
      request: (_method: string, _params: Json, id: Json): void => this.#connection.replyError(id, "unknown method"),
      notification: () => undefined,
      closed: (): void => undefined,
    };
    this.#connection = new JsonRpcConnection(socket, handler, silentLogger, { limits: SERVER_JSON_LIMITS });
  }

  /** Connects to the switch of a run folder. @throws IoError when none runs there */
  static async open(runDir: string): Promise<SwitchControl> {
    return new SwitchControl(await openControl(runDir));
  }

  /** Runs a command, however long it takes. @returns what it prints @throws RpcError when it is refused, ConnectionLostError */
  async run(name: string, args: readonly string[]): Promise<string> {
    return String(await this.#connection.request(name, [...args]));
  }

  /** Ends the connection; what is not answered fails with the error. */
  close(error?: Error): void {
    this.#connection.close(error);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Connects to the first control socket that somebody listens on; a killed switch leaves its own behind. */
async function openControl(runDir: string): Promise<Socket> {
  const names = existsSync(runDir) ? readdirSync(runDir).filter((name) => CONTROL_SOCKET.test(name)) : [];
  const causes: unknown[] = [];
  for (const name of names) {
    try {
      return await openSocket(join(runDir, name));
    } catch (error) {
      causes.push(error);
    }
  }
  throw new IoError(`No switch runs in "${runDir}"`, {
    hint: "Start it with: tenet up",
    details: { sockets: names },
    cause: causes.at(-1),
  });
}

/** Connects to a unix socket. @throws IoError when nobody listens */
export async function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("error", (cause) => {
      reject(new IoError(`Cannot connect to "${path}": ${errnoOf(cause) ?? cause.message}`, { cause }));
    });
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}
