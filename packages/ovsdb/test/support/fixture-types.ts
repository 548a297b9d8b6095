/** Rows of T 1.0.0, written by tenet db types. */
import { type MapInput, type SetInput, type UuidInput, type TypedSchema, typedSchema } from "@tenet/ovsdb";

/** A row of Root. */
export interface RootRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  /** One or none. */
  readonly i: readonly number[];
  readonly r: number;
  readonly b: boolean;
  readonly u: string;
  readonly e: readonly ("blue" | "green" | "red")[];
  readonly m: ReadonlyMap<string, number | bigint>;
  readonly s: readonly string[];
  /** Uuids of Kid. */
  readonly kids: readonly string[];
  /** Uuids of Kid. */
  readonly pals: readonly string[];
  readonly imm: string;
  readonly eph: number | bigint;
}

/** What may be written to a row of Root. */
export interface RootInput {
  readonly name?: string | undefined;
  readonly i?: SetInput<number> | undefined;
  readonly r?: number | undefined;
  readonly b?: boolean | undefined;
  readonly u?: UuidInput | undefined;
  readonly e?: SetInput<"blue" | "green" | "red"> | undefined;
  readonly m?: MapInput<string, number | bigint> | undefined;
  readonly s?: SetInput<string> | undefined;
  readonly kids?: SetInput<UuidInput> | undefined;
  readonly pals?: SetInput<UuidInput> | undefined;
  readonly imm?: string | undefined;
  readonly eph?: number | bigint | undefined;
}

/** A row of Kid. */
export interface KidRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly name: string;
  readonly n: number | bigint;
  /** Uuids of Kid, one or none. */
  readonly next: readonly string[];
  /** Uuids of Kid, one or none. */
  readonly pal1: readonly string[];
}

/** What may be written to a row of Kid. */
export interface KidInput {
  readonly name?: string | undefined;
  readonly n?: number | bigint | undefined;
  readonly next?: SetInput<UuidInput> | undefined;
  readonly pal1?: SetInput<UuidInput> | undefined;
}

/** A row of Few. */
export interface FewRow {
  readonly _uuid: string;
  readonly _version: string;
  readonly x: number | bigint;
}

/** What may be written to a row of Few. */
export interface FewInput {
  readonly x?: number | bigint | undefined;
}

/** The tables of T. */
export type TTables = {
  readonly Root: { readonly row: RootRow; readonly input: RootInput; readonly immutable: "imm" };
  readonly Kid: { readonly row: KidRow; readonly input: KidInput; readonly immutable: never };
  readonly Few: { readonly row: FewRow; readonly input: FewInput; readonly immutable: never };
};

/** The schema of T, which gives a replica its types. */
export const T: TypedSchema<TTables> = typedSchema({
  name: "T",
  version: "1.0.0",
  tables: {
    Root: {
      columns: {
        name: { type: "string" },
        i: { type: { key: { type: "integer", minInteger: 0, maxInteger: 100 }, min: 0 } },
        r: { type: "real" },
        b: { type: "boolean" },
        u: { type: "uuid" },
        e: { type: { key: { type: "string", enum: ["set", ["blue", "green", "red"]] }, min: 0, max: "unlimited" } },
        m: { type: { key: "string", value: "integer", min: 0, max: "unlimited" } },
        s: { type: { key: { type: "string", minLength: 1, maxLength: 5 }, min: 0, max: 3 } },
        kids: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0, max: "unlimited" } },
        pals: { type: { key: { type: "uuid", refTable: "Kid", refType: "weak" }, min: 0, max: "unlimited" } },
        imm: { type: "string", mutable: false },
        eph: { type: "integer", ephemeral: true },
      },
      isRoot: true,
      indexes: [["name"]],
    },
    Kid: {
      columns: {
        name: { type: "string" },
        n: { type: "integer" },
        next: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0 } },
        pal1: { type: { key: { type: "uuid", refTable: "Kid", refType: "weak" }, min: 0 } },
      },
      indexes: [["name", "n"]],
    },
    Few: { columns: { x: { type: "integer" } }, isRoot: true, maxRows: 2 },
  },
});
