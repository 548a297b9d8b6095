/** The parent's side of the switch's worker thread: starts and stops it, and holds the simulated hosts' cables. */
import { Worker } from "node:worker_threads";
import { AppError } from "@tenet/kit";
import type { FrameLink } from "@tenet/lab";
import type { DatapathKind } from "@tenet/switch";
import { collectAlone, compileAhead, SWITCH_THREAD_LIMITS } from "../daemon/short-pauses.ts";

/** What the worker is started with. */
export interface SwitchWorkerData {
  readonly database: string;
  readonly runDir: string;
  /** Whether all ports are cables of simulated hosts. */
  readonly isSimulated: boolean;
  readonly datapath: DatapathKind;
  readonly logFile: string;
}

/** A frame on the cable of an interface of type `dummy`. */
export interface CableFrame {
  readonly name: string;
  readonly frame: Uint8Array;
}

/** Messages to the worker. */
export type ToWorker = "stop" | CableFrame;
/** Messages from the worker; `ended` tells why when it was not asked to. */
export type FromWorker = CableFrame | { readonly ended: string | undefined };

/** The switch ended by itself. */
class SwitchEndedError extends AppError {
  static override readonly code: string = "CLI_SWITCH_ENDED";
}

/** A switch in a thread of its own. */
export class SwitchThread {
  readonly #worker: Worker;
  readonly #listeners = new Map<string, (frame: Uint8Array) => void>();
  readonly #ended: Promise<void>;
  #isStopping = false;

  constructor(data: SwitchWorkerData) {
    collectAlone();
    compileAhead();
    // Sockets that system calls opened are closed by `fs.close`, which would warn of each one.
    const options = { workerData: data, trackUnmanagedFds: false, resourceLimits: SWITCH_THREAD_LIMITS };
    this.#worker = new Worker(new URL("./switch-worker.js", import.meta.url), options);
    let reason: string | undefined;
    this.#worker.on("message", (message: FromWorker) => {
      if ("ended" in message) reason = message.ended;
      else this.#listeners.get(message.name)?.(message.frame);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#worker.on("error", reject);
      this.#worker.on("exit", () => {
        if (this.#isStopping && reason === undefined) resolve();
        else reject(new SwitchEndedError(`The switch ended: ${reason ?? "it was told to exit"}`));
      });
    });
  }

  /** Settles when the switch has ended. @throws SwitchEndedError when it was not asked to, or failed */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** The host's end of the cable of an interface of type `dummy`. */
  openLink(name: string): FrameLink {
    return {
      send: (frame) => this.#post({ name, frame }),
      onFrame: (listener) => {
        this.#listeners.set(name, listener);
      },
    };
  }

  /** Stops the switch; resolves when its ports are closed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#post("stop");
    await this.#ended;
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
