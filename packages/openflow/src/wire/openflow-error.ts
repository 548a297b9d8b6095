/**
 * Faults of OpenFlow messages by name, and the numbers that each version gives them.
 *
 * A decoder throws OpenFlowError; the connection answers the peer with the error message that it stands for.
 */
import { type AppErrorOptions, ProtocolError, TruncatedError } from "@tenet/kit";
import type { Message } from "../message.ts";
import { ERROR_NUMBERS } from "./error-numbers.ts";

/** Name of an OpenFlow error, as the specification and ovs-ofctl call it. */
export type ErrorName = keyof typeof ERROR_NUMBERS;

/** Experimenter number of Nicira's extensions. */
export const NICIRA = 0x2320;
/** Experimenter number of the Open Networking Foundation's extensions. */
export const ONF = 0x4f4e_4600;
/** Error type of experimenters' errors. */
export const EXPERIMENTER_ERROR = 0xffff;
/** Error type of Nicira's vendor errors in OpenFlow 1.0 and 1.1. */
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
 * A name that the version has no number for becomes NXBRC_UNENCODABLE_ERROR.
 */
export function makeErrorMessage(name: ErrorName, version: number, data: Uint8Array): Message {
  const numbers = numbersOf(name, version) ?? numbersOf("NXBRC_UNENCODABLE_ERROR", version) ?? { errorType: 1, code: 1 };
  return { type: "error", ...numbers, data: data.slice(0, MAX_DATA_BYTES) };
}

/** All of the message at fault, so that the peer can show it; only the longest lose their end. */
const MAX_DATA_BYTES = 0xffff - 32;

/** The name of an error's numbers; `TYPE/CODE` when they have none here. */
export function formatErrorNumbers(version: number, error: Extract<Message, { type: "error" }>): string {
  for (const name of Object.keys(ERROR_NUMBERS) as ErrorName[]) {
    const numbers = numbersOf(name, version);
    const isSame = numbers?.errorType === error.errorType && numbers.code === error.code;
    if (isSame && numbers.experimenter === error.experimenter) return name;
  }
  return `${error.errorType}/${error.code}`;
}

interface Numbers {
  readonly errorType: number;
  readonly code: number;
  readonly experimenter?: number;
}

function numbersOf(name: ErrorName, version: number): Numbers | undefined {
  const columns = ERROR_NUMBERS[name].split(" ");
  const text = columns[Math.min(Math.max(version, 1), columns.length) - 1] ?? "-";
  const match = /^(nx|onf)?(?:(\d+)\/)?(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, owner, type, code] = match;
  const numbers = { errorType: type === undefined ? EXPERIMENTER_ERROR : Number(type), code: Number(code) };
  if (owner === undefined) return numbers;
  return { ...numbers, experimenter: owner === "nx" ? NICIRA : ONF };
}
