/** Flow-mods: the standard ones of each version, and Nicira's for OpenFlow 1.0. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { type Match, PORT } from "../action.ts";
import { clearMatch } from "../match/match.ts";
import { ALL_TABLES, FLOW_FLAG, type FlowSpec } from "../flow-spec.ts";
import { type FlowMod, type FlowModCommand, VERSION } from "../message.ts";
import type { CodecOptions } from "./codec-options.ts";
import { decodeInstructions } from "./decode-actions.ts";
import { encodeInstructions } from "./encode-instructions.ts";
import { isOf10Match, readOf10Match, writeOf10Match } from "./of10-match.ts";
import { checkOf11 } from "./of11-match.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeFields, encodeNxm, readMatch, writeMatch } from "./oxm.ts";
import { narrowPort, widenPort } from "./port-number.ts";

const COMMANDS: readonly FlowModCommand[] = ["add", "modify", "modifyStrict", "delete", "deleteStrict"];
/** The first two of what {@link FLOW_FLAG} names are of OpenFlow 1.0, the third is of 1.2, and all are of 1.3. */
const ALL_FLAGS_10 = FLOW_FLAG.SEND_FLOW_REM | FLOW_FLAG.CHECK_OVERLAP;
const ALL_FLAGS_12 = ALL_FLAGS_10 | FLOW_FLAG.RESET_COUNTS;
const ALL_FLAGS = 0x1f;
/** By wire version. */
const FLAGS_OF_VERSION = [0, ALL_FLAGS_10, ALL_FLAGS_10, ALL_FLAGS_12, ALL_FLAGS, ALL_FLAGS, ALL_FLAGS] as const;
const NO_BUFFER = 0xffff_ffff;
const ANY_GROUP = 0xffff_ffff;
const NO_PORT = PORT.NONE;
/** The cookie that leaves those of modified flows as they are. */
const KEEP_COOKIE = 2n ** 64n - 1n;

/** ofp_flow_mod, OpenFlow 1.0.0 section 5.3.3, after the match. */
const flowMod10 = defineStruct({
  cookie: "u64",
  command: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  priority: "u16",
  bufferId: "u32",
  outPort: "u16",
  flags: "u16",
});

/** nx_flow_mod, after the experimenter header: NXM fields and actions follow. */
const flowModNx = defineStruct({
  cookie: "u64",
  command: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  priority: "u16",
  bufferId: "u32",
  outPort: "u16",
  flags: "u16",
  matchLength: "u16",
  pad: "pad:6",
});

/** ofp_flow_mod, OpenFlow 1.5.1 section 7.3.4.2; `importance` is padding before 1.4. */
const flowMod13 = defineStruct({
  cookie: "u64",
  cookieMask: "u64",
  table: "u8",
  command: "u8",
  idleTimeout: "u16",
  hardTimeout: "u16",
  priority: "u16",
  bufferId: "u32",
  outPort: "u32",
  outGroup: "u32",
  flags: "u16",
  importance: "u16",
});

/** Whether OpenFlow 1.0 needs Nicira's flow-mod for this one. */
export function needsNiciraFlowMod({ flow, command }: FlowMod): boolean {
  return !isOf10Match(flow.match) || (command !== "add" && (flow.cookieMask ?? 0n) !== 0n);
}

/** The body of a flow-mod after the message header (and after the experimenter header of Nicira's). */
export function encodeFlowMod(mod: FlowMod, version: number, options: CodecOptions): Uint8Array {
  const writer = new ByteWriter();
  if (version === 1) writeFlowMod10(writer, mod, options);
  else writeFlowMod13(writer, mod, version);
  return writer.toBytes();
}

function writeFlowMod10(writer: ByteWriter, mod: FlowMod, options: CodecOptions): void {
  const { flow } = mod;
  const table = options.hasTableId === false ? 0 : flow.table;
  const fixed = {
    cookie: isModification(mod.command) ? newCookieOf(mod) : flow.cookie,
    command: COMMANDS.indexOf(mod.command) | (table << 8),
    idleTimeout: flow.idleTimeout,
    hardTimeout: flow.hardTimeout,
    priority: flow.priority,
    bufferId: mod.bufferId ?? NO_BUFFER,
    outPort: flow.outPort ?? NO_PORT,
    flags: flow.flags & (FLOW_FLAG.SEND_FLOW_REM | FLOW_FLAG.CHECK_OVERLAP),
  };
  const actions = encodeInstructions(flow.actions, 1, flow.match);
  if (!needsNiciraFlowMod(mod)) {
    writeOf10Match(writer, flow.match);
    writer.struct(flowMod10, fixed).bytes(actions);
    return;
  }
  const isAdd = mod.command === "add";
  const fields = encodeNxm(flow.match, isAdd ? undefined : { cookie: flow.cookie, mask: flow.cookieMask ?? 0n });
  const start = writer.length;
  writer
    .struct(flowModNx, { ...fixed, cookie: mod.command.startsWith("delete") ? 0n : fixed.cookie, matchLength: fields.length })
    .bytes(fields);
  writer.align(8, start).bytes(actions);
}

