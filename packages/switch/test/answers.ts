/** What control commands answer, whole and by turns. */
import type { Answer, Command } from "@tenet/ovsdb";

/** The whole text. */
async function textOf(answer: Answer | Promise<Answer> | undefined): Promise<string> {
  const given = await answer;
  if (given === undefined || typeof given === "string") return given ?? "";
  let text = "";
  for await (const piece of given) text += piece;
  return text;
}

/** Runs the command of a name. @throws Error when there is none, or it refuses */
export async function run(commands: readonly Command[], name: string, ...args: readonly string[]): Promise<string> {
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return textOf(command.run(args));
}
