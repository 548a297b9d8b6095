/** Reads a log in etcd from its snapshot on, while other servers append to it and compact it. */
import type { Json } from "@tenet/kit";
import { parseExact } from "../model/exact-json.ts";
import type { LogEntry, LogStart } from "../shared/shared-log.ts";
import { EtcdError, type EtcdJson } from "./etcd-gateway.ts";
import type { EtcdStore, Manifest, StoredEntry } from "./etcd-store.ts";

/** A log as it was at one moment. */
export interface Beginning {
  readonly manifest: Manifest;
  readonly start: LogStart;
  /** The index of the last entry. */
  readonly index: number;
  /** When `head` was put for it. */
  readonly headRevision: number;
  /** Of the entries. */
  readonly sizeBytes: number;
}

const MAX_TRIES = 20;

/** Reads everything; again, when a compaction came in between. @throws EtcdError */
export async function readBeginning(store: EtcdStore): Promise<Beginning> {
  for (let nTries = 0; nTries < MAX_TRIES; nTries++) {
    const manifest = await store.manifest();
    const snapshot = manifest === undefined ? undefined : await store.snapshot(manifest);
    if (manifest === undefined || snapshot === undefined) continue;
    const beginning = await readEntries(store, manifest, snapshot);
    if (beginning !== undefined) return beginning;
  }
  const about = { isTransient: false, mayHaveHappened: false };
  throw new EtcdError("etcd holds a log without a whole snapshot", about);
}

/**
 * What an entry says, also when that is in pieces.
 *
 * @returns `undefined` when a snapshot took its place meanwhile
 * @throws EtcdError; TypeError when it is none of ours
 */
export async function openEntry(store: EtcdStore, { index, text }: StoredEntry): Promise<LogEntry | undefined> {
  const { id, payload = null, parts } = parseExact(text) as EtcdJson;
  if (typeof id !== "string") throw new TypeError(`entry ${index} has no id`);
  if (typeof parts !== "number") return { index, id, payload };
  const large = await store.downloadEntry(index, id, parts);
  return large === undefined ? undefined : { index, id, payload: large };
}

async function readEntries(store: EtcdStore, manifest: Manifest, snapshot: Json): Promise<Beginning | undefined> {
  const entries: LogEntry[] = [];
  let { index } = manifest;
  let sizeBytes = 0;
  for (;;) {
    const tail = await store.tail(index);
    for (const stored of tail.entries) {
      const entry = stored.index === index + 1 ? await openEntry(store, stored) : undefined;
      if (entry === undefined) return undefined;
      entries.push(entry);
      index = entry.index;
      sizeBytes += stored.text.length;
    }
    if (index === tail.headIndex) {
      const { headRevision } = tail;
      return { manifest, start: { index: manifest.index, snapshot, entries }, index, headRevision, sizeBytes };
    }
    if (tail.entries.length === 0) return undefined;
  }
}
