/**
 * A shared log in etcd.
 *
 * `head` counts the entries. A commit is one etcd transaction: if `head` was put last by the transaction that this server
 * knows as the last, put the next number and the entry. etcd executes transactions one after another on a majority of its
 * members, so of servers that race one succeeds, and the others are answered with the entries that came in their way.
 *
 * Whatever tells of an entry (the answer to a commit, a watch, a look that is taken every second) gives it to one queue,
 * which hands over each entry once and in order. The fate of a commit is read there too: it is kept when the entry
 * with its number has its id. So it may be sent again when an answer is lost, by another endpoint, and never counts twice.
 *
 * @see docs/design/0007-etcd.md
 */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Json, type Logger, messageOf } from "@tenet/kit";
import { stringifyExact } from "../model/exact-json.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import {
  type LogEntry,
  type LogFollower,
  type LogStart,
  NotKeptError,
  OutcomeUnknownError,
  type SharedLog,
} from "../shared/shared-log.ts";
import { Contact } from "./contact.ts";
import { EtcdError, EtcdGateway } from "./etcd-gateway.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import { EtcdPresence } from "./etcd-presence.ts";
import { type Appended, EtcdStore, type Manifest, type NewEntry, type StoredEntry } from "./etcd-store.ts";
import { EtcdTurn } from "./etcd-turn.ts";
import { followEtcd } from "./follow-etcd.ts";
import type { Uploaded } from "./large-values.ts";
import { type Beginning, openEntry, readBeginning } from "./read-log.ts";
import type { EtcdAddress } from "./storage-address.ts";

/** How a log is kept. */
export interface EtcdLogOptions {
  readonly address: EtcdAddress;
  /** For `https` endpoints. */
  readonly tls?: TlsFiles | undefined;
  /** The name of the database, a part of the keys. */
  readonly database: string;
  /** The JSON text of the first snapshot, when there is no log yet. */
  readonly firstSnapshot: string;
  readonly log: Logger;
  /** After this time without an answer the cluster counts as lost, and commits fail. Default 5 s. */
  readonly timeoutMs?: number | undefined;
}

/** A commit whose fate is not known yet. */
interface Decision {
  readonly index: number;
  readonly id: string;
  readonly payload: Json;
  /** Whether an etcd transaction was sent whose outcome is not known. */
  mayBeKept: boolean;
  readonly settle: (isKept: boolean) => void;
  readonly fail: (error: Error) => void;
}

const DEFAULT_TIMEOUT_MS = 5000;
/** How many times longer an answer is waited for when a log is opened. */
const OPEN_PATIENCE = 4;
/** How long, at most, until it is looked again whether another's turn is over. */
const TURN_PAUSE_MS = 20;
/** Entries above this size are put in pieces. */
const MAX_ENTRY_BYTES = 512 * 1024;
const MEND_QUOTA = "its quota is used up: free space with etcdctl compact and defrag, or raise it, then etcdctl alarm disarm";

/** The log of one database. */
export class EtcdLog implements SharedLog {
  readonly #store: EtcdStore;
  readonly #log: Logger;
  readonly #contact: Contact;
  readonly #turn: EtcdTurn;
  readonly #stop: AbortController;
  readonly #presence: EtcdPresence;
  #manifest: Manifest;
  /** The last entry that was handed over. */
  #index: number;
  /** When `head` was put for it. */
  #headRevision: number;
  /** No entry up to this revision is missing. */
  #seenRevision: number;
  #bytesSinceSnapshot: number;
  #queue: Promise<void> = Promise.resolve();
  #decision: Decision | undefined;
  #follower: LogFollower | undefined;
  #following: Promise<void> = Promise.resolve();

  private constructor(store: EtcdStore, stop: AbortController, options: EtcdLogOptions, begin: Beginning) {
    this.#store = store;
    this.#stop = stop;
    this.#log = options.log;
    this.#presence = new EtcdPresence(store, stop.signal, options.log);
    this.#turn = new EtcdTurn(store, options.log);
    const tell = (isConnected: boolean) => this.#follower?.connected(isConnected);
    this.#contact = new Contact(options.log, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, stop.signal, tell);
    this.#manifest = begin.manifest;
    this.#index = begin.index;
    this.#headRevision = begin.headRevision;
    this.#seenRevision = begin.headRevision;
    this.#bytesSinceSnapshot = begin.sizeBytes;
  }

  /**
   * Opens a log, or begins one.
   *
   * @returns the log, and what is in it
   * @throws EtcdError, IoError
   */
  static async open(options: EtcdLogOptions): Promise<{ readonly log: EtcdLog; readonly start: LogStart }> {
    const { address, tls, database, firstSnapshot } = options;
    const gateway = new EtcdGateway(address.endpoints, tls);
    const stop = new AbortController();
    setMaxListeners(0, stop.signal); // of requests under way
    const store = new EtcdStore(gateway, new EtcdKeys(address.prefix, database), stop.signal);
    try {
      const begin = await patiently(
        () => beginOn(store, firstSnapshot),
        (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) * OPEN_PATIENCE,
      );
      const log = new EtcdLog(store, stop, options, begin);
      return { log, start: begin.start };
    } catch (error) {
      stop.abort();
      gateway.close();
      throw error;
    }
  }

