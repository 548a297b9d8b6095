import { readFileSync } from "node:fs";
import fc from "fast-check";
import { IoError } from "@tenet/kit";
import { LabFileError, readLabFile } from "@tenet/lab";
import { expect, test } from "vitest";
import { labFolder } from "./support/lab-folder.ts";

const example = (file: string): string => readFileSync(new URL(`../../../examples/three-tier/${file}`, import.meta.url), "utf8");
const FILES = { "lab.yaml": example("lab.yaml"), "northbound.yaml": example("northbound.yaml"), "policies/x.dl": "" };

/** Words that mean something to YAML or to a lab, to be put anywhere. */
const words = fc.constantFrom(
  "",
  "-",
  ":",
  " ",
  "\n",
  "\t",
  "[",
  "]",
  "{",
  "}",
  "&a ",
  "*a",
  "!x ",
  "'",
  '"',
  "#",
  "~",
  "|",
  "? ",
  "0",
  "name",
  "%",
);
const edit = fc.record({ at: fc.nat(), nRemoved: fc.nat({ max: 12 }), inserted: words });

function mutate(text: string, edits: readonly { at: number; nRemoved: number; inserted: string }[]): string {
  let result = text;
  for (const { at, nRemoved, inserted } of edits) {
    const offset = at % (result.length + 1);
    result = result.slice(0, offset) + inserted + result.slice(offset + nRemoved);
  }
  return result;
}

/** Reads a lab that may be broken. @returns the fault, if it is a typed one */
function faultOf(files: { readonly [path: string]: string }): LabFileError | undefined {
  try {
    readLabFile(labFolder(files));
    return undefined;
  } catch (error) {
    if (error instanceof LabFileError) return error;
    if (error instanceof IoError) return undefined; // a name of a file may have been broken
    throw error;
  }
}

test.each(["lab.yaml", "northbound.yaml"] as const)(
  "whatever becomes of %s, the fault is named with a place inside a file",
  (file) => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const text = mutate(FILES[file], edits);
        const fault = faultOf({ ...FILES, [file]: text });
        if (fault === undefined) return;
        const nLines = Math.max(...[text, FILES["lab.yaml"]].map((each) => each.split("\n").length));
        expect(fault.at.line).toBeGreaterThan(0);
        expect(fault.at.line).toBeLessThanOrEqual(nLines);
        expect(fault.at.column).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  },
);

test("nesting without end is a fault like any other", () => {
  const fault = faultOf({ ...FILES, "lab.yaml": `hosts: ${"[".repeat(20_000)}${"]".repeat(20_000)}` });
  expect(fault).toBeInstanceOf(LabFileError);
});

test("a file that is not text is a fault with a place", () => {
  expect(faultOf({ ...FILES, "lab.yaml": "\u0000\u0001\ufffd\u0000" })).toBeInstanceOf(LabFileError);
});
