/** Bytes for people to read: sixteen to a line, with their offset and the characters that they are. */

const LINE_BYTES = 16;

/** Writes bytes, every line with its end. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) lines.push(dumpLine(bytes, at));
  return lines.join("");
}

function dumpLine(bytes: Uint8Array, start: number): string {
  let digits = "";
  let characters = "";
  for (let i = 0; i < LINE_BYTES; i++) {
    const byte = bytes[start + i];
    const isMiddle = i === LINE_BYTES / 2 - 1;
    digits += byte === undefined ? "  " : byte.toString(16).padStart(2, "0");
    digits += isMiddle && byte !== undefined ? "-" : " ";
    characters += byte === undefined ? " " : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  }
  return `${start.toString(16).padStart(8, "0")}  ${digits}|${characters}|\n`;
}