  get clusterId(): string {
    return this.#manifest.cluster;
  }

  get length(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#index - this.#manifest.index, bytes: this.#bytesSinceSnapshot };
  }

  follow(follower: LogFollower): void {
    this.#follower = follower;
    const steps = {
      seenRevision: () => this.#seenRevision,
      receive: (entries: readonly StoredEntry[], seenRevision: number) => this.#receive(entries, seenRevision),
      fill: () => this.#fill(),
    };
    this.#following = followEtcd(this.#store, this.#contact, steps, this.#log, this.#stop.signal);
  }

  async append(id: string, payload: Json): Promise<boolean> {
    const [index, headRevision] = [this.#index + 1, this.#headRevision];
    this.#contact.check();
    let decide: Decision | undefined;
    const fate = new Promise<boolean>((settle, fail) => {
      decide = { index, id, payload, mayBeKept: false, settle, fail };
      this.#decision = decide;
    });
    if (decide === undefined) return fate;
    try {
      const isKept = await Promise.race([fate, this.#commit(decide, headRevision)]);
      if (isKept) this.#turn.giveBack();
      else this.#turn.lost();
      return isKept;
    } catch (error) {
      this.#turn.giveBack();
      throw error;
    } finally {
      this.#decision = undefined;
    }
  }

  async isCurrent(): Promise<boolean> {
    const headRevision = this.#headRevision;
    this.#contact.check();
    try {
      return await this.#contact.persist(
        async (timeoutMs) => {
          const { isKept, revision, entries } = await this.#store.compareHead(headRevision, this.#index, timeoutMs);
          this.#contact.made();
          await (isKept ? this.#receive([], revision) : this.#receiveOrFill(entries));
          return isKept;
        },
        () => false,
      );
    } catch (error) {
      throw error instanceof EtcdError ? lossOf(error, false) : error;
    }
  }

  async replaceBefore(index: number, pieces: Iterable<string>): Promise<boolean> {
    const now = await this.#store.manifest();
    const isOurTurn = now?.revision === this.#manifest.revision;
    const replaced = isOurTurn ? await this.#store.replaceSnapshot(this.#manifest, index, pieces) : undefined;
    this.#manifest = replaced ?? (await this.#store.manifest()) ?? this.#manifest;
    this.#bytesSinceSnapshot = 0;
    return replaced !== undefined;
  }

  announce(server: string): Promise<void> {
    return this.#presence.announce(server);
  }

  living(): Promise<ReadonlySet<string>> {
    return this.#store.servers();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#decision?.fail(new OutcomeUnknownError("the server was stopped: whether the transaction is kept is not known"));
    await this.#following;
    this.#turn.giveBack();
    await this.#presence.close();
    this.#store.gateway.close();
  }

  /** Sends a commit until its fate is known. */
  async #commit(decision: Decision, headRevision: number): Promise<boolean> {
    const { index, id, payload } = decision;
    const text = stringifyExact({ id, payload });
    const isLarge = text.length > MAX_ENTRY_BYTES;
    let large: Uploaded | undefined;
    try {
      await this.#turn.prepare(isLarge);
      if (isLarge) large = await this.#store.uploadEntry(index, id, stringifyExact(payload));
      const entry = {
        index,
        text: large === undefined ? text : JSON.stringify({ id, parts: large.nPieces }),
        keep: large?.keep ?? [],
      };
      const isMoot = () => decision !== this.#decision;
      return await this.#contact.persist((timeoutMs) => this.#attempt(decision, headRevision, entry, timeoutMs), isMoot);
    } catch (error) {
      throw error instanceof EtcdError ? lossOf(error, decision.mayBeKept) : error;
    } finally {
      await large?.release().catch((error: unknown) => this.#log.debug({ err: messageOf(error) }, "etcd lease not given back"));
    }
  }

  /** Sends a commit once, or again when another server's turn is over. */
  async #attempt(decision: Decision, headRevision: number, entry: NewEntry, timeoutMs: number): Promise<boolean> {
    const wasInDoubt = decision.mayBeKept;
    const endsAt = performance.now() + this.#contact.timeoutMs;
    let appended: Appended;
    for (;;) {
      decision.mayBeKept = true;
      appended = await this.#store.append(headRevision, entry, this.#turn.revision, timeoutMs).catch((error: unknown) => {
        if (error instanceof EtcdError && !error.mayHaveHappened) decision.mayBeKept = wasInDoubt;
        throw error;
      });
      this.#contact.made();
      decision.mayBeKept = appended.isKept || wasInDoubt;
      if (!appended.isOthersTurn || decision !== this.#decision) break;
      if (performance.now() > endsAt) throw new NotKeptError("another server keeps its turn; the transaction was not committed");
      await sleep(Math.random() * TURN_PAUSE_MS);
    }
    const { isKept, revision, entries } = appended;
    if (!isKept && entries.length === 0) this.#turn.giveBack(); // if it was ours, it has ended
    await (isKept ? this.#receive([{ index: entry.index, revision, text: entry.text }]) : this.#receiveOrFill(entries));
    if (isKept || !wasInDoubt) return isKept;
    await this.#fill();
    throw new OutcomeUnknownError("the log was compacted before the transaction was found in it");
  }

  /** Hands over entries that are new; resolves when that is done. */
  #receive(entries: readonly StoredEntry[], seenRevision = 0): Promise<void> {
    return this.#inTurn(() => this.#handOver(entries, seenRevision));
  }

  /** The head moved, and these came in the way; without any, a snapshot took their place. */
  #receiveOrFill(entries: readonly StoredEntry[]): Promise<void> {
    return entries.length === 0 ? this.#fill() : this.#receive(entries);
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(step);
    this.#queue = done.catch((error: unknown) => this.#contact.failed(error));
    return done;
  }

