/**
 * Fixed layouts of bytes, stated once as a table of fields.
 *
 * The table is compiled to straight-line DataView code: reading a struct costs what hand-written code
 * costs, and the layout, its size, its documentation and its test data all come from the one table.
 */
import { AppError, TruncatedError } from "@tenet/kit";

/**
 * How a field lies in memory: unsigned or signed integers by bits (`u48` and below are numbers, 64 bits
 * are bigint), `bytes:N`, `text:N` (UTF-8, padded with zeros), `pad:N` (written as zeros, not read).
 */
export type FieldType =
  | "u8"
  | "u16"
  | "u32"
  | "u48"
  | "u64"
  | "i8"
  | "i16"
  | "i32"
  | "i64"
  | `bytes:${number}`
  | `text:${number}`
  | `pad:${number}`;

/** A field's type, or its type with a sentence about it. */
export type FieldDecl = FieldType | { readonly type: FieldType; readonly doc: string };

/** The table of a struct, in memory order. */
export type StructDecl = Readonly<Record<string, FieldDecl>>;

type TypeOf<F extends FieldDecl> = F extends { readonly type: infer T } ? T : F;
type ValueOf<T> = T extends "u64" | "i64"
  ? bigint
  : T extends `bytes:${number}`
    ? Uint8Array
    : T extends `text:${number}`
      ? string
      : number;

/** What a struct holds: one property for each field that is not padding. */
export type StructValue<D extends StructDecl> = {
  readonly [K in keyof D as TypeOf<D[K]> extends `pad:${number}` ? never : K]: ValueOf<TypeOf<D[K]>>;
};

/** A field in its place. */
export interface StructField {
  readonly name: string;
  readonly type: FieldType;
  /** Bytes from the start of the struct. */
  readonly at: number;
  readonly sizeBytes: number;
  readonly doc: string | undefined;
}

/** A compiled struct. */
export interface Struct<D extends StructDecl> {
  /** Size in bytes. */
  readonly size: number;
  readonly fields: readonly StructField[];
  /** Reads the struct at byte offset `at`. @throws TruncatedError when it does not fit into the view */
  read(view: DataView, at: number): StructValue<D>;
  /** Writes the struct at byte offset `at`. @throws TruncatedError when it does not fit into the view */
  write(view: DataView, at: number, value: StructValue<D>): void;
}

/** Byte order of a struct; network protocols are big-endian. */
export interface StructOptions {
  readonly isLittleEndian?: boolean;
}

/** A struct was declared wrongly: a fault of the program. */
export class StructDeclError extends AppError {
  static override readonly code: string = "WIRE_STRUCT_DECL";
}

/**
 * Compiles a table of fields.
 *
 * @throws StructDeclError when a name or type is none
 * @example
 * const header = defineStruct({ version: "u8", type: "u8", length: "u16", xid: "u32" });
 * const { length, xid } = header.read(view, 0);
 */
export function defineStruct<const D extends StructDecl>(decl: D, options: StructOptions = {}): Struct<D> {
  const fields = layOut(decl);
  const last = fields.at(-1);
  const size = last === undefined ? 0 : last.at + last.sizeBytes;
  const little = options.isLittleEndian === true;
  const read = compileRead(fields, little);
  const write = compileWrite(fields, little);
  return {
    size,
    fields,
    read(view, at) {
      if (at < 0 || at + size > view.byteLength) throw truncated("read", fields, size, view, at);
      return read(view, at) as StructValue<D>;
    },
    write(view, at, value) {
      if (at < 0 || at + size > view.byteLength) throw truncated("write", fields, size, view, at);
      write(view, at, value);
    },
  };
}

const SIZES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u48: 6, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8 };
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TYPE = /^(?:[ui](?:8|16|32|64)|u48|(?:bytes|text|pad):(\d+))$/;

function layOut(decl: StructDecl): StructField[] {
  let at = 0;
  return Object.entries(decl).map(([name, field]) => {
    const type = typeof field === "string" ? field : field.type;
    const match = TYPE.exec(type);
    if (!NAME.test(name) || match === null) throw new StructDeclError(`Cannot declare a field "${name}" of type "${type}"`);
    const sizeBytes = SIZES[type] ?? Number(match[1]);
    const laid = { name, type, at, sizeBytes, doc: typeof field === "string" ? undefined : field.doc };
    at += sizeBytes;
    return laid;
  });
}

