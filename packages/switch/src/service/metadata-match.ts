/** Pipeline fields as packet-ins tell them. */
import type { Match } from "@tenet/openflow";
import { FIRST_HEADER_WORD } from "../translate/megaflow-mask.ts";

/** The pipeline fields that are not zero, and the ingress port. */
export function metadataMatch(metadata: Uint32Array): Match {
  const mask = new Uint32Array(metadata.length);
  for (let word = 0; word < FIRST_HEADER_WORD; word++) if ((metadata[word] ?? 0) !== 0) mask[word] = 0xffffffff;
  mask[0] = 0xffffffff;
  return { key: metadata, mask };
}
