/** The kernel's words for why something failed, as Open vSwitch writes them into the database. */
import { constants } from "node:os";
import { errnoOf, messageOf } from "@tenet/kit";
import { TlsNotConfiguredError, BadRemoteError } from "@tenet/ovsdb";
import { getSystemErrorMap } from "node:util";

/** Where libuv has words of its own. */
const WORDS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "No route to host",
  ENOTCONN: "Transport endpoint is not connected",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EEXIST: "File exists",
  EBUSY: "Device or resource busy",
  ENAMETOOLONG: "File name too long",
  EAGAIN: "Resource temporarily unavailable",
};

/** One phrase: `Connection refused`. */
export function describeFailure(error: unknown): string {
  if (error instanceof TlsNotConfiguredError || error instanceof BadRemoteError) return "Protocol not available";
  const name = errnoOf(error);
  if (name === "ENOTFOUND" || name === "EAI_AGAIN") return "Address family not supported by protocol";
  if (name === undefined) return messageOf(error);
  // What has no number in the kernel is a certificate, or a peer, that does not keep to TLS.
  return name in constants.errno || name in WORDS ? phraseOf(name) : "Protocol error";
}

/** The phrase for `ENODEV` and its like. */
export function phraseOf(errno: string): string {
  const words = WORDS[errno];
  if (words !== undefined) return words;
  const number = (constants.errno as Readonly<Record<string, number>>)[errno];
  const [, text] = (number === undefined ? undefined : getSystemErrorMap().get(-number)) ?? [];
  return text === undefined ? errno : text.charAt(0).toUpperCase() + text.slice(1);
}