const GETTERS: Readonly<Record<string, string>> = {
  u8: "Uint8",
  u16: "Uint16",
  u32: "Uint32",
  u64: "BigUint64",
  i8: "Int8",
  i16: "Int16",
  i32: "Int32",
  i64: "BigInt64",
};

type Read = (view: DataView, at: number) => unknown;
type Write = (view: DataView, at: number, value: unknown) => void;

function compileRead(fields: readonly StructField[], little: boolean): Read {
  const parts = fields
    .filter(({ type }) => !type.startsWith("pad:"))
    .map((field) => `${field.name}: ${readExpression(field, little)}`);
  return new Function("text", "bytes", `return (v, at) => ({ ${parts.join(", ")} });`)(readText, readBytes) as Read;
}

function readExpression({ type, at, sizeBytes }: StructField, little: boolean): string {
  const where = `at + ${at}`;
  if (type.startsWith("bytes:")) return `bytes(v, ${where}, ${sizeBytes})`;
  if (type.startsWith("text:")) return `text(v, ${where}, ${sizeBytes})`;
  if (type === "u48") {
    return little
      ? `v.getUint32(${where}, true) + v.getUint16(${where} + 4, true) * 0x100000000`
      : `v.getUint16(${where}) * 0x100000000 + v.getUint32(${where} + 2)`;
  }
  return `v.get${GETTERS[type]}(${where}${sizeBytes > 1 && little ? ", true" : ""})`;
}

function compileWrite(fields: readonly StructField[], little: boolean): Write {
  const lines = fields.map((field) => writeStatement(field, little));
  return new Function("text", "bytes", "zero", `return (v, at, o) => { ${lines.join(" ")} };`)(
    writeText,
    writeBytes,
    writeZeros,
  ) as Write;
}

function writeStatement({ name, type, at, sizeBytes }: StructField, little: boolean): string {
  const where = `at + ${at}`;
  if (type.startsWith("pad:")) return `zero(v, ${where}, ${sizeBytes});`;
  if (type.startsWith("bytes:")) return `bytes(v, ${where}, ${sizeBytes}, o.${name});`;
  if (type.startsWith("text:")) return `text(v, ${where}, ${sizeBytes}, o.${name});`;
  if (type === "u48") {
    const high = `Math.floor(o.${name} / 0x100000000)`;
    return little
      ? `v.setUint32(${where}, o.${name} % 0x100000000, true); v.setUint16(${where} + 4, ${high}, true);`
      : `v.setUint16(${where}, ${high}); v.setUint32(${where} + 2, o.${name} % 0x100000000);`;
  }
  return `v.set${GETTERS[type]}(${where}, o.${name}${sizeBytes > 1 && little ? ", true" : ""});`;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function readBytes(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
}

function readText(view: DataView, at: number, size: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function writeZeros(view: DataView, at: number, size: number): void {
  new Uint8Array(view.buffer, view.byteOffset + at, size).fill(0);
}

function writeBytes(view: DataView, at: number, size: number, value: Uint8Array): void {
  const target = new Uint8Array(view.buffer, view.byteOffset + at, size).fill(0);
  target.set(value.subarray(0, size));
}

function writeText(view: DataView, at: number, size: number, value: string): void {
  // One byte stays zero, so that a reader in C finds the end.
  const target = new Uint8Array(view.buffer, view.byteOffset + at, size).fill(0);
  encoder.encodeInto(value, target.subarray(0, Math.max(0, size - 1)));
}

function truncated(verb: string, fields: readonly StructField[], size: number, view: DataView, at: number): TruncatedError {
  const missing = fields.find((field) => at + field.at + field.sizeBytes > view.byteLength);
  return new TruncatedError(`Cannot ${verb} ${size} bytes at offset ${at}: the message has ${view.byteLength}`, {
    details: { at, sizeBytes: size, availableBytes: view.byteLength, field: missing?.name },
  });
}
