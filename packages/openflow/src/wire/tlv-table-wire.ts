/** Nicira's messages about options of tunnel headers: NXT_TLV_TABLE_MOD and NXT_TLV_TABLE_REPLY. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { MAX_OPTION_SIZE, N_TLV_FIELDS, type TlvMapping, type TlvTableMod, type TlvTableReply } from "../tlv-table.ts";
import { OpenFlowError } from "./openflow-error.ts";

const COMMANDS: readonly TlvTableMod["command"][] = ["add", "delete", "clear"];

const tableMod = defineStruct({ command: "u16", pad: "pad:6" });
const tableReply = defineStruct({ maxSpaceBytes: "u32", maxFields: "u16", pad: "pad:10" });
const mapping = defineStruct({ optionClass: "u16", optionType: "u8", sizeBytes: "u8", index: "u16", pad: "pad:2" });

/** The body of a change, after the experimenter header. */
export function encodeTlvTableMod({ command, mappings }: TlvTableMod): Uint8Array {
  const writer = new ByteWriter(64).struct(tableMod, { command: COMMANDS.indexOf(command) });
  for (const each of mappings) writer.struct(mapping, each);
  return writer.toBytes();
}

/** Reads the body of a change. @throws OpenFlowError, TruncatedError */
export function decodeTlvTableMod(reader: ByteReader): TlvTableMod {
  const { at } = reader;
  const number = reader.struct(tableMod).command;
  const command = COMMANDS[number];
  if (command === undefined) {
    throw new OpenFlowError("NXTTMFC_BAD_COMMAND", `TLV table command ${number} is not known`, { details: { at } });
  }
  return { type: "tlvTableMod", command, mappings: readMappings(reader) };
}

/** The body of the reply, after the experimenter header. */
export function encodeTlvTableReply(reply: TlvTableReply): Uint8Array {
  const writer = new ByteWriter(64).struct(tableReply, reply);
  for (const each of reply.mappings) writer.struct(mapping, each);
  return writer.toBytes();
}

/** Reads the body of the reply. @throws OpenFlowError, TruncatedError */
export function decodeTlvTableReply(reader: ByteReader): TlvTableReply {
  const { maxSpaceBytes, maxFields } = reader.struct(tableReply);
  return { type: "tlvTableReply", maxSpaceBytes, maxFields, mappings: readMappings(reader) };
}

function readMappings(reader: ByteReader): TlvMapping[] {
  const mappings: TlvMapping[] = [];
  while (reader.remaining > 0) {
    const { at } = reader;
    const each = reader.struct(mapping);
    if (each.sizeBytes % 4 !== 0 || each.sizeBytes > MAX_OPTION_SIZE) {
      throw new OpenFlowError("NXTTMFC_BAD_OPT_LEN", `An option cannot have ${each.sizeBytes} bytes`, { details: { at } });
    }
    if (each.index >= N_TLV_FIELDS) {
      throw new OpenFlowError("NXTTMFC_BAD_FIELD_IDX", `There is no field tun_metadata${each.index}`, { details: { at } });
    }
    mappings.push(each);
  }
  return mappings;
}
