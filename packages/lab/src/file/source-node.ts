/**
 * A value of a YAML file that knows its place, so that every complaint about it names file, line and column.
 *
 * Readers ask a node for what they expect (`text`, `integer`, `items`, `entries`); anything else is a
 * {@link LabFileError} that says what was expected. Aliases are refused: what a lab holds is written where it counts.
 */
import { readFileSync } from "node:fs";
import { didYouMean, errnoOf, IoError, messageOf, positionAt, type SourcePosition } from "@tenet/kit";
import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";
import { LabFileError } from "./lab-file-error.ts";

/** How to complain. */
export interface Complaint {
  readonly expected?: string;
  readonly hint?: string;
}

/** A key of a mapping and its value. */
export interface SourceEntry {
  readonly key: SourceNode;
  readonly value: SourceNode;
}

interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** Reads a YAML file. @throws IoError when it cannot be read; LabFileError when it is not YAML */
export function readSource(file: string): SourceNode {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const hint = errnoOf(error) === "ENOENT" ? "Check the path; a lab is a folder with a lab.yaml, or such a file" : undefined;
    throw new IoError(`Cannot read "${file}": ${messageOf(error)}`, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
  return parseSource(file, text);
}

/** Reads YAML text; `file` is its name in messages. @throws LabFileError when it is not YAML */
function parseSource(file: string, text: string): SourceNode {
  const document = parseDocument(text, { prettyErrors: false, version: "1.2" });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const at = positionAt(file, text, fault.pos[0]);
    throw new LabFileError(`not valid YAML: ${fault.message}`, { at, text, cause: fault });
  }
  return new SourceNode({ file, text }, document.contents, 0);
}

/** One value; see the file header. */
export class SourceNode {
  readonly #source: SourceText;
  readonly #node: Node | null;
  readonly #offset: number;

  constructor(source: SourceText, node: Node | null, fallbackOffset: number) {
    this.#source = source;
    this.#node = node;
    this.#offset = node?.range?.[0] ?? fallbackOffset;
    if (isAlias(node)) throw this.error("aliases are not read", { expected: "the value itself" });
  }

  get at(): SourcePosition {
    return positionAt(this.#source.file, this.#source.text, this.#offset);
  }

  get isText(): boolean {
    return isScalar(this.#node) && this.#node.value !== null;
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  get isMapping(): boolean {
    return isMap(this.#node);
  }

  /** A complaint about this value; the caller throws it. */
  error(problem: string, complaint: Complaint = {}): LabFileError {
    return new LabFileError(problem, { at: this.at, text: this.#source.text, ...complaint });
  }

  /** What the value is, in words, for messages. */
  describe(): string {
    if (isMap(this.#node)) return "a mapping";
    if (isSeq(this.#node)) return "a list";
    return this.isText ? JSON.stringify(this.#plainText()) : "nothing";
  }

  /** A scalar as it is written: `10` and `true` are text too. @throws LabFileError */
  text(expected: string): string {
    if (!this.isText) throw this.error(`${this.describe()} is here`, { expected });
    return this.#plainText();
  }

  /** @throws LabFileError unless it is a whole number in the range */
  integer(expected: string, minimum: number, maximum: number): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw this.error(`${this.describe()} is here`, { expected });
  }

  /** The scalar's value as YAML 1.2 reads it: a number, boolean or text; `undefined` when it is no scalar. */
  scalar(): string | number | boolean | undefined {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
  }

  /** Elements of a list. @throws LabFileError when it is no list */
  items(expected: string): SourceNode[] {
    if (!isSeq(this.#node)) throw this.error(`${this.describe()} is here`, { expected });
    return this.#node.items.map((item) => new SourceNode(this.#source, item as Node | null, this.#offset));
  }

  /** Keys and values of a mapping, in order. @throws LabFileError when it is no mapping, or a key is no text */
  entries(expected: string): SourceEntry[] {
    if (!isMap(this.#node)) throw this.error(`${this.describe()} is here`, { expected });
    return this.#node.items.map((pair) => {
      const key = new SourceNode(this.#source, pair.key as Node | null, this.#offset);
      key.text("a key");
      return { key, value: new SourceNode(this.#source, pair.value as Node | null, key.#offset) };
    });
  }

  /** A mapping by key, none but `known` ones. @throws LabFileError with a suggestion for an unknown key */
  fields(expected: string, known: readonly string[]): ReadonlyMap<string, SourceNode> {
    const fields = new Map<string, SourceNode>();
    for (const { key, value } of this.entries(expected)) {
      const name = key.#plainText();
      if (!known.includes(name)) throw key.error(`unknown key "${name}"`, { hint: didYouMean(name, known) });
      fields.set(name, value);
    }
    return fields;
  }

  #plainText(): string {
    if (!isScalar(this.#node)) return "";
    const { value, source } = this.#node;
    return typeof value === "string" ? value : (source ?? String(value));
  }
}

/** The field of that name. @throws LabFileError at `owner` when it is missing */
export function required(owner: SourceNode, fields: ReadonlyMap<string, SourceNode>, name: string, expected: string): SourceNode {
  const field = fields.get(name);
  if (field === undefined) throw owner.error(`"${name}" is missing`, { expected: `${name}: ${expected}` });
  return field;
}
