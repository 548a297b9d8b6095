/** Follows a log in etcd: by a watch, and by a look now and then, so that neither a dead watch nor a lost cluster goes unnoticed. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, messageOf } from "@tenet/kit";
import { isJsonObject } from "../model/sorted-json.ts";
import type { Contact } from "./contact.ts";
import type { EtcdJson } from "./etcd-gateway.ts";
import { type EtcdStore, objectsOf, revisionOf, type StoredEntry } from "./etcd-store.ts";

const LOOK_MS = 1000;
const WATCH_PAUSE_MS = 200;

/** What is done with what is seen. */
export interface Follower {
  /** No entry up to this revision is missing. */
  seenRevision(): number;
  receive(entries: readonly StoredEntry[], seenRevision: number): Promise<void>;
  /** Reads what is missing. */
  fill(): Promise<void>;
}

/** Follows until the signal aborts. */
export async function followEtcd(
  store: EtcdStore,
  contact: Contact,
  follower: Follower,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([watch(store, contact, follower, log, signal), look(contact, follower, signal)]);
}

async function watch(store: EtcdStore, contact: Contact, follower: Follower, log: Logger, signal: AbortSignal): Promise<void> {
  /** @returns whether to go on */
  const seen = ({ result }: EtcdJson): boolean => {
    if (!isJsonObject(result) || result["canceled"] === true) return false;
    const entries = store.entriesOf(objectsOf(result["events"]).map(({ kv }) => (isJsonObject(kv) ? kv : {})));
    const revision = revisionOf(result["header"]);
    if (entries.length > 0) follower.receive(entries, revision).catch((error: unknown) => contact.failed(error));
    return true;
  };
  while (!signal.aborted) {
    try {
      await store.watchEntries(follower.seenRevision() + 1, seen);
    } catch (error) {
      log.debug({ err: messageOf(error) }, "watch of etcd ended");
    }
    try {
      await sleep(WATCH_PAUSE_MS, undefined, { signal });
      await follower.fill(); // etcd may have forgotten the revision to watch from
    } catch (error) {
      contact.failed(error);
    }
  }
}

async function look(contact: Contact, follower: Follower, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await sleep(LOOK_MS, undefined, { signal });
      if (contact.idleMs > LOOK_MS / 2) await follower.fill();
    } catch (error) {
      contact.failed(error);
    }
  }
}
