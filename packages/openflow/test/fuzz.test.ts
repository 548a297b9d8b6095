/**
 * Random bytes and spoiled messages, random and spoiled text: only typed errors, and an end in bounded time. A failure names the
 * input.
 */
import { AppError, ProtocolError } from "@tenet/kit";
import {
  decodeMessage,
  encodeMessage,
  errorNameOf,
  formatActions,
  formatFlow,
  formatGroup,
  formatMatch,
  formatMeter,
  makeErrorMessage,
  type Message,
  parseActions,
  parseFlow,
  parseGroup,
  parseMatch,
  parseMeter,
} from "@tenet/openflow";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { flowArbitrary } from "./arbitrary-flow.ts";
import { groupModArbitrary } from "./arbitrary-group.ts";
import { MESSAGES, VERSIONS } from "./sample-messages.ts";

const N_BYTES = 300_000 * inject("effort");
const SEED = inject("seed");
const N_SAMPLES = 200;
const TIMEOUT_MS = 20_000 + N_BYTES / 10;
const TEXT_PIECES = [
  "=",
  ",",
  ":",
  "(",
  ")",
  "/",
  "[",
  "]",
  "..",
  "->",
  "0x",
  "-",
  "+",
  "|",
  "*",
  "\n",
  "#",
  "actions=",
  "é",
  "\u0000",
];

/** A sequence of random numbers, the same for a seed (Marsaglia's xorshift). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) | 1;
  }

  /** A whole number of 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** A message with a few bytes changed, moved, cut or those of another, that still states its own length. */
function spoil(random: Random, valid: readonly Uint8Array[]): Uint8Array {
  const base = random.of(valid);
  if (random.below(10) === 0)
    return withLength(
      Uint8Array.from({ length: 8 + random.below(200) }, () => random.below(256)),
      base,
    );
  let bytes = base.slice();
  for (let n = random.below(4); n >= 0; n--) {
    const at = 8 + random.below(Math.max(1, bytes.length - 8));
    const kind = random.below(6);
    if (kind < 3)
      bytes[at] =
        kind === 0
          ? random.below(256)
          : kind === 1
            ? random.of([0, 1, 0x7f, 0x80, 0xff])
            : (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 3) bytes = bytes.slice(0, at);
    else {
      const other = random.of(valid);
      const from = 8 + random.below(Math.max(1, other.length - 8));
      bytes = Uint8Array.from([
        ...bytes.slice(0, at),
        ...other.slice(from, from + random.below(64)),
        ...(kind === 4 ? bytes.slice(at) : []),
      ]);
    }
  }
  return withLength(bytes, base);
}

/** The version and type are those of a message that there is, more often than not. */
function withLength(bytes: Uint8Array, base: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.max(8, bytes.length));
  padded.set(bytes);
  padded.set(base.subarray(0, 2));
  new DataView(padded.buffer).setUint16(2, padded.length);
  return padded;
}

test("spoiled messages are read, or refused by an error of the protocol", { timeout: TIMEOUT_MS }, () => {
  const random = new Random(SEED);
  const flows = fc
    .sample(flowArbitrary, { numRuns: N_SAMPLES, seed: SEED })
    .map((flow) => ({ type: "flowMod", command: "add", flow }) as const);
  const groups = fc.sample(groupModArbitrary, { numRuns: N_SAMPLES, seed: SEED });
  const messages = [...MESSAGES, ...[...flows, ...groups].map((message) => [message, VERSIONS] as const)];
  const valid = messages.flatMap(([message, versions]) => versions.flatMap((version) => encodedOf(message, version)));
  let nRead = 0;
  for (let nBytes = 0; nBytes < N_BYTES; ) {
    const bytes = spoil(random, valid);
    nBytes += bytes.length;
    try {
      const { version, message, xid } = decodeMessage(bytes, { hasTableId: random.below(2) === 0 });
      nRead++;
      if (random.below(4) === 0) encodeAgain(message, version, xid);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw failure(Buffer.from(bytes).toString("hex"), error);
      makeErrorMessage(errorNameOf(error), bytes[0] ?? 1, bytes);
    }
  }
  expect(nRead).toBeGreaterThan(0);
});

function encodedOf(message: Message, version: number): Uint8Array[] {
  try {
    return [encodeMessage(message, version, 7)];
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

/** What was read can be said again, or the version has no words for it. */
function encodeAgain(message: Message, version: number, xid: number): void {
  try {
    encodeMessage(message, version, xid);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

test("spoiled text is read, or refused by an error that names the place", { timeout: TIMEOUT_MS }, () => {
  const random = new Random(SEED + 1);
  const flows = fc.sample(flowArbitrary, { numRuns: N_SAMPLES, seed: SEED });
  const groups = fc.sample(groupModArbitrary, { numRuns: N_SAMPLES, seed: SEED });
  const texts = [
    ...flows.flatMap((flow) => [formatFlow(flow), formatMatch(flow.match), formatActions(flow.actions)]),
    ...groups.map(({ group }) => formatGroup(group)),
    formatMeter(parseMeter("meter=1,kbps,burst,band=type=drop,rate=5,burst_size=6").meter),
  ];
  const parsers: readonly ((text: string) => unknown)[] = [
    (text) => parseFlow(text),
    (text) => parseFlow(text, { purpose: random.of(["modify", "delete", "query"]) }),
    (text) => parseMatch(text),
    (text) => parseActions(text),
    (text) => parseGroup(text),
    (text) => parseMeter(text),
  ];
  let nRead = 0;
  for (let nBytes = 0; nBytes < N_BYTES; ) {
    const text = spoilText(random, texts);
    nBytes += text.length + 1;
    try {
      random.of(parsers)(text);
      nRead++;
    } catch (error) {
      if (!(error instanceof AppError)) throw failure(JSON.stringify(text), error);
    }
  }
  expect(nRead).toBeGreaterThan(0);
});

function spoilText(random: Random, texts: readonly string[]): string {
  let text = random.of(texts);
  for (let n = random.below(4); n > 0; n--) {
    const at = random.below(text.length + 1);
    const end = at + random.below(8);
    const other = random.of(texts);
    const from = random.below(other.length + 1);
    const inserted = random.of([
      "",
      random.of(TEXT_PIECES),
      String.fromCharCode(32 + random.below(95)),
      String(random.below(2 ** 31) * 2),
      other.slice(from, from + random.below(30)),
    ]);
    text = text.slice(0, at) + inserted + text.slice(random.below(2) === 0 ? at : end);
  }
  return text;
}

function failure(input: string, cause: unknown): Error {
  return new Error(`Seed ${SEED} found an error without a type, for the input ${input}`, { cause });
}
