/**
 * Values that are larger than a request to etcd may be: compressed, and cut into pieces under keys of their own.
 *
 * Pieces are put before anything refers to them, under a lease: when the server dies meanwhile they go by themselves. The
 * transaction that refers to them takes them off the lease, without sending them again.
 */
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gunzip } from "node:zlib";
import type { Json } from "@tenet/kit";
import { parseExact } from "../model/exact-json.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";
import { EtcdError, type EtcdGateway, type EtcdJson } from "./etcd-gateway.ts";
import { inSlices } from "../storage/slices.ts";
import { encode, pieceKey, under } from "./etcd-keys.ts";

/** etcd takes requests of 1.5 MiB unless told otherwise. */
const PIECE_BYTES = 1024 * 1024;
/** etcd takes 128 operations in a transaction unless told otherwise; some are for others than the pieces. */
const MAX_PIECES = 120;
const LEASE_SECONDS = 60;

/** Pieces that were put. */
export interface Uploaded {
  readonly nPieces: number;
  /** Their compressed size. */
  readonly sizeBytes: number;
  /** The operations that keep them, for a transaction. */
  readonly keep: readonly EtcdJson[];
  /** Gives the lease back; pieces that were not kept go with it. */
  release(): Promise<void>;
}

/** Puts a text in pieces under a folder. @throws EtcdError */
export async function upload(
  gateway: EtcdGateway,
  folder: string,
  text: Iterable<string>,
  signal: AbortSignal,
): Promise<Uploaded> {
  const { ID: lease = null } = await gateway.call("lease/grant", { TTL: LEASE_SECONDS }, signal);
  let nPieces = 0;
  let sizeBytes = 0;
  const put = async (bytes: Uint8Array): Promise<void> => {
    if (nPieces === MAX_PIECES) {
      const about = { isTransient: false, mayHaveHappened: false };
      throw new EtcdError(`etcd cannot take a value of more than ${MAX_PIECES * PIECE_BYTES} bytes (compressed)`, about);
    }
    await gateway.call("kv/put", { key: pieceKey(folder, nPieces), value: encode(bytes), lease }, signal);
    await gateway.call("lease/keepalive", { ID: lease }, signal);
    nPieces++;
    sizeBytes += bytes.length;
  };
  const release = async (): Promise<void> => {
    await gateway.call("lease/revoke", { ID: lease }, signal);
  };
  try {
    for await (const piece of piecesOf(text)) await put(piece);
  } catch (error) {
    await release().catch(() => undefined); // the lease ends by itself
    throw error;
  }
  const keep = Array.from({ length: nPieces }, (_, n): EtcdJson => {
    return { request_put: { key: pieceKey(folder, n), ignore_value: true } };
  });
  return { nPieces, sizeBytes, keep, release };
}

/**
 * Puts pieces together again.
 *
 * @param revision - as they were then; 0 is now
 * @returns `undefined` when they are not all there
 * @throws EtcdError
 */
export async function download(
  gateway: EtcdGateway,
  folder: string,
  nPieces: number,
  revision: number,
  signal: AbortSignal,
): Promise<Json | undefined> {
  const pieces: Buffer[] = [];
  for (let n = 0; n < nPieces; n++) {
    const { kvs } = await gateway.call("kv/range", { key: pieceKey(folder, n), revision: String(revision) }, signal);
    const [kv] = isJsonArray(kvs) ? kvs : [];
    if (!isJsonObject(kv) || typeof kv["value"] !== "string") return undefined;
    pieces.push(Buffer.from(kv["value"], "base64"));
  }
  return parseExact((await promisify(gunzip)(Buffer.concat(pieces))).toString("utf8"));
}

/** The operation that deletes all pieces of a folder. */
export function deletePieces(folder: string): EtcdJson {
  return { request_delete_range: under(folder) };
}

async function* piecesOf(text: Iterable<string>): AsyncGenerator<Uint8Array> {
  let waiting: Buffer[] = [];
  let nBytes = 0;
  for await (const bytes of Readable.from(inSlices(text)).pipe(createGzip({ level: 1 }))) {
    waiting.push(bytes as Buffer);
    nBytes += (bytes as Buffer).length;
    if (nBytes < PIECE_BYTES) continue;
    const all = Buffer.concat(waiting);
    yield all.subarray(0, PIECE_BYTES);
    waiting = [all.subarray(PIECE_BYTES)];
    nBytes -= PIECE_BYTES;
  }
  yield Buffer.concat(waiting);
}
