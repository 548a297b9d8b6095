/** Colours of a terminal, or none. */

/** Marks up text. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

/** SGR sequences, or the text as it is. */
export function styleOf(hasColor: boolean): Style {
  const sgr = (on: number, off: number) => (text: string) =>
    hasColor && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { good: sgr(32, 39), bad: sgr(31, 39), strong: sgr(1, 22), faint: sgr(2, 22) };
}