function writeFlowMod13(writer: ByteWriter, mod: FlowMod, version: number): void {
  const { flow } = mod;
  if (version === VERSION.OF11) checkOf11(flow.match);
  writer.struct(flowMod13, {
    cookie: flow.cookie,
    cookieMask: flow.cookieMask ?? 0n,
    table: flow.table === ALL_TABLES && !mayBeOfAll(mod.command, version) ? 0 : flow.table,
    command: COMMANDS.indexOf(mod.command),
    idleTimeout: flow.idleTimeout,
    hardTimeout: flow.hardTimeout,
    priority: flow.priority,
    bufferId: mod.bufferId ?? NO_BUFFER,
    outPort: widenPort(flow.outPort ?? NO_PORT),
    outGroup: flow.outGroup ?? ANY_GROUP,
    flags: flow.flags & flagsOf(version),
    importance: version >= 5 ? flow.importance : 0,
  });
  writeMatch(writer, flow.match, version);
  writer.bytes(encodeInstructions(flow.actions, version, flow.match));
}

/** Reads the body of a standard flow-mod. @throws OpenFlowError, TruncatedError */
export function decodeFlowMod(reader: ByteReader, version: number, options: CodecOptions): FlowMod {
  if (version !== 1) return decodeFlowMod13(reader, version, options.flowModMatch);
  const match = readOf10Match(reader);
  const fixed = reader.struct(flowMod10);
  const command = commandOf(fixed.command, options);
  return finishFlowMod10(fixed, command, match, undefined, actionsOf10(reader, match, options), options);
}

/** Reads the body of Nicira's flow-mod. @throws OpenFlowError, TruncatedError */
export function decodeNiciraFlowMod(reader: ByteReader, options: CodecOptions): FlowMod {
  const fixed = reader.struct(flowModNx);
  const { match, cookie } = decodeFields(reader.sub(fixed.matchLength));
  reader.skip((8 - (fixed.matchLength % 8)) % 8);
  const command = commandOf(fixed.command, options);
  return finishFlowMod10(fixed, command, match, cookie, actionsOf10(reader, match, options), options);
}

function actionsOf10(reader: ByteReader, match: Match, { flowModMatch }: CodecOptions): FlowActions {
  return readActionsOf(reader, 1, match, flowModMatch !== undefined);
}

/** With table numbers on, the high byte of a command is one. */
function commandOf(number: number, { hasTableId = true }: CodecOptions): FlowModCommand {
  const command = COMMANDS[hasTableId ? number & 0xff : number];
  if (command === undefined) throw badCommand(number);
  return command;
}

type Fixed10 = ReturnType<typeof flowMod10.read>;

function finishFlowMod10(
  fixed: Fixed10,
  command: FlowModCommand,
  match: FlowSpec["match"],
  cookieMatch: { readonly cookie: bigint; readonly mask: bigint } | undefined,
  { actions, actionBytes }: FlowActions,
  options: CodecOptions,
): FlowMod {
  const hasTableId = options.hasTableId !== false;
  const isDelete = command === "delete" || command === "deleteStrict";
  const matchesCookie = cookieMatch !== undefined && cookieMatch.mask !== 0n && command !== "add";
  const newCookie = isModification(command) && fixed.cookie !== KEEP_COOKIE ? fixed.cookie : undefined;
  const table = hasTableId ? fixed.command >>> 8 : command === "add" ? 0 : ALL_TABLES;
  if ((fixed.flags & ~ALL_FLAGS_10) !== 0)
    throw new OpenFlowError("OFPFMFC_BAD_FLAGS", `A flow cannot have the flags ${fixed.flags}`);
  return {
    type: "flowMod",
    command,
    flow: {
      table,
      priority: fixed.priority,
      cookie: matchesCookie ? cookieMatch.cookie : fixed.cookie,
      ...(matchesCookie ? { cookieMask: cookieMatch.mask } : {}),
      match,
      actions,
      ...(actionBytes === undefined ? {} : { actionBytes }),
      idleTimeout: fixed.idleTimeout,
      hardTimeout: fixed.hardTimeout,
      flags: (fixed.flags & (FLOW_FLAG.SEND_FLOW_REM | FLOW_FLAG.CHECK_OVERLAP)) | impliedFlags(command),
      importance: 0,
      ...(isDelete && fixed.outPort !== NO_PORT ? { outPort: fixed.outPort } : {}),
    },
    ...(newCookie === undefined ? {} : { newCookie }),
    ...(fixed.bufferId === NO_BUFFER || isDelete ? {} : { bufferId: fixed.bufferId }),
  };
}

