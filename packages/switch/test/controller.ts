/** Controllers of a bridge, without sockets between. */
import { type ErrorName, makeErrorMessage, type Message, type MultipartReply, readHeader, type Version } from "@tenet/openflow";
import { Session } from "../src/service/session.ts";
import { SessionGroup } from "../src/service/session-group.ts";
import { Bench } from "./bench-switch.ts";

/** A controller and what it is told. */
export class Controller {
  readonly told: { readonly message: Message; readonly xid: number | undefined }[] = [];
  /** What it has not read yet. */
  backlogBytes = 0;
  readonly session: Session;
  readonly bench: Bench;
  readonly #stopHearing: () => void;

  constructor(bench: Bench, group: SessionGroup, version: Version) {
    this.bench = bench;
    const backlog = (): number => this.backlogBytes;
    const peer = {
      version,
      get backlogBytes() {
        return backlog();
      },
      isBehind: false,
      send: (message: Message, xid?: number): void => void this.told.push({ message, xid }),
      tell: (message: Message): void => void this.told.push({ message, xid: 0 }),
      refuse: (error: ErrorName, bytes: Uint8Array): void =>
        void this.told.push({ message: makeErrorMessage(error, version, bytes), xid: readHeader(bytes).xid }),
      sendPart: (reply: MultipartReply, xid: number): void =>
        void this.told.push({ message: { type: "multipartReply", reply, isLast: false }, xid }),
      endReply: (): void => undefined,
      setTableIdInCommand: (): void => undefined,
    };
    this.session = new Session(bench.bridge, bench.vswitch, peer, group, bench.clock, { isPrimary: false });
    group.sessions.add(this.session);
    this.#stopHearing = bench.bridge.pipeline.onChange((events) => this.session.tellChange(events));
  }

  /** The connection ends. */
  leave(): void {
    this.#stopHearing();
    this.session.close();
  }

  /** Sends a message. @returns the error that it was answered by */
  say(message: Message, xid = 1): string | undefined {
    const outcome = this.session.handle({ version: 6, xid, message });
    if (typeof outcome !== "object") return outcome;
    for (;;) {
      const { done, value } = outcome.next();
      if (done === true) return value;
    }
  }

  /** What was told since this was asked last. */
  heard(): Message[] {
    return this.told.splice(0).map(({ message }) => message);
  }
}

/** A bridge with controllers of these versions. */
export function controllersOf(...versions: readonly Version[]): { readonly bench: Bench; readonly controllers: Controller[] } {
  const bench = new Bench(3, []);
  const group = new SessionGroup();
  return { bench, controllers: versions.map((version) => new Controller(bench, group, version)) };
}
