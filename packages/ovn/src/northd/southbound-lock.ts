/**
 * The lock that lets one northd of several work: the others stand by.
 *
 * The original takes the same lock, so ours and theirs stand by for each other. A lock dies with the connection that
 * holds it; every southbound transaction asserts it, so who has lost it writes nothing more.
 *
 * @see RFC 7047, section 4.1.8 and 5.2.10
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Json, Logger } from "@tenet/kit";
import { ConnectionLostError, OvsdbError, type Replica } from "@tenet/ovsdb";

const LOCK = "ovn_northd";

/** How often who stands by asks again, in ms. */
const POLL_MS = 500;

/** Put in front of a transaction: it fails unless the lock is held. */
export const ASSERT_LOCK: Json = { op: "assert", lock: LOCK };

/** Whether a transaction failed because the lock is somebody else's. */
export function isLockLost(error: unknown): boolean {
  return error instanceof OvsdbError && error.error === "not owner";
}

/** Resolves when this northd is the active one. @throws the signal's reason when it aborts first */
export async function acquireLock(replica: Replica, log: Logger, signal: AbortSignal): Promise<void> {
  for (let isFirst = true; !(await tryLock(replica)); isFirst = false) {
    if (isFirst) log.info({ lock: LOCK }, "another northd is active, standing by");
    await sleep(POLL_MS, undefined, { signal });
  }
  log.info({ lock: LOCK }, "northd active");
}

/** Asks for the lock and gives the place in the queue back when others are before. */
async function tryLock(replica: Replica): Promise<boolean> {
  try {
    await replica.request("unlock", [LOCK]).catch(ignoreNotLocked);
    const reply = await replica.request("lock", [LOCK]);
    return typeof reply === "object" && reply !== null && "locked" in reply && reply.locked === true;
  } catch (error) {
    if (error instanceof ConnectionLostError) return false;
    throw error;
  }
}

function ignoreNotLocked(error: unknown): void {
  if (!(error instanceof OvsdbError)) throw error;
}
