/**
 * The files that make connections of `pssl:` and `ssl:` remotes private: who we are, and whom we trust.
 *
 * As with the original, a peer is whoever has a certificate of the same authority; the names in it do not count.
 */
import { readFileSync } from "node:fs";
import type { CommonConnectionOptions, SecureContextOptions } from "node:tls";
import { IoError, messageOf } from "@tenet/kit";

/** Paths of PEM files, and what may be negotiated. */
export interface TlsFiles {
  /** The private key, `--private-key`. */
  readonly privateKey: string;
  /** The certificate of that key, `--certificate`. */
  readonly certificate: string;
  /** The certificates of the authority that signs peers, `--ca-cert`; without it peers are not checked. */
  readonly caCert?: string;
  /** The oldest protocol that is spoken; 1.2 when absent. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's list of ciphers, `--ssl-ciphers`. */
  readonly ciphers?: string;
}

/** Reads the files. @throws IoError */
export function readTlsFiles(files: TlsFiles): SecureContextOptions & CommonConnectionOptions {
  const { caCert, ciphers } = files;
  return {
    key: readPem(files.privateKey, "private key"),
    cert: readPem(files.certificate, "certificate"),
    ...(caCert === undefined ? {} : { ca: readPem(caCert, "CA certificate") }),
    ...(ciphers === undefined ? {} : { ciphers }),
    minVersion: files.minVersion ?? "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: caCert !== undefined,
  };
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new IoError(`Cannot read ${what} "${path}": ${messageOf(error)}`, {
      hint: "Make keys and certificates with ovs-pki or openssl",
      details: { path },
      cause: error,
    });
  }
}
