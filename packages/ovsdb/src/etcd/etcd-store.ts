/** The requests by which a log is kept in etcd; what they mean for servers that race is for {@link EtcdLog} to say. */
import { randomUUID } from "node:crypto";
import type { Json } from "@tenet/kit";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";
import type { EtcdGateway, EtcdJson } from "./etcd-gateway.ts";
import { decode, encode, type EtcdKeys, under } from "./etcd-keys.ts";
import { deletePieces, download, type Uploaded, upload } from "./large-values.ts";

/** An entry as it is in etcd. */
export interface StoredEntry {
  readonly index: number;
  /** Of the transaction that put it, which put `head` too. */
  readonly revision: number;
  readonly text: string;
}

/** What `snapshot` holds. */
export interface Manifest {
  readonly id: string;
  /** The index of the last entry in it. */
  readonly index: number;
  readonly nPieces: number;
  /** A uuid for what is kept here. */
  readonly cluster: string;
  /** When it was put. */
  readonly revision: number;
}

/** The entries after some index, all or the first of them, as of a revision. */
export interface Tail {
  readonly revision: number;
  /** How many entries there are in all; 0 before there is a log. */
  readonly headIndex: number;
  /** When `head` was put. */
  readonly headRevision: number;
  readonly entries: readonly StoredEntry[];
}

/** An entry that is to be put. */
export interface NewEntry {
  readonly index: number;
  readonly text: string;
  /** The operations that keep its pieces. */
  readonly keep: readonly EtcdJson[];
}

/** What became of a comparison with `head`. */
export interface Appended {
  readonly isKept: boolean;
  readonly revision: number;
  /** If it was not kept, what was put since, the first of it. */
  readonly entries: readonly StoredEntry[];
  /** Whether nothing was put since, but another server has its turn. */
  readonly isOthersTurn: boolean;
}

/** How many entries are read at once: each may have 1 MiB. */
const PAGE = 32;

/** The keys of one database in etcd. */
export class EtcdStore {
  readonly gateway: EtcdGateway;
  readonly keys: EtcdKeys;
  readonly #signal: AbortSignal;

  constructor(gateway: EtcdGateway, keys: EtcdKeys, signal: AbortSignal) {
    this.gateway = gateway;
    this.keys = keys;
    this.#signal = signal;
  }

