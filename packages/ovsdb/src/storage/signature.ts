/**
 * The client's identity inside a transaction's comment.
 *
 * The file format has no place for who wrote a transaction, so it travels as the last line of the comment,
 * `-- by unix:/run/nb.sock#3 pid=77 process=ovn-nbctl uid=0`: the original's tools show it as it is, and
 * loading the file splits it off again.
 */
import type { ClientIdentity } from "../engine/commit.ts";

const PREFIX = "-- by ";
const STATE = /\n-- state ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The comment of a snapshot: it tells the version of the state, so that clients go on from there. */
export function snapshotComment(version: string): string {
  return `compacted\n-- state ${version}`;
}

/** The version in the comment of a snapshot; what such a transaction inserts was there before. */
export function versionOfSnapshot(comment: string | undefined): string | undefined {
  return comment === undefined ? undefined : STATE.exec(comment)?.[1];
}

/** Signs comments; a client's signature is made once. */
export class Signatures {
  readonly #lines = new WeakMap<ClientIdentity, string>();

  /** The comment as it goes into the file. */
  sign(comment: string | undefined, by: ClientIdentity): string {
    let line = this.#lines.get(by);
    if (line === undefined) this.#lines.set(by, (line = signatureOf(by)));
    return joined(comment, line);
  }
}

/** The comment with a signature that is not kept for others. */
export function signComment(comment: string | undefined, by: ClientIdentity): string {
  return joined(comment, signatureOf(by));
}

function joined(comment: string | undefined, line: string): string {
  return comment === undefined ? line : `${comment}\n${line}`;
}

function signatureOf(by: ClientIdentity): string {
  const parts = [encodeURI(by.remote)];
  if (by.pid !== undefined) parts.push(`pid=${by.pid}`);
  if (by.process !== undefined) parts.push(`process=${encodeURI(by.process)}`);
  if (by.uid !== undefined) parts.push(`uid=${by.uid}`);
  if (by.subject !== undefined) parts.push(`subject=${encodeURIComponent(by.subject)}`);
  return `${PREFIX}${parts.join(" ")}`;
}

/** Splits a comment from a file; one that nobody signed comes from an unknown client. */
export function splitComment(signed: string | undefined): { comment: string | undefined; by: ClientIdentity } {
  const unknown: ClientIdentity = { remote: "unknown" };
  if (signed === undefined) return { comment: undefined, by: unknown };
  const newline = signed.lastIndexOf("\n");
  const line = signed.slice(newline + 1);
  if (!line.startsWith(PREFIX)) return { comment: signed, by: unknown };
  const comment = newline < 0 ? undefined : signed.slice(0, newline);
  return { comment, by: parseIdentity(line.slice(PREFIX.length)) };
}

function parseIdentity(text: string): ClientIdentity {
  const [remote = "unknown", ...rest] = text.split(" ");
  const fields = new Map(
    rest.map((part): [string, string] => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]),
  );
  const pid = fields.get("pid");
  const uid = fields.get("uid");
  const process = fields.get("process");
  const subject = fields.get("subject");
  return {
    remote: decode(remote),
    ...(pid === undefined ? {} : { pid: Number(pid) }),
    ...(uid === undefined ? {} : { uid: Number(uid) }),
    ...(process === undefined ? {} : { process: decode(process) }),
    ...(subject === undefined ? {} : { subject: decode(subject) }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
