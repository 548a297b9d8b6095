/** Replies in parts: a chance for others between them. */
import type { MultipartReply } from "@tenet/openflow";

/** A part for each of many; when there is none, one that is empty. */
export function* eachInPart<T>(
  values: readonly T[],
  partOf: (values: readonly T[]) => MultipartReply,
): Generator<MultipartReply, void, undefined> {
  if (values.length === 0) yield partOf([]);
  for (const value of values) yield partOf([value]);
}