/** What OpenFlow 1.2 has a flag for: before, a flow that is added begins to count anew, and one that is modified goes on. */
function impliedFlags(command: FlowModCommand): number {
  return command === "add" ? FLOW_FLAG.RESET_COUNTS : 0;
}

/** What is sent as the cookie that flows get: without one to look for it is that of the flow, which might be added. */
function newCookieOf({ flow, newCookie }: FlowMod): bigint {
  return newCookie ?? ((flow.cookieMask ?? 0n) === 0n ? flow.cookie : KEEP_COOKIE);
}

function isModification(command: FlowModCommand): boolean {
  return command === "modify" || command === "modifyStrict";
}

function decodeFlowMod13(reader: ByteReader, version: number, scratch: Match | undefined): FlowMod {
  const { at } = reader;
  const fixed = reader.struct(flowMod13);
  const command = COMMANDS[fixed.command];
  if (command === undefined) throw badCommand(fixed.command);
  if (scratch !== undefined) clearMatch(scratch);
  const match = readMatch(reader, scratch);
  const { actions, actionBytes } = readActionsOf(reader, version, match, scratch !== undefined);
  const outPort = narrowPort(fixed.outPort);
  if (outPort === undefined) {
    throw new OpenFlowError("OFPBAC_BAD_OUT_PORT", `No port can have the number ${fixed.outPort}`, { details: { at } });
  }
  if ((fixed.flags & ~flagsOf(version)) !== 0) {
    throw new OpenFlowError("OFPFMFC_BAD_FLAGS", `A flow cannot have the flags ${fixed.flags}`, { details: { at } });
  }
  if (fixed.table === ALL_TABLES && !mayBeOfAll(command, version)) {
    throw new OpenFlowError("OFPFMFC_BAD_TABLE_ID", "A flow is added to one table, and modified in one", { details: { at } });
  }
  const isDelete = command.startsWith("delete");
  const { table, priority, cookie, cookieMask, idleTimeout, hardTimeout, outGroup, bufferId } = fixed;
  const flags = version === VERSION.OF11 ? fixed.flags | impliedFlags(command) : fixed.flags;
  const importance = version >= 5 ? fixed.importance : 0;
  const plain: FlowSpec =
    actionBytes === undefined
      ? { table, priority, cookie, match, actions, idleTimeout, hardTimeout, flags, importance }
      : { table, priority, cookie, match, actions, actionBytes, idleTimeout, hardTimeout, flags, importance };
  const flow: FlowSpec =
    command === "add"
      ? plain // most flow-mods are
      : {
          ...plain,
          ...(cookieMask === 0n ? {} : { cookieMask }),
          ...(isDelete && outPort !== NO_PORT ? { outPort } : {}),
          ...(isDelete && outGroup !== ANY_GROUP ? { outGroup } : {}),
        };
  return bufferId === NO_BUFFER || isDelete ? { type: "flowMod", command, flow } : { type: "flowMod", command, flow, bufferId };
}

type FlowActions = Pick<FlowSpec, "actions" | "actionBytes">;

/** Reads actions to the end of a reader. @param lends - whether to say where they lay */
function readActionsOf(reader: ByteReader, version: number, match: Match, lends: boolean): FlowActions {
  if (!lends) return { actions: decodeInstructions(reader, version, match), actionBytes: undefined };
  const { bytes, view, start, end } = reader.unread;
  const actions = decodeInstructions(reader, version, match);
  return { actions, actionBytes: { actions, version, bytes, view, start, end } };
}

/** Whether a flow-mod may be about all tables: in OpenFlow 1.1 none is, in later versions deletions are. */
function mayBeOfAll(command: FlowModCommand, version: number): boolean {
  return command.startsWith("delete") && version !== VERSION.OF11;
}

/** The flags of flows that a version has. */
function flagsOf(version: number): number {
  return FLAGS_OF_VERSION[version] ?? ALL_FLAGS;
}

function badCommand(command: number): OpenFlowError {
  return new OpenFlowError("OFPFMFC_BAD_COMMAND", `Flow-mod command ${command} is not known`);
}