  async #handOver(entries: readonly StoredEntry[], seenRevision: number): Promise<void> {
    for (const entry of entries) {
      if (entry.index <= this.#index) continue;
      if (entry.index > this.#index + 1) return this.#readMissing();
      const opened = await this.#open(entry);
      if (opened === undefined) return this.#restart();
      this.#advance(entry, opened);
    }
    this.#seenRevision = Math.max(this.#seenRevision, seenRevision, entries.at(-1)?.revision ?? 0);
  }

  /** Our own entry need not be read. */
  #open(entry: StoredEntry): Promise<LogEntry | undefined> {
    const { index, id, payload } = this.#decision ?? {};
    if (index === entry.index && id !== undefined && payload !== undefined && entry.text.startsWith(`{"id":"${id}"`)) {
      return Promise.resolve({ index, id, payload });
    }
    return openEntry(this.#store, entry);
  }

  #advance({ revision, text }: StoredEntry, entry: LogEntry): void {
    this.#index = entry.index;
    this.#headRevision = revision;
    this.#bytesSinceSnapshot += text.length;
    this.#follower?.entry(entry);
    if (this.#decision?.index === entry.index) this.#decision.settle(this.#decision.id === entry.id);
  }

  /** Looks what there is, and hands it over. */
  #fill(): Promise<void> {
    return this.#inTurn(() => this.#readMissing());
  }

  async #readMissing(): Promise<void> {
    for (;;) {
      const { revision, headIndex, entries } = await this.#store.tail(this.#index, this.#contact.timeoutMs);
      this.#contact.made();
      const [first] = entries;
      const isGap = first === undefined ? headIndex !== this.#index : first.index !== this.#index + 1;
      if (isGap) return this.#restart();
      await this.#handOver(entries, 0);
      if (this.#index < headIndex) continue;
      this.#seenRevision = Math.max(this.#seenRevision, revision);
      return;
    }
  }

  /** Begins anew from the snapshot: entries that were not handed over are gone. */
  async #restart(): Promise<void> {
    this.#log.warn({ index: this.#index }, "log in etcd was compacted, reading the snapshot");
    const { manifest, start, index, headRevision, sizeBytes } = await readBeginning(this.#store);
    this.#contact.made();
    this.#manifest = manifest;
    this.#index = index;
    this.#headRevision = headRevision;
    this.#seenRevision = headRevision;
    this.#bytesSinceSnapshot = sizeBytes;
    this.#follower?.restart(start);
    this.#settleAfter(start);
  }

  #settleAfter({ entries }: LogStart): void {
    const decision = this.#decision;
    if (decision === undefined || decision.index > this.#index) return;
    const found = entries.find(({ index }) => index === decision.index);
    if (found !== undefined || !decision.mayBeKept) decision.settle(found?.id === decision.id);
    else decision.fail(new OutcomeUnknownError("the log was compacted before the transaction was found in it"));
  }
}

/** What is in the log; makes it when it is not there. */
async function beginOn(store: EtcdStore, firstSnapshot: string): Promise<Beginning> {
  if ((await store.manifest()) === undefined) await store.create(firstSnapshot);
  return readBeginning(store);
}

/** Tries for so long as long as nobody answers: servers and members of a cluster may start at the same time. */
async function patiently<T>(step: () => Promise<T>, withinMs: number): Promise<T> {
  const endsAt = performance.now() + withinMs;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof EtcdError) || !error.isTransient || performance.now() >= endsAt) throw error;
    }
  }
}

/** What the client is told of a commit without an answer. */
function lossOf(error: EtcdError, mayBeKept: boolean): Error {
  const mend = error.message.includes("database space exceeded") ? ` (${MEND_QUOTA})` : "";
  if (!mayBeKept) return new NotKeptError(`${error.message}; the transaction was not committed${mend}`, { cause: error });
  return new OutcomeUnknownError(`${error.message}; whether the transaction was committed is not known`, { cause: error });
}
