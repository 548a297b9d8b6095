/** The program that tracks connections, made for the kinds of actions in the lists of flows that have a `ct`. */
import { BpfMap, BpfProgram } from "@tenet/bpf";
import type { ActionName } from "./actions/actions.ts";
import type { ConnectionReferences, ProgramMaps } from "./program/program-maps.ts";
import { trackProgram } from "./program/track-program.ts";

/** Keeps the program where others go on with it. */
export class TrackPass {
  /** Whether there are kinds of actions that the program was not made for. */
  isStale = false;
  readonly #maps: ProgramMaps;
  readonly #connections: ConnectionReferences;
  readonly #entry = BpfMap.create({ kind: "program-array", name: "tenet_track", keyBytes: 4, valueBytes: 4, maxEntries: 1 });
  readonly #wanted = new Set<ActionName>();
  #actions: ReadonlySet<ActionName> = new Set();
  #program: BpfProgram | undefined;
  #isClosed = false;

  constructor(maps: Omit<ProgramMaps, "tracker">, connections: ConnectionReferences) {
    this.#maps = { ...maps, tracker: this.#entry };
    this.#connections = connections;
  }

  /** The array of programs that has it. */
  get entry(): BpfMap {
    return this.#entry;
  }

  /** Whether the program can do a list, or has nothing to do with it. */
  canDo(names: readonly ActionName[]): boolean {
    return !names.includes("track") || names.every((name) => this.#actions.has(name));
  }

  /** The program is to be able to do a list, when it has to do with it. */
  want(names: readonly ActionName[]): void {
    if (!names.includes("track")) return;
    const nBefore = this.#wanted.size;
    for (const name of names) this.#wanted.add(name);
    this.isStale ||= this.#wanted.size > nBefore;
  }

  /** Makes the program anew, on another thread, and tells `installed`. @throws AppError when the kernel refuses it: the one before stays */
  async replaceProgram(installed: () => void): Promise<void> {
    this.isStale = false;
    const actions = new Set(this.#wanted);
    const code = trackProgram(actions, this.#maps, this.#connections);
    const program = await BpfProgram.loadAside({ name: "tenet_track", kind: "sched_cls", code });
    if (this.#isClosed) return program.close();
    this.#entry.update(Uint32Array.of(0), Uint32Array.of(program.fd));
    this.#program?.close();
    this.#program = program;
    this.#actions = actions;
    installed();
  }

  /** Ends the program. */
  close(): void {
    this.#isClosed = true;
    this.#program?.close();
    this.#entry.close();
  }
}
