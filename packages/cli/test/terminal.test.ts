import { expect, test } from "vitest";
import { Progress } from "../src/up/progress.ts";
import { styleFor } from "../src/up/style.ts";
import { formatTable } from "../src/up/table.ts";

test("columns are as wide as their widest cell, colours not counted", () => {
  const { bold } = styleFor(true);
  expect(
    formatTable([
      [bold("a"), "1"],
      ["long", "2"],
    ]),
  ).toBe(`${bold("a")}     1\nlong  2`);
});

test("without colours, text is left as it is", () => {
  const { bold, bad } = styleFor(false);
  expect(bold(bad("text"))).toBe("text");
});

/** Collects what progress writes. */
function output(isTerminal: boolean): { isTerminal: boolean; hasColor: boolean; text: string; write(text: string): void } {
  return {
    isTerminal,
    hasColor: false,
    text: "",
    write(text) {
      this.text += text;
    },
  };
}

test("in a file, a step is one line when it is done", async () => {
  const out = output(false);
  const progress = new Progress(out);
  const result = await progress.step(
    "hosts",
    async () => {
      progress.note("hosts", "1 of 2");
      return 2;
    },
    (n) => `${n} up`,
  );
  expect(result).toBe(2);
  expect(out.text).toMatch(/^ {2}hosts +2 up +\d+ ms\n$/);
});

test("on a terminal, the running step is overwritten, and a failed one ends its line", async () => {
  const out = output(true);
  const progress = new Progress(out);
  const failing = progress.step("hosts", () => Promise.reject(new Error("no")), String);
  await expect(failing).rejects.toThrow("no");
  progress.end();
  expect(out.text).toBe("  hosts        ...\n");
});
