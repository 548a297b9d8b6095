/** Frames for receivers that take neither bundles nor partial checksums. */
import { SegmentBundle } from "./segment-bundle.ts";
import { completeFrame, isSegmented } from "./vnet-header.ts";

/**
 * The frames that a frame stands for, each a copy with complete checksums; one for an ordinary frame.
 *
 * A bundle that cannot be taken apart (an unknown kind, headers that contradict themselves) gives none.
 */
export function splitFrame(bytes: Uint8Array, headerAt: number, at: number, length: number): Uint8Array[] {
  if (!isSegmented(bytes, headerAt)) return [completeFrame(bytes, headerAt, at, length)];
  const bundle = new SegmentBundle();
  if (!bundle.read(bytes, headerAt, at, length)) return [];
  return Array.from({ length: bundle.nSegments }, (_, i) => {
    const frame = new Uint8Array(bundle.sizeOf(i));
    bundle.write(i, frame, 0);
    return frame;
  });
}
