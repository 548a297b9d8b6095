/** Colours of terminal output, or none. */

/** What parts of text mean. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly changed: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly title: (text: string) => string;
}

/** Styles for a terminal with colours, or plain text. */
export function styleFor(hasColor: boolean): Style {
  const sgr = (code: string) => (text: string) => (hasColor && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { bold: sgr("1"), dim: sgr("2"), good: sgr("32"), changed: sgr("33"), bad: sgr("31"), title: sgr("1;36") };
}
