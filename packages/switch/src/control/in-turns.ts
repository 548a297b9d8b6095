/** Commands whose answers take long to make: in turns, so that packets are served between, and no faster than they are read. */
import type { Turns, Work } from "../turns.ts";

/** A piece has about so many characters. */
const PIECE_LENGTH = 16 * 1024;

/** What has been made of an answer and not been sent. */
export class AnswerText {
  #text = "";
  #hasLines = false;

  get length(): number {
    return this.#text.length;
  }

  write(text: string): void {
    this.#text += text;
  }

  /** Adds a line, behind those before. */
  line(text: string): void {
    this.#text += this.#hasLines ? `\n${text}` : text;
    this.#hasLines = true;
  }

  /** Gives what there is away. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

/**
 * An answer in pieces. The work on it goes on when the next piece is asked for, and ends when nobody asks any more.
 *
 * @param make - writes the answer
 */
export async function* inTurns(turns: Turns, make: (answer: AnswerText) => Work): AsyncGenerator<string> {
  const answer = new AnswerText();
  const work = make(answer);
  try {
    for (let isDone = false; !isDone; ) {
      isDone = await turns.run(untilPiece(work, answer));
      yield answer.take();
    }
  } finally {
    work.return();
  }
}

/** Goes on until there is a piece. @returns whether it was the last */
function* untilPiece(work: Work, answer: AnswerText): Work<boolean> {
  while (answer.length < PIECE_LENGTH) {
    const { done, value } = work.next();
    if (done === true) return true;
    yield value;
  }
  return false;
}
