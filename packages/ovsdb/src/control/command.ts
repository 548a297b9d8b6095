/** What a command of the control socket is. */
import { AppError } from "@tenet/kit";

/** One command. */
export interface Command {
  readonly name: string;
  /** Shown by `list-commands`. */
  readonly usage: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  /** @returns the text to print. @throws Error whose message is what the caller is told */
  run(args: readonly string[]): Answer | Promise<Answer>;
}

/** A text; a long one in pieces, each of which is asked for when the caller has read those before it. Who is gone asks for no more. */
export type Answer = string | AsyncIterable<string>;

/** A command's argument that names nothing, or does not read. */
export class ArgumentError extends AppError {
  static override readonly code: string = "CONTROL_ARGUMENT";
}

/** Makes a command that takes so many arguments. */
export function command(
  name: string,
  usage: string,
  [minArgs, maxArgs]: readonly [number, number],
  run: Command["run"],
): Command {
  return { name, usage, minArgs, maxArgs, run };
}
