/** The program that tracks connections, made for the kinds of actions in the lists of flows that have a `ct`. */
import { BpfMap, BpfProgram } from "@tenet/bpf";
import type { KernelAction } from "./actions/action-kind.ts";
import type { ActionName } from "./actions/actions.ts";
import type { ConnectionReferences, ProgramMaps } from "./program/program-maps.ts";
import { trackProgram } from "./program/track-program.ts";

/** Keeps the program where others go on with it. */
export class TrackPass {
  readonly #maps: ProgramMaps;
  readonly #connections: ConnectionReferences;
  readonly #entry = BpfMap.create({ kind: "program-array", name: "tenet_track", keyBytes: 4, valueBytes: 4, maxEntries: 1 });
  #actions: ReadonlySet<ActionName> = new Set();
  #program: BpfProgram | undefined;

  constructor(maps: Omit<ProgramMaps, "tracker">, connections: ConnectionReferences) {
    this.#maps = { ...maps, tracker: this.#entry };
    this.#connections = connections;
  }

  /** The array of programs that has it. */
  get entry(): BpfMap {
    return this.#entry;
  }

  /** Makes the program anew when it cannot do this list, which has a `ct`. @throws SystemCallError when the kernel refuses it */
  require(actions: readonly KernelAction<ActionName>[]): void {
    if (actions.every(({ what }) => this.#actions.has(what))) return;
    const all = new Set([...this.#actions, ...actions.map(({ what }) => what)]);
    const code = trackProgram(all, this.#maps, this.#connections);
    const program = BpfProgram.load({ name: "tenet_track", kind: "sched_cls", code });
    const before = this.#program;
    this.#program = program;
    this.#actions = all;
    this.#entry.update(Uint32Array.of(0), Uint32Array.of(this.#program.fd));
    before?.close();
  }

  /** Ends the program. */
  close(): void {
    this.#program?.close();
    this.#entry.close();
  }
}
