/** Replies in parts: a chance for others between them. */
import type { MultipartReply } from "@tenet/openflow";

/** A part for each of many; when there is none, one that is empty. */
export function* eachInPart<T>(
  values: Iterable<T>,
  partOf: (values: readonly T[]) => MultipartReply,
): Generator<MultipartReply, void, undefined> {
  let isEmpty = true;
  for (const value of values) {
    isEmpty = false;
    yield partOf([value]);
  }
  if (isEmpty) yield partOf([]);
}
