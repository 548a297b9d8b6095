/** One program of the kernel beside the datapath in user space: both are given the same packet and the same actions. */
import { type DatapathAction, MemoryLink, UserDatapath } from "@tenet/datapath";
import { expect } from "vitest";
import type { ActionName } from "../src/ebpf/actions/actions.ts";
import { keyOf, matchOf } from "./frames.ts";
import { OneFlowProgram } from "./one-flow-program.ts";

/** Packets come in at port 1; what leaves by port 2 is compared. */
export class BesideUser {
  readonly program: OneFlowProgram;
  readonly #user: UserDatapath;
  #sent: Uint8Array | undefined;

  /** @param names - actions that the program can do */
  constructor(names: ReadonlySet<ActionName>) {
    this.program = new OneFlowProgram(names);
    const links = [new MemoryLink(), new MemoryLink()];
    this.#user = new UserDatapath({ openMemoryLink: (name) => links[Number(name)] ?? new MemoryLink() });
    for (const [name, link] of links.entries()) {
      this.#user.addPort({ name: String(name), kind: "memory" });
      link.onFrame((frame) => (this.#sent = frame.slice()));
    }
  }

  /**
   * Fails when the two send different bytes.
   *
   * @param known - what the flow's mask looks at
   * @returns whether the program has done it, instead of leaving it to user space
   */
  areAlike(frame: Uint8Array, known: Parameters<typeof matchOf>[0], actions: readonly DatapathAction[]): boolean {
    const kernel = OneFlowProgram.translate(keyOf(frame), matchOf(known).mask, actions);
    if (typeof kernel === "string") return false;
    const outcome = this.program.run(frame, kernel);
    if (outcome === "slow") return false;
    this.#user.execute(frame, 1, actions);
    expect(outcome).toEqual(this.#sent);
    return true;
  }

  async close(): Promise<void> {
    this.program.close();
    await this.#user[Symbol.asyncDispose]();
  }
}
