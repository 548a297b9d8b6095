/** The types of the schemas that the library carries are those that are written today. */
import { readFileSync } from "node:fs";
import { OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { libraryTypes } from "../src/db/schema-types.ts";

const squeezed = (text: string): string => text.replace(/[\s"|;,]/g, "");

test.each([
  ["open-vswitch", OPEN_VSWITCH],
  ["ovn-northbound", OVN_NORTHBOUND],
  ["ovn-southbound", OVN_SOUTHBOUND],
])("%s: after a change of the schema run node scripts/schema-types.mjs", (name, schema) => {
  const written = readFileSync(new URL(`../../ovsdb/src/schemas/types/${name}.ts`, import.meta.url), "utf8");
  expect(squeezed(written)).toBe(squeezed(libraryTypes(schema)));
});
