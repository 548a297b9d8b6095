/**
 * Trust on first use: the authority that is to be trusted from now on comes from the first peer's chain.
 *
 * Between that connection and the next nobody is checked, so it is for networks that are trusted once.
 *
 * @see ovsdb-server(1), option `--bootstrap-ca-cert`
 */
import { writeFileSync } from "node:fs";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { AppError, errnoOf } from "@tenet/kit";
import { checksPeers, type TlsFiles } from "./tls-files.ts";

/** The first peer sent no authority that could be trusted. */
class BootstrapError extends AppError {
  static override readonly code: string = "OVSDB_TLS_BOOTSTRAP";
}

/**
 * Keeps the authority of a peer's chain, if none is known yet.
 *
 * @returns whether it was this peer's: it has to connect again, and is checked then
 * @throws BootstrapError when the chain does not end in a certificate that signs itself; Error when it cannot be written
 */
export function adoptAuthority(socket: TLSSocket, files: TlsFiles): boolean {
  if (files.caCert === undefined || checksPeers(files)) return false;
  const authority = lastOf(socket.getPeerCertificate(true));
  if (authority === undefined) {
    throw new BootstrapError("could not bootstrap CA cert: the peer's certificates do not end in a self-signed one", {
      hint: "Have the peer send its authority: --peer-ca-cert",
    });
  }
  const lines = authority.raw.toString("base64").match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  try {
    writeFileSync(files.caCert, pem, { flag: "wx", mode: 0o444 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return true;
}

/** The end of the chain, when it has signed itself. */
function lastOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate | undefined {
  let last = leaf;
  while (isKnown(last.issuerCertificate) && last.issuerCertificate !== last) last = last.issuerCertificate;
  return isKnown(last) && last.issuerCertificate === last ? last : undefined;
}

/** Node gives empty objects, and nothing, where a chain ends. */
function isKnown(certificate: DetailedPeerCertificate | undefined): certificate is DetailedPeerCertificate {
  return certificate !== undefined && Object.keys(certificate).length > 0;
}
