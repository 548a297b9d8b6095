import { existsSync, readFileSync } from "node:fs";
import { OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, type SchemaJson } from "@tenet/ovsdb";
import { expect, test } from "vitest";

const CASES: readonly [SchemaJson, string][] = [
  [OPEN_VSWITCH, "/usr/share/openvswitch/vswitch.ovsschema"],
  [OVN_NORTHBOUND, "/usr/share/ovn/ovn-nb.ovsschema"],
  [OVN_SOUTHBOUND, "/usr/share/ovn/ovn-sb.ovsschema"],
];

for (const [schema, file] of CASES) {
  test(`the declaration of ${schema.name} means the same as the original's file`, (context) => {
    if (!existsSync(file)) {
      console.log(`skipped: ${file} is not installed`);
      context.skip();
    }
    expect(meaningOf(schema)).toEqual(meaningOf(asFields(JSON.parse(readFileSync(file, "utf8")))));
  });
}

test("every reference names a table of its own database", () => {
  for (const [schema] of CASES) {
    for (const { columns } of Object.values(schema.tables)) {
      for (const { type } of Object.values(columns)) {
        for (const base of [type.key, type.value]) {
          if (base?.refTable !== undefined) expect(Object.keys(schema.tables)).toContain(base.refTable);
        }
      }
    }
  }
});

type Fields = { readonly [name: string]: unknown };

/** The schema with every default of RFC 7047 written out and every shorthand expanded. */
function meaningOf(schema: Fields | SchemaJson): Fields {
  return { ...schema, tables: mapValues(schema.tables, tableMeaning) };
}

function tableMeaning(table: Fields): Fields {
  const { columns, ...options } = table;
  return { isRoot: false, ...options, columns: mapValues(columns, columnMeaning) };
}

function columnMeaning({ type, ...options }: Fields): Fields {
  const { key, value, ...bounds } = asFields(typeof type === "string" ? { key: type } : type);
  return { ...options, type: { min: 1, max: 1, ...bounds, key: baseMeaning(key), value: value && baseMeaning(value) } };
}

function baseMeaning(base: unknown): Fields {
  const full = asFields(typeof base === "string" ? { type: base } : base);
  return "refTable" in full ? { refType: "strong", ...full } : full;
}

function mapValues(object: unknown, meaning: (value: Fields) => Fields): Fields {
  return Object.fromEntries(Object.entries(asFields(object)).map(([key, value]) => [key, meaning(asFields(value))]));
}

function asFields(value: unknown): Fields {
  expect(value).toBeTypeOf("object");
  return value as Fields;
}
