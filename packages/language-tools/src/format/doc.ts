/**
 * Lays text out in lines of bounded width.
 *
 * What: a document says where lines may break; `print` breaks as few as the width allows, outermost first.
 * How: a group is tried flat, and broken when it does not fit; a fill breaks only the separators after which the next
 * item does not fit. What must break (comments to the end of the line) marks everything around it when it is built.
 * Source: Wadler, "A prettier printer" (2003), with fills.
 * Limits: one look at each item per level, so nested fills cost their depth.
 */

/** A layout; make one with the functions below. */
export type Doc =
  | { readonly kind: "text"; readonly text: string; readonly mustBreak: boolean }
  /** A space when flat. */
  | { readonly kind: "line"; readonly mustBreak: false }
  /** A new line in any case; none when the present line is still empty. */
  | { readonly kind: "hardLine"; readonly mustBreak: true }
  /** Waits for the end of the line, whatever comes before that. */
  | { readonly kind: "lineEnd"; readonly text: string; readonly mustBreak: boolean }
  | { readonly kind: "concat" | "group" | "fill" | "indent"; readonly parts: readonly Doc[]; readonly mustBreak: boolean }
  /** What is left of a fill: a line and the next item, and so on. */
  | { readonly kind: "rest"; readonly parts: readonly Doc[]; readonly previous: Doc; readonly mustBreak: boolean };

export const line: Doc = { kind: "line", mustBreak: false };
export const hardLine: Doc = { kind: "hardLine", mustBreak: true };

/** Text without break opportunities; line breaks in it stay. */
export function text(content: string): Doc {
  return { kind: "text", text: content, mustBreak: content.includes("\n") };
}

/** Text for the end of the present line; `mustBreak` when nothing may follow it there. */
export function lineEnd(content: string, mustBreak: boolean): Doc {
  return { kind: "lineEnd", text: content, mustBreak };
}

export function concat(...parts: readonly Doc[]): Doc {
  return container("concat", parts);
}

/** Lines in it (not in inner groups) break all or none. */
export function group(...parts: readonly Doc[]): Doc {
  return container("group", parts);
}

/** Lines in it go two further to the right. */
export function indent(...parts: readonly Doc[]): Doc {
  return container("indent", parts);
}

/** Items, between them lines that break only where needed. */
export function fill(items: readonly Doc[]): Doc {
  return container("fill", items);
}

function container(kind: "concat" | "group" | "fill" | "indent", parts: readonly Doc[]): Doc {
  return { kind, parts, mustBreak: parts.some((part) => part.mustBreak) };
}

interface Work {
  readonly doc: Doc;
  readonly indent: number;
  readonly isFlat: boolean;
}

/** The text of a layout, without a line break at its end. */
export function print(doc: Doc, width: number, indentBy = 0): string {
  return new Printer(width).print(doc, indentBy);
}

class Printer {
  readonly #width: number;
  #lines: string[] = [];
  #line = "";
  #atEnd = "";

  constructor(width: number) {
    this.#width = width;
  }

  print(doc: Doc, indentBy: number): string {
    this.#line = " ".repeat(indentBy);
    this.#run([{ doc, indent: indentBy, isFlat: false }]);
    this.#flush();
    return this.#lines.join("\n");
  }

  /** The work is a stack: the last is done next. */
  #run(work: Work[]): void {
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const { doc, isFlat } = next;
      switch (doc.kind) {
        case "text":
          if (doc.text !== " " || this.#line.trim() !== "") this.#line += doc.text;
          break;
        case "lineEnd":
          this.#atEnd += doc.text;
          break;
        case "line":
          if (isFlat) this.#line += " ";
          else this.#newLine(next.indent);
          break;
        case "hardLine":
          this.#newLine(next.indent);
          break;
        case "fill":
          this.#fill(doc.parts, undefined, next, work);
          break;
        case "rest":
          this.#fill(doc.parts, doc.previous, next, work);
          break;
        default: {
          const inner = doc.kind === "indent" ? next.indent + 2 : next.indent;
          const fits = doc.kind === "group" && !isFlat && this.#fits(doc, work);
          for (const part of doc.parts.toReversed()) work.push({ doc: part, indent: inner, isFlat: isFlat || fits });
        }
      }
    }
  }

  /** The first of the items, behind a line if one came before; the others are left as work. */
  #fill(items: readonly Doc[], previous: Doc | undefined, { indent: by, isFlat }: Work, work: Work[]): void {
    const [item, ...others] = items;
    if (item === undefined) return;
    if (others.length > 0) {
      const mustBreak = others.some((other) => other.mustBreak);
      work.push({ doc: { kind: "rest", parts: others, previous: item, mustBreak }, indent: by, isFlat });
    }
    if (previous !== undefined) {
      if (!isFlat && (previous.mustBreak || !this.#fits(concat(line, item), work))) this.#newLine(by);
      else this.#line += " ";
    }
    work.push({ doc: item, indent: by, isFlat: isFlat || this.#fits(item, work) });
  }

  /** Whether the document fits flat on the present line, with what follows it up to the first place to break. */
  #fits(doc: Doc, after: readonly Work[]): boolean {
    if (doc.mustBreak) return false;
    let room = this.#width - this.#line.length;
    const stack: { doc: Doc; isFlat: boolean }[] = [{ doc, isFlat: true }];
    let next = after.length;
    while (room >= 0) {
      const top = stack.pop() ?? after[--next];
      if (top === undefined) return true;
      const { doc: inner, isFlat } = top;
      if (inner.kind === "text") room -= inner.text.length;
      else if (inner.kind === "line") {
        if (!isFlat) return true;
        room--;
      } else if (inner.kind === "hardLine") return true;
      else if (inner.kind === "fill" || inner.kind === "rest") {
        if (!isFlat) {
          const [first] = inner.parts;
          if (inner.kind === "rest" || first === undefined) return true;
          stack.push({ doc: first, isFlat });
          continue;
        }
        for (const [i, part] of [...inner.parts.entries()].toReversed()) {
          stack.push({ doc: part, isFlat });
          if (i > 0 || inner.kind === "rest") stack.push({ doc: line, isFlat });
        }
      } else if (inner.kind !== "lineEnd") {
        for (const part of inner.parts.toReversed()) stack.push({ doc: part, isFlat });
      }
    }
    return false;
  }

  #newLine(by: number): void {
    if (this.#line.trim() !== "" || this.#atEnd !== "") this.#flush();
    this.#line = " ".repeat(by);
  }

  #flush(): void {
    this.#lines.push(`${this.#line}${this.#atEnd}`.trimEnd());
    this.#line = "";
    this.#atEnd = "";
  }
}
