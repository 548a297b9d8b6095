/** Texts in drawings, where nothing wraps by itself. */

/**
 * The text, or its beginning and `…` when the whole might not fit.
 *
 * @param widthPx - room for it
 * @param characterPx - width of a character that surely suffices, whatever font the system has
 */
export function fitText(text: string, widthPx: number, characterPx = 7.2): string {
  const length = Math.max(1, Math.floor(widthPx / characterPx));
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
