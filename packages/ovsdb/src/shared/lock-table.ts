/**
 * OVSDB locks that all servers of a database agree on: who claims each, the owner first.
 *
 * The steps are entries of the database's log, so every server has the same table at the same place of the log, and a
 * transaction that asserts a lock is committed only if the lock is still owned there.
 */
import type { Json } from "@tenet/kit";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";

/** Somebody's wish for a lock. */
export interface Claim {
  /** Tells it from others. */
  readonly id: string;
  /** Which server has the client. */
  readonly server: string;
}

/** The claims of each lock that somebody claims, the owner first. */
export type LockTable = ReadonlyMap<string, readonly Claim[]>;

/** What happens to locks. */
export type LockStep =
  | { readonly op: "lock" | "steal"; readonly name: string; readonly claim: Claim }
  | { readonly op: "unlock"; readonly name: string; readonly id: string }
  | { readonly op: "gone"; readonly server: string };

/** The table after a step. */
export function lockTableAfter(table: LockTable, step: LockStep): LockTable {
  if (step.op === "gone") return without(table, [...table.keys()], ({ server }) => server === step.server);
  if (step.op === "unlock") return without(table, [step.name], ({ id }) => id === step.id);
  const claims = table.get(step.name) ?? [];
  return new Map(table).set(step.name, step.op === "lock" ? [...claims, step.claim] : [step.claim, ...claims]);
}

function without(table: LockTable, names: readonly string[], isGone: (claim: Claim) => boolean): LockTable {
  const next = new Map(table);
  for (const name of names) {
    const claims = (table.get(name) ?? []).filter((claim) => !isGone(claim));
    if (claims.length === 0) next.delete(name);
    else next.set(name, claims);
  }
  return next;
}

/** A step as JSON. */
export function lockStepToJson(step: LockStep): Json {
  return "claim" in step ? { ...step, claim: { ...step.claim } } : { ...step };
}

/** The step that {@link lockStepToJson} wrote. @throws TypeError */
export function parseLockStep(json: Json | undefined): LockStep {
  const { op, name, claim, id, server } = isJsonObject(json) ? json : {};
  if (op === "gone" && typeof server === "string") return { op, server };
  if (op === "unlock" && typeof name === "string" && typeof id === "string") return { op, name, id };
  if ((op === "lock" || op === "steal") && typeof name === "string") return { op, name, claim: parseClaim(claim) };
  throw new TypeError("not a step of a lock");
}

/** The table as JSON. */
export function lockTableToJson(table: LockTable): Json {
  return Object.fromEntries(Array.from(table, ([name, claims]): [string, Json] => [name, claims.map((claim) => ({ ...claim }))]));
}

/** The table that {@link lockTableToJson} wrote; empty when there is none. @throws TypeError */
export function parseLockTable(json: Json | undefined): LockTable {
  if (!isJsonObject(json)) return new Map();
  return new Map(Object.entries(json).map(([name, claims]) => [name, isJsonArray(claims) ? claims.map(parseClaim) : []]));
}

function parseClaim(json: Json | undefined): Claim {
  const { id, server } = isJsonObject(json) ? json : {};
  if (typeof id === "string" && typeof server === "string") return { id, server };
  throw new TypeError("not a claim of a lock");
}
