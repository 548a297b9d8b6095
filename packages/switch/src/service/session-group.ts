/** What the connections of a bridge share: who is master, and what each hears of the others. */
import type { GroupMod, MeterMod } from "@tenet/openflow";
import { RefusedError } from "../table/refused-error.ts";
import type { Session } from "./session.ts";

/** The connections of one bridge. */
export class SessionGroup {
  readonly sessions: Set<Session> = new Set();
  /** The latest number of an election that a controller has named. */
  generationId: bigint | undefined;

  /** Whether some connection hears of packets that no flow matches. */
  get hearsMisses(): boolean {
    for (const { notices } of this.sessions) if (notices.hearsMisses) return true;
    return false;
  }

  /** Takes the number of an election. @throws RefusedError when it is older than the latest */
  elect(generationId: bigint): void {
    const isStale = this.generationId !== undefined && BigInt.asIntN(64, generationId - this.generationId) < 0n;
    if (isStale) throw new RefusedError("OFPRRFC_STALE", "the generation id is older than the last");
    this.generationId = generationId;
  }

  /** There is one master: the others become slaves. */
  promote(master: Session): void {
    for (const session of this.sessions) if (session !== master) session.demote(this.generationId ?? NO_GENERATION);
  }

  /** Tells the others what one connection changed. */
  forward(message: GroupMod | MeterMod, xid: number, author: Session): void {
    for (const session of this.sessions) if (session !== author) session.notices.forward(message, xid);
  }
}

/** What stands for no number. */
export const NO_GENERATION = 0xffff_ffff_ffff_ffffn;
