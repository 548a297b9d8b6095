/** Reads a question; see `question.ts` for its grammar. */
import { didYouMean, nearestName } from "@tenet/kit";
import { tryParseIp4, tryParseIp6 } from "@tenet/net";
import type { Party, Place, PlaceKind, PortedName, Protocol, Question } from "./question.ts";
import { QuestionError } from "./question-error.ts";
import { ARROW, type Token, wordsOf } from "./words.ts";

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;
/** Words that begin a protocol. */
const PROTOCOLS = ["tcp", "udp", "sctp", "tcp6", "udp6", "sctp6", "icmp", "ping", "icmp6", "arp", "nd"] as const;
const ANSWER_TO = ["answer", "to"] as const;
const PORTED: ReadonlyMap<string, PortedName> = new Map([
  ["tcp", "tcp"],
  ["udp", "udp"],
  ["sctp", "sctp"],
  ["tcp6", "tcp"],
  ["udp6", "udp"],
  ["sctp6", "sctp"],
]);

/**
 * Reads a question.
 *
 * @throws QuestionError with the column, what was expected there and the nearest keyword
 * @example
 * parseQuestion("web1 -> db1 tcp 5432");
 */
export function parseQuestion(text: string): Question {
  if (/(^|[\s,])in_port\s*=/.test(text) && !/->|→/.test(text)) {
    const at = text.length - text.trimStart().length;
    return { kind: "flow", flow: { text: text.trim(), at } };
  }
  return new Reader(text).question();
}

/** How a word reads when it is not quoted. */
export function placeKindOf(text: string): PlaceKind {
  if (text === "broadcast") return "broadcast";
  if (MAC.test(text)) return "mac";
  if (tryParseIp4(text) !== undefined) return "ip4";
  return text.includes(":") && tryParseIp6(text) !== undefined ? "ip6" : "name";
}

class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = wordsOf(text);
  }

  question(): Question {
    const isAnswer = this.#takeAnswerTo();
    const from = this.#party("the name of a logical port or its host");
    if (from.place.kind !== "name") {
      throw this.#fail(from.place, "A packet starts at a port, not at an address", "the name of a logical port or its host");
    }
    const arrow = this.#take();
    if (arrow?.text !== ARROW || arrow.isQuoted) throw this.#failAt(arrow, "->");
    const to = this.#party("a port, a host, an address or broadcast");
    const protocol = this.#protocol();
    const rest = this.#take();
    if (rest !== undefined) throw this.#failAt(rest, "the end of the question");
    return { kind: "packet", isAnswer, from, to, protocol };
  }

  /** A port may be called `answer`: only both words together mean something. */
  #takeAnswerTo(): boolean {
    const [first, second] = this.#tokens;
    const isAnswer = [first, second].every((token, i) => token?.isQuoted === false && token.text.toLowerCase() === ANSWER_TO[i]);
    if (isAnswer) this.#next = ANSWER_TO.length;
    return isAnswer;
  }

  #party(expected: string): Party {
    const token = this.#take();
    if (token === undefined || isMark(token)) throw this.#failAt(token, expected);
    const place = placeOf(token);
    const as: Place[] = [];
    if (this.#takeWord("as")) {
      do as.push(this.#address());
      while (this.#takeWord(","));
    }
    return { place, as };
  }

  #address(): Place {
    const token = this.#take();
    const place = token === undefined ? undefined : placeOf(token);
    if (place === undefined || place.kind === "name" || place.kind === "broadcast") {
      throw this.#failAt(token, "an Ethernet or IP address");
    }
    return place;
  }

  #protocol(): Protocol {
    const token = this.#take();
    if (token === undefined) return { name: "icmp" };
    const word = token.text.toLowerCase();
    const ported = token.isQuoted ? undefined : PORTED.get(word);
    if (ported !== undefined) return this.#ported(ported, word.endsWith("6"));
    if (token.isQuoted || !(PROTOCOLS as readonly string[]).includes(word)) {
      throw new QuestionError(`"${token.text}" is not a protocol`, this.#text, {
        at: token.at,
        expected: PROTOCOLS.join(", "),
        ...(nearestName(token.text, PROTOCOLS) === undefined ? {} : { hint: didYouMean(token.text, PROTOCOLS) }),
      });
    }
    if (word === "arp" || word === "nd") return { name: word };
    return { name: "icmp", ...(word === "icmp6" ? { family: 6 } : {}) };
  }

  #ported(name: PortedName, isIp6: boolean): Protocol {
    const port = this.#port("the destination port");
    const sourcePort = this.#takeWord("from") ? this.#port("the source port") : undefined;
    return { name, ...(isIp6 ? { family: 6 } : {}), port, ...(sourcePort === undefined ? {} : { sourcePort }) };
  }

  #port(which: string): number {
    const token = this.#take();
    const port = token !== undefined && /^\d{1,5}$/.test(token.text) ? Number(token.text) : 0;
    if (port < 1 || port > 65535) throw this.#failAt(token, `${which}, 1 to 65535`);
    return port;
  }

  #take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  #takeWord(word: string): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.isQuoted || token.text.toLowerCase() !== word) return false;
    this.#next++;
    return true;
  }

  #failAt(token: Token | undefined, expected: string): QuestionError {
    if (token !== undefined) return this.#fail(token, `Unexpected "${token.text}"`, expected);
    const end = this.#text.trimEnd().length;
    const hint = "For example: web1 -> db1 tcp 5432";
    return new QuestionError("The question ends too early", this.#text, { at: end, expected, hint });
  }

  #fail({ at }: { readonly at: number }, problem: string, expected: string): QuestionError {
    return new QuestionError(problem, this.#text, { at, expected });
  }
}

function isMark(token: Token): boolean {
  return !token.isQuoted && (token.text === ARROW || token.text === ",");
}

function placeOf({ text, at, isQuoted }: Token): Place {
  return { text, at, kind: isQuoted ? "name" : placeKindOf(text) };
}
