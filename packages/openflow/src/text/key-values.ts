/**
 * Splits the lists of ovs-ofctl: `key`, `key=value`, `key:value`, `key(value)`, parted by commas or blanks; behind a
 * parenthesis `->target` may follow, which belongs to the item but not to its value.
 *
 * Parentheses nest inside a value, so that `clone(set_field:1->reg0,output:2)` is one item.
 */
import type { Span } from "./span.ts";

/** One item of a list. */
export interface KeyValue {
  readonly key: Span;
  /** Empty when the item is a bare key. */
  readonly value: Span;
  readonly hasValue: boolean;
  /** The whole item. */
  readonly item: Span;
}

const KEY_END = /[=:(,\s]/;
const SEPARATOR = /[,\s]/;

/** Yields the items of a list in order. @throws SourceError on a parenthesis that is not closed */
export function* keyValues(list: Span): Generator<KeyValue> {
  const { text } = list;
  let i = 0;
  for (;;) {
    while (i < text.length && SEPARATOR.test(text.charAt(i))) i++;
    if (i >= text.length) return;
    const start = i;
    while (i < text.length && !KEY_END.test(text.charAt(i))) i++;
    const key = list.slice(start, i);
    const delimiter = text.charAt(i);
    let value = list.slice(i, i);
    if (delimiter === "(") {
      const end = closingParenthesis(list, i);
      value = list.slice(i + 1, end);
      i = end + 1;
      if (text.startsWith("->", i)) i = endOfValue(list, i);
    } else if (delimiter === "=" || delimiter === ":") {
      const end = endOfValue(list, i + 1);
      value = list.slice(i + 1, end);
      i = end;
    }
    const item = list.slice(start, i);
    if (key.text === "") throw item.fail("A name is missing", { expected: "name, name=value, name:value or name(value)" });
    yield { key, value, hasValue: delimiter === "(" || delimiter === "=" || delimiter === ":", item };
    if (i < text.length && !SEPARATOR.test(text.charAt(i))) {
      throw list.slice(i).fail(`Cannot read "${text.charAt(i)}" here`, { expected: "a comma" });
    }
  }
}

function endOfValue(list: Span, start: number): number {
  let i = start;
  while (i < list.text.length && !SEPARATOR.test(list.text.charAt(i))) {
    if (list.text.charAt(i) === "(") i = closingParenthesis(list, i);
    i++;
  }
  return i;
}

function closingParenthesis(list: Span, open: number): number {
  let depth = 0;
  for (let i = open; i < list.text.length; i++) {
    const c = list.text.charAt(i);
    if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return i;
  }
  throw list.slice(open).fail("This parenthesis is not closed", { expected: '")"' });
}
