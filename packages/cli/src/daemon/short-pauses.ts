/**
 * How the thread that switches collects garbage and compiles, wherever it runs: packets wait while it does
 * (docs/design/0008-turns.md).
 *
 * Young objects are few, the least that V8 allows: it looks through them in one go. And there are no helpers: the thread would
 * have to wait for those that have no processor while other processes keep it busy. What the switch can do is compiled when it
 * is loaded, not when it is first asked to do it.
 */
import { setFlagsFromString } from "node:v8";

/**
 * Has a thread that is started then begin with room for 256 MiB of old objects: by itself V8 collects all of a heap that is small every
 * few megabytes. A process takes it on its command line, since its first thread is there before anything else.
 */
export const ROOM_FOR_OLD = "--initial-old-space-size=256";

/** Limits of a thread that switches, in a process that has others; such a process calls {@link collectAlone}. */
export const SWITCH_THREAD_LIMITS: { readonly maxYoungGenerationSizeMb: number } = { maxYoungGenerationSizeMb: 3 };

/** Has every thread of this process collect its young objects, and free the buffers that they had, without helpers; those to come with {@link ROOM_FOR_OLD}. */
export function collectAlone(): void {
  setFlagsFromString(ROOM_FOR_OLD);
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--no-concurrent-array-buffer-sweeping");
}

/**
 * Has every thread of this process compile what it loads from then on at once: by itself V8 compiles a function when it is first called,
 * which was two thirds of the 9 ms that the first trace takes. It costs 0.07 s as the switch starts.
 */
export function compileAhead(): void {
  setFlagsFromString("--no-lazy");
}

/** For a process that only switches: {@link collectAlone}, with few young objects. */
export function pauseShortly(): void {
  collectAlone();
  setFlagsFromString("--semi-space-growth-factor=1");
}
