/**
 * Faults of OpenFlow messages by name, and the numbers that each version gives them.
 *
 * A decoder throws OpenFlowError; the connection answers the peer with the error message that it stands for.
 */
import { type AppErrorOptions, ProtocolError, TruncatedError } from "@tenet/kit";
import type { Message } from "../message.ts";

/** Numbers of an error: type and code, in OpenFlow 1.0 and in 1.3 and later; null = the version has none. */
const NUMBERS = {
  OFPHFC_INCOMPATIBLE: [
    [0, 0],
    [0, 0],
  ],
  OFPBRC_BAD_VERSION: [
    [1, 0],
    [1, 0],
  ],
  OFPBRC_BAD_TYPE: [
    [1, 1],
    [1, 1],
  ],
  OFPBRC_BAD_STAT: [
    [1, 2],
    [1, 2],
  ],
  OFPBRC_BAD_VENDOR: [
    [1, 3],
    [1, 3],
  ],
  OFPBRC_BAD_SUBTYPE: [
    [1, 4],
    [1, 4],
  ],
  OFPBRC_EPERM: [
    [1, 5],
    [1, 5],
  ],
  OFPBRC_BAD_LEN: [
    [1, 6],
    [1, 6],
  ],
  OFPBRC_BUFFER_EMPTY: [
    [1, 7],
    [1, 7],
  ],
  OFPBRC_BUFFER_UNKNOWN: [
    [1, 8],
    [1, 8],
  ],
  OFPBRC_BAD_TABLE_ID: [
    [1, 512],
    [1, 9],
  ],
  OFPBRC_IS_SLAVE: [null, [1, 10]],
  OFPBRC_BAD_PORT: [null, [1, 11]],
  OFPBRC_BAD_PACKET: [null, [1, 12]],
  OFPBRC_MULTIPART_BUFFER_OVERFLOW: [null, [1, 13]],
  OFPBAC_BAD_TYPE: [
    [2, 0],
    [2, 0],
  ],
  OFPBAC_BAD_LEN: [
    [2, 1],
    [2, 1],
  ],
  OFPBAC_BAD_VENDOR: [
    [2, 2],
    [2, 2],
  ],
  OFPBAC_BAD_VENDOR_TYPE: [
    [2, 3],
    [2, 3],
  ],
  OFPBAC_BAD_OUT_PORT: [
    [2, 4],
    [2, 4],
  ],
  OFPBAC_BAD_ARGUMENT: [
    [2, 5],
    [2, 5],
  ],
  OFPBAC_EPERM: [
    [2, 6],
    [2, 6],
  ],
  OFPBAC_TOO_MANY: [
    [2, 7],
    [2, 7],
  ],
  OFPBAC_BAD_QUEUE: [
    [2, 8],
    [2, 8],
  ],
  OFPBAC_BAD_OUT_GROUP: [
    [2, 9],
    [2, 9],
  ],
  OFPBAC_MATCH_INCONSISTENT: [null, [2, 10]],
  OFPBAC_BAD_TAG: [null, [2, 12]],
  OFPBAC_BAD_SET_TYPE: [null, [2, 13]],
  OFPBAC_BAD_SET_LEN: [null, [2, 14]],
  OFPBAC_BAD_SET_ARGUMENT: [null, [2, 15]],
  OFPBIC_UNKNOWN_INST: [null, [3, 0]],
  OFPBIC_UNSUP_INST: [null, [3, 1]],
  OFPBIC_BAD_TABLE_ID: [null, [3, 2]],
  OFPBIC_BAD_EXPERIMENTER: [null, [3, 5]],
  OFPBIC_BAD_LEN: [null, [3, 7]],
  OFPBIC_DUP_INST: [null, [3, 9]],
  OFPBMC_BAD_TYPE: [
    [1, 256],
    [4, 0],
  ],
  OFPBMC_BAD_LEN: [
    [1, 256],
    [4, 1],
  ],
  OFPBMC_BAD_WILDCARDS: [
    [1, 256],
    [4, 5],
  ],
  OFPBMC_BAD_FIELD: [
    [1, 257],
    [4, 6],
  ],
  OFPBMC_BAD_VALUE: [
    [1, 258],
    [4, 7],
  ],
  OFPBMC_BAD_MASK: [
    [1, 259],
    [4, 8],
  ],
  OFPBMC_BAD_PREREQ: [
    [1, 260],
    [4, 9],
  ],
  OFPBMC_DUP_FIELD: [
    [1, 261],
    [4, 10],
  ],
  OFPFMFC_UNKNOWN: [null, [5, 0]],
  OFPFMFC_TABLE_FULL: [
    [3, 0],
    [5, 1],
  ],
  OFPFMFC_BAD_TABLE_ID: [
    [1, 512],
    [5, 2],
  ],
  OFPFMFC_OVERLAP: [
    [3, 1],
    [5, 3],
  ],
  OFPFMFC_EPERM: [
    [3, 2],
    [5, 4],
  ],
  OFPFMFC_BAD_COMMAND: [
    [3, 4],
    [5, 6],
  ],
  OFPFMFC_BAD_FLAGS: [null, [5, 7]],
  OFPPMFC_BAD_PORT: [
    [4, 0],
    [7, 0],
  ],
  OFPPMFC_BAD_HW_ADDR: [
    [4, 1],
    [7, 1],
  ],
  OFPPMFC_BAD_CONFIG: [null, [7, 2]],
  OFPRRFC_STALE: [null, [11, 0]],
  OFPRRFC_UNSUP: [null, [11, 1]],
  OFPRRFC_BAD_ROLE: [null, [11, 2]],
  OFPBFC_UNKNOWN: [null, [17, 0]],
  OFPBFC_EPERM: [null, [17, 1]],
  OFPBFC_BAD_ID: [null, [17, 2]],
  OFPBFC_BUNDLE_EXIST: [null, [17, 3]],
  OFPBFC_BUNDLE_CLOSED: [null, [17, 4]],
  OFPBFC_OUT_OF_BUNDLES: [null, [17, 5]],
  OFPBFC_BAD_TYPE: [null, [17, 6]],
  OFPBFC_BAD_FLAGS: [null, [17, 7]],
  OFPBFC_MSG_BAD_LEN: [null, [17, 8]],
  OFPBFC_MSG_BAD_XID: [null, [17, 9]],
  OFPBFC_MSG_UNSUP: [null, [17, 10]],
  OFPBFC_MSG_CONFLICT: [null, [17, 11]],
  OFPBFC_MSG_TOO_MANY: [null, [17, 12]],
  OFPBFC_MSG_FAILED: [null, [17, 13]],
  OFPBFC_TIMEOUT: [null, [17, 14]],
  OFPBFC_BUNDLE_IN_PROGRESS: [null, [17, 15]],
} as const;

