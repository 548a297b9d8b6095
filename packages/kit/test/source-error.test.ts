import { AppError, formatError, IoError, positionAt, ProtocolError, Scope, SourceError, TruncatedError } from "@tenet/kit";
import * as fc from "fast-check";
import { expect, test } from "vitest";

test("an offset becomes the line and column that an editor shows", () => {
  const text = "a\nbc\n\nd";
  expect([0, 1, 2, 3, 4, 5, 6].map((offset) => positionAt("f", text, offset))).toEqual(
    [
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [2, 3],
      [3, 1],
      [4, 1],
    ].map(([line, column]) => ({ file: "f", line, column })),
  );
});

test("line and column lead back to the offset", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "\n", "\t") }), fc.nat(), (text, n) => {
      const offset = n % (text.length + 1);
      const { line, column } = positionAt("f", text, offset);
      const start =
        text
          .split("\n")
          .slice(0, line - 1)
          .join("\n").length + (line > 1 ? 1 : 0);
      expect(start + column - 1).toBe(offset);
    }),
  );
});

test("the caret stands under the fault, tabs and all", () => {
  const text = "key:\n\t\tvalue";
  const error = new SourceError("bad value", { at: positionAt("f", text, 7), text, expected: "a number" });
  expect(formatError(error).split("\n").slice(0, 3)).toEqual([
    "f:2:3: bad value; expected a number",
    "  | \t\tvalue",
    "  | \t\t^",
  ]);
});

test("errors know their code, hint, details and cause", () => {
  const cause = new Error("ENOSPC");
  const error = new IoError("Cannot write", { hint: "Free some space", details: { path: "/x" }, cause });
  expect(error).toMatchObject({ name: "IoError", code: "IO_ERROR", hint: "Free some space", details: { path: "/x" }, cause });
  expect(new TruncatedError("short")).toBeInstanceOf(ProtocolError);
  expect(new TruncatedError("short").code).toBe("PROTOCOL_TRUNCATED");
  expect(new AppError("x", { code: "OWN" }).code).toBe("OWN");
  expect(formatError(error)).toBe("Cannot write\n  hint: Free some space\n  code: IO_ERROR");
  expect(formatError(new Error("plain"))).toBe("plain");
  expect(formatError("text")).toBe("text");
});

test("of several errors all are told, the first one first", async () => {
  const failing = async (): Promise<void> => {
    await using scope = new Scope();
    scope.defer(() => Promise.reject(new Error("closing failed")));
    throw new IoError("Cannot write", { hint: "Free some space" });
  };
  const error: unknown = await failing().catch((caught: unknown) => caught);
  expect(formatError(error).split("\n")).toEqual([
    "Cannot write",
    "  hint: Free some space",
    "  code: IO_ERROR",
    "and then: Cannot close everything that was opened",
    "- closing failed",
  ]);
});
