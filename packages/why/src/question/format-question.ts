/** Writes a question so that it reads back the same. */
import { placeKindOf } from "./parse-question.ts";
import type { Party, Place, Protocol, Question } from "./question.ts";
import { needsQuotes } from "./words.ts";

/** A question in its shortest form. */
export function formatQuestion(question: Question): string {
  if (question.kind === "flow") return question.flow.text;
  const { isAnswer, from, to, protocol } = question;
  return `${isAnswer ? "answer to " : ""}${formatParty(from)} -> ${formatParty(to)} ${formatProtocol(protocol)}`;
}

/** A protocol as the question has it. */
export function formatProtocol(protocol: Protocol): string {
  const suffix = "family" in protocol && protocol.family === 6 ? "6" : "";
  if (!("port" in protocol)) return `${protocol.name}${suffix}`;
  const from = protocol.sourcePort === undefined ? "" : ` from ${protocol.sourcePort}`;
  return `${protocol.name}${suffix} ${protocol.port}${from}`;
}

function formatParty({ place, as }: Party): string {
  return formatPlace(place) + (as.length === 0 ? "" : ` as ${as.map((address) => address.text).join(",")}`);
}

function formatPlace({ text, kind }: Place): string {
  const isPlain = kind !== "name" || (placeKindOf(text) === "name" && !needsQuotes(text));
  return isPlain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
