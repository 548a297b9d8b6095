export { ByteReader } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
export {
  defineStruct,
  type FieldDecl,
  type FieldType,
  type Struct,
  type StructDecl,
  StructDeclError,
  type StructField,
  type StructOptions,
  type StructValue,
} from "./struct.ts";