/** Name of an OpenFlow error, as the specification and ovs-ofctl call it. */
export type ErrorName = keyof typeof NUMBERS;

/** Experimenter number of Nicira's extensions. */
export const NICIRA = 0x2320;
/** Experimenter number of the Open Networking Foundation's extensions. */
export const ONF = 0x4f4e_4600;
/** Bundle errors of OpenFlow 1.3 are the ONF extension's, numbered from here. */
const ONF_BUNDLE_ERRORS = 2300;
/** Error type of experimenters' errors. */
export const EXPERIMENTER_ERROR = 0xffff;
/** Error type of Nicira's vendor errors in OpenFlow 1.0. */
export const NICIRA_VENDOR_ERROR = 0xb0c2;

/** A message that is understood but cannot be accepted; `details.at` is the byte offset where known. */
export class OpenFlowError extends ProtocolError {
  static override readonly code: string = "OPENFLOW_ERROR";
  readonly errorName: ErrorName;

  constructor(errorName: ErrorName, problem: string, options: AppErrorOptions = {}) {
    super(`${problem} (${errorName})`, { ...options, details: { ...options.details, error: errorName } });
    this.errorName = errorName;
  }
}

/** Which error a peer is told of for a fault of decoding. */
export function errorNameOf(error: unknown): ErrorName {
  if (error instanceof OpenFlowError) return error.errorName;
  return error instanceof TruncatedError ? "OFPBRC_BAD_LEN" : "OFPBRC_BAD_TYPE";
}

/**
 * An error message for a name; `data` are the first bytes of the message at fault.
 *
 * A name that the version has no number for becomes its nearest: a bad request, action or flow-mod.
 */
export function makeErrorMessage(name: ErrorName, version: number, data: Uint8Array): Message {
  const [of10, of13] = NUMBERS[name];
  const cut = data.slice(0, MAX_DATA_BYTES);
  if (version === 4 && name.startsWith("OFPBFC_")) {
    const code = ONF_BUNDLE_ERRORS + (of13?.[1] ?? 0);
    return { type: "error", errorType: EXPERIMENTER_ERROR, code, experimenter: ONF, data: cut };
  }
  const [errorType, code] = (version === 1 ? of10 : of13) ?? fallback(name);
  if (version === 1 && code >= 256) return { type: "error", errorType, code, experimenter: NICIRA, data: cut };
  return { type: "error", errorType, code, data: cut };
}

/** All of the message at fault, so that the peer can show it; only the longest lose their end. */
const MAX_DATA_BYTES = 0xffff - 32;

function fallback(name: ErrorName): readonly [number, number] {
  if (name.startsWith("OFPBAC_") || name.startsWith("OFPBIC_")) return [2, 5];
  if (name.startsWith("OFPFMFC_")) return [3, 5];
  return [1, 1];
}

/** The name of an error's numbers; `TYPE/CODE` when they have none here. */
export function formatErrorNumbers(version: number, error: Extract<Message, { type: "error" }>): string {
  const { errorType, code, experimenter } = error;
  const [type, number] = experimenter === ONF ? [17, code - ONF_BUNDLE_ERRORS] : [errorType, code];
  for (const [name, [of10, of13]] of Object.entries(NUMBERS)) {
    const numbers = version === 1 ? of10 : of13;
    if (numbers !== null && numbers[0] === type && numbers[1] === number) return name;
  }
  return `${errorType}/${code}`;
}
