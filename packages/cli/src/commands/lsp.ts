/** `tenet lsp`: the language server of rule files, for one editor. */
import type { Readable, Writable } from "node:stream";
import { serveLanguage } from "@tenet/language-tools";
import { policySurroundings } from "./language.ts";

/** Serves until the editor says so, closes the stream, or the signal aborts. @returns the exit code of the protocol */
export function lsp(input: Readable, output: Writable, signal: AbortSignal): Promise<0 | 1> {
  return serveLanguage(input, output, policySurroundings(), signal);
}
