/**
 * A program that goes on with flows' lists where one action has left off: behind a `track`, or on a copy.
 *
 * It is made for the kinds of actions in lists that have such an action, and made anew when there are others.
 */
import { type BpfMap, BpfProgram, type Code } from "@tenet/bpf";
import type { KernelAction } from "./actions/action-kind.ts";
import type { ActionName } from "./actions/actions.ts";

/** What tells such programs apart. */
export interface ListPassSpec {
  /** In the kernel. */
  readonly name: string;
  /** Lists with one of these actions need it. */
  readonly after: readonly ActionName[];
  /** The array of programs that has it, as its only one. */
  readonly entry: BpfMap;
  /** Assembles it. */
  readonly code: (actions: ReadonlySet<ActionName>) => Code;
}

/** Keeps the program where others go on with it. */
export class ListPass {
  /** Whether there are kinds of actions that the program was not made for. */
  isStale = false;
  readonly #spec: ListPassSpec;
  readonly #wanted = new Set<ActionName>();
  #actions: ReadonlySet<ActionName> = new Set();
  #program: BpfProgram | undefined;
  #isClosed = false;

  constructor(spec: ListPassSpec) {
    this.#spec = spec;
  }

  /** Whether the program can do a list, or has nothing to do with it. */
  canDo(actions: readonly KernelAction<ActionName>[]): boolean {
    const { after } = this.#spec;
    return !actions.some(({ what }) => after.includes(what)) || actions.every(({ what }) => this.#actions.has(what));
  }

  /** The program is to be able to do a list, when it has to do with it. */
  want(names: readonly ActionName[]): void {
    if (!names.some((name) => this.#spec.after.includes(name))) return;
    const nBefore = this.#wanted.size;
    for (const name of names) this.#wanted.add(name);
    this.isStale ||= this.#wanted.size > nBefore;
  }

  /** Makes the program anew, on another thread, and tells `installed`. @throws AppError when the kernel refuses it: the one before stays */
  async replaceProgram(installed: () => void): Promise<void> {
    this.isStale = false;
    const { name, code, entry } = this.#spec;
    const actions = new Set(this.#wanted);
    const program = await BpfProgram.loadAside({ name, kind: "sched_cls", code: code(actions) });
    if (this.#isClosed) return program.close();
    entry.update(Uint32Array.of(0), Uint32Array.of(program.fd));
    this.#program?.close();
    this.#program = program;
    this.#actions = actions;
    installed();
  }

  /** Makes no program any more. */
  leave(): void {
    this.#isClosed = true;
  }

  /** Ends the program. */
  close(): void {
    this.leave();
    this.#program?.close();
  }
}