  /** Makes a log that begins with a snapshot; does nothing when there is one. @throws EtcdError */
  async create(snapshot: string): Promise<void> {
    const id = randomUUID();
    const uploaded = await upload(this.gateway, this.keys.state(id), [snapshot], this.#signal);
    const manifest = manifestText({ id, index: 0, nPieces: uploaded.nPieces, cluster: randomUUID() });
    const success = [...uploaded.keep, put(this.keys.head, "0"), put(this.keys.snapshot, manifest)];
    const compare = [{ key: this.keys.head, target: "CREATE", create_revision: "0" }];
    await this.gateway.call("kv/txn", { compare, success }, this.#signal);
    await uploaded.release();
  }

  /** What the log begins with; `undefined` when there is no log. @throws EtcdError */
  async manifest(): Promise<Manifest | undefined> {
    const { kvs } = await this.gateway.call("kv/range", { key: this.keys.snapshot }, this.#signal);
    const [kv] = objectsOf(kvs);
    if (kv === undefined) return undefined;
    const { id, index, pieces, cluster } = JSON.parse(decode(kv["value"])) as EtcdJson;
    return {
      id: String(id),
      index: Number(index),
      nPieces: Number(pieces),
      cluster: String(cluster),
      revision: Number(kv["mod_revision"]),
    };
  }

  /** @returns `undefined` when it was replaced meanwhile @throws EtcdError */
  snapshot({ id, nPieces }: Manifest): Promise<Json | undefined> {
    return download(this.gateway, this.keys.state(id), nPieces, 0, this.#signal);
  }

  /** @param withinMs - how long to try @throws EtcdError */
  async tail(after: number, withinMs?: number): Promise<Tail> {
    const success = [{ request_range: { key: this.keys.head } }, this.#range(after)];
    const { header, responses } = await this.gateway.call("kv/txn", { success }, this.#signal, withinMs);
    const [head, log] = objectsOf(responses).map((response) => objectsOf(member(response, "response_range", "kvs")));
    const [headKv] = head ?? [];
    return {
      revision: revisionOf(header),
      headIndex: Number(decode(headKv?.["value"])),
      headRevision: Number(headKv?.["mod_revision"] ?? 0),
      entries: this.entriesOf(log ?? []),
    };
  }

  /**
   * Puts an entry, if nothing was put since `headRevision` and no other server has its turn. Asks one endpoint once.
   *
   * @param turn - when our own turn began, if it is ours
   * @throws EtcdError
   */
  async append(
    headRevision: number,
    { index, text, keep }: NewEntry,
    turn: number | undefined,
    timeoutMs: number,
  ): Promise<Appended> {
    const compare = [this.#isHead(headRevision), { key: this.keys.turn, target: "CREATE", create_revision: String(turn ?? 0) }];
    const end = turn === undefined ? [] : [{ request_delete_range: { key: this.keys.turn } }];
    const success = [...keep, put(this.keys.head, String(index)), put(this.keys.entry(index), text), ...end];
    const failure = [this.#range(index - 1), { request_range: { key: this.keys.turn } }];
    const appended = await this.#compare({ compare, success, failure }, timeoutMs);
    return turn === undefined ? appended : { ...appended, isOthersTurn: false };
  }

  /** Tells whether `head` was put at a revision and not since, and if not, what was put after an index. @throws EtcdError */
  compareHead(headRevision: number, index: number, timeoutMs: number): Promise<Appended> {
    return this.#compare({ compare: [this.#isHead(headRevision)], success: [], failure: [this.#range(index)] }, timeoutMs);
  }

  /** Watches the entries that are put from a revision on, until `onMessage` wants no more. @throws EtcdError */
  watchEntries(revision: number, onMessage: (message: EtcdJson) => boolean): Promise<void> {
    const create_request = { ...this.keys.entries(0), start_revision: String(revision), filters: ["NODELETE"] };
    return this.gateway.stream("watch", { create_request }, this.#signal, onMessage);
  }

  /** Puts the key of a turn, which goes with a lease, if nobody has it. @returns when it was put @throws EtcdError */
  async takeTurn(lease: string): Promise<number | undefined> {
    const compare = [{ key: this.keys.turn, target: "CREATE", create_revision: "0" }];
    const success = [{ request_put: { key: this.keys.turn, value: encode("taken"), lease } }];
    const { header, succeeded } = await this.gateway.call("kv/txn", { compare, success }, this.#signal);
    return succeeded === true ? revisionOf(header) : undefined;
  }

  /** Puts the payload of a large entry in pieces. @throws EtcdError */
  uploadEntry(index: number, id: string, payload: string): Promise<Uploaded> {
    return upload(this.gateway, this.keys.parts(index, id), [payload], this.#signal);
  }

  /** @returns `undefined` when a snapshot took its place @throws EtcdError */
  downloadEntry(index: number, id: string, nPieces: number): Promise<Json | undefined> {
    return download(this.gateway, this.keys.parts(index, id), nPieces, 0, this.#signal);
  }

  /**
   * Puts a snapshot in the place of another and of the entries up to its index, and lets etcd forget what was before
   * the other.
   *
   * @returns what there is now; `undefined` when the other had been replaced already
   * @throws EtcdError
   */
  async replaceSnapshot(old: Manifest, index: number, text: Iterable<string>): Promise<Manifest | undefined> {
    const id = randomUUID();
    const uploaded = await upload(this.gateway, this.keys.state(id), text, this.#signal);
    const manifest = { id, index, nPieces: uploaded.nPieces, cluster: old.cluster };
    const success = [
      ...uploaded.keep,
      put(this.keys.snapshot, manifestText(manifest)),
      deletePieces(this.keys.state(old.id)),
      { request_delete_range: this.keys.entries(0, index + 1) },
      { request_delete_range: this.keys.partsBefore(index + 1) },
    ];
    const compare = [{ key: this.keys.snapshot, target: "MOD", mod_revision: String(old.revision) }];
    const { succeeded } = await this.gateway.call("kv/txn", { compare, success }, this.#signal);
    await uploaded.release();
    const now = await this.manifest();
    if (succeeded !== true && now?.id !== id) return undefined; // a request that was answered late was repeated
    await this.#forgetBefore(old.revision);
    return now;
  }

  /** @returns the lease's id @throws EtcdError */
  async grantLease(seconds: number): Promise<string> {
    const { ID } = await this.gateway.call("lease/grant", { TTL: seconds }, this.#signal);
    return String(ID);
  }

  /** @returns whether there is such a lease; it begins anew @throws EtcdError */
  async keepLease(lease: string): Promise<boolean> {
    const { result } = await this.gateway.call("lease/keepalive", { ID: lease }, this.#signal);
    return isJsonObject(result) && Number(result["TTL"] ?? 0) > 0;
  }

  /** Ends a lease and what is under it. @throws EtcdError */
  async endLease(lease: string): Promise<void> {
    await this.gateway.call("lease/revoke", { ID: lease }, this.#signal);
  }

  /** Puts a key for a server, which goes with a lease. @throws EtcdError */
  async putServer(server: string, value: string, lease: string): Promise<void> {
    await this.gateway.call("kv/put", { key: encode(`${this.keys.servers}${server}`), value, lease }, this.#signal);
  }

  /** The servers that have a key. @throws EtcdError */
  async servers(): Promise<ReadonlySet<string>> {
    const { kvs } = await this.gateway.call("kv/range", { ...under(this.keys.servers), keys_only: true }, this.#signal);
    return new Set(objectsOf(kvs).map(({ key }) => decode(key).slice(this.keys.servers.length)));
  }

  /** The entries among key-value pairs, in order. */
  entriesOf(kvs: readonly EtcdJson[]): StoredEntry[] {
    return kvs.flatMap((kv) => {
      const index = this.keys.indexOf(kv["key"]);
      return index === undefined ? [] : [{ index, revision: Number(kv["mod_revision"]), text: decode(kv["value"]) }];
    });
  }

  /** etcd keeps all values that any key ever had until it is told otherwise. */
  async #forgetBefore(revision: number): Promise<void> {
    await this.gateway.call("kv/compaction", { revision: String(revision) }, this.#signal).catch((error: unknown) => {
      if (!String(error).includes("compacted")) throw error; // another server was faster
    });
  }

  async #compare(request: EtcdJson, timeoutMs: number): Promise<Appended> {
    const { header, succeeded, responses } = await this.gateway.attempt("kv/txn", request, this.#signal, timeoutMs);
    const isKept = succeeded === true;
    const [log = [], turn = []] = isKept
      ? []
      : objectsOf(responses).map((each) => objectsOf(member(each, "response_range", "kvs")));
    const entries = this.entriesOf(log);
    return { isKept, revision: revisionOf(header), entries, isOthersTurn: entries.length === 0 && turn.length > 0 };
  }

  #isHead(revision: number): EtcdJson {
    return { key: this.keys.head, target: "MOD", mod_revision: String(revision) };
  }

  #range(after: number): EtcdJson {
    return { request_range: { ...this.keys.entries(after + 1), limit: String(PAGE) } };
  }
}

/** The objects of an array. */
export function objectsOf(json: Json | undefined): readonly EtcdJson[] {
  return isJsonArray(json) ? json.filter((item) => isJsonObject(item)) : [];
}

/** A member of a member. */
function member(json: Json | undefined, outer: string, inner: string): Json | undefined {
  const object = isJsonObject(json) ? json[outer] : undefined;
  return isJsonObject(object) ? object[inner] : undefined;
}

/** The revision in a header. */
export function revisionOf(header: Json | undefined): number {
  return Number(isJsonObject(header) ? header["revision"] : 0);
}

function manifestText({ id, index, nPieces, cluster }: Omit<Manifest, "revision">): string {
  return JSON.stringify({ id, index, pieces: nPieces, cluster });
}

function put(key: string, text: string): EtcdJson {
  return { request_put: { key, value: encode(text) } };
}
