/**
 * The files that make connections of `pssl:` and `ssl:` remotes private: who we are, and whom we trust.
 *
 * As with the original, a peer is whoever has a certificate of the same authority; the names in it do not count.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import type { CommonConnectionOptions, SecureContextOptions, SecureVersion } from "node:tls";
import { AppError, IoError, messageOf } from "@tenet/kit";

/** A connection over TLS was asked for, and it is not said with which certificate. */
export class TlsNotConfiguredError extends AppError {
  static override readonly code: string = "OVSDB_TLS_NOT_CONFIGURED";
}

/** Paths of PEM files, and what may be negotiated. */
export interface TlsFiles {
  /** The private key, `--private-key`. */
  readonly privateKey: string;
  /** The certificate of that key, `--certificate`. */
  readonly certificate: string;
  /** The certificates of the authority that signs peers, `--ca-cert`; without it peers are not checked. */
  readonly caCert?: string;
  /** While the file of `caCert` does not exist, the first peer is trusted, and its authority kept there. */
  readonly isBootstrap?: boolean;
  /** Certificates sent to peers after ours, `--peer-ca-cert`. */
  readonly peerCaCert?: string;
  /** The oldest protocol that is spoken; 1.2 when absent. */
  readonly minVersion?: SecureVersion;
  /** The newest; 1.3 when absent. */
  readonly maxVersion?: SecureVersion;
  /** OpenSSL's list of ciphers, `--ssl-ciphers`. */
  readonly ciphers?: string;
  /** The ciphers of TLS 1.3, `--ssl-ciphersuites`. */
  readonly cipherSuites?: string;
}

/** Where the files are found: fixed, or looked up for each connection. */
export type TlsSource = TlsFiles | (() => TlsFiles | undefined);

/** What `node:tls` takes for both sides. */
export type TlsOptions = SecureContextOptions & CommonConnectionOptions;

/** Certificates that are read again when other files are to be used, or the files have changed. */
export class TlsIdentity {
  readonly #source: TlsSource | undefined;
  #seen = "";
  #options: TlsOptions = {};

  constructor(source: TlsSource | undefined) {
    this.#source = source;
  }

  /** Whether there may be certificates later though there are none now. */
  get mayChange(): boolean {
    return typeof this.#source === "function";
  }

  /** The files of this moment. @throws TlsNotConfiguredError */
  files(): TlsFiles {
    const files = typeof this.#source === "function" ? this.#source() : this.#source;
    if (files !== undefined) return files;
    throw new TlsNotConfiguredError("Private key must be configured to use SSL", {
      hint: "Give a private key, its certificate and the authority's certificate",
    });
  }

  /** The options of this moment: the same object until something has changed. @throws TlsNotConfiguredError, IoError */
  options(): TlsOptions {
    const files = this.files();
    const paths = [files.privateKey, files.certificate, files.caCert ?? "", files.peerCaCert ?? ""];
    const seen = JSON.stringify([files, paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs)]);
    if (seen !== this.#seen) {
      this.#options = readTlsFiles(files);
      this.#seen = seen;
    }
    return this.#options;
  }
}

/** Whether peers must show a certificate of the authority now. */
export function checksPeers({ caCert, isBootstrap }: TlsFiles): boolean {
  return caCert !== undefined && !(isBootstrap === true && !existsSync(caCert));
}

/** Reads the files. @throws IoError */
export function readTlsFiles(files: TlsFiles): TlsOptions {
  const { caCert, peerCaCert, ciphers, cipherSuites, maxVersion } = files;
  const isChecking = checksPeers(files);
  const chain = [readPem(files.certificate, "certificate")];
  if (peerCaCert !== undefined) chain.push(readPem(peerCaCert, "peer CA certificate"));
  const allowed = [cipherSuites, ciphers].filter((list) => list !== undefined);
  return {
    key: readPem(files.privateKey, "private key"),
    cert: chain.join("\n"),
    ...(caCert === undefined || !isChecking ? {} : { ca: readPem(caCert, "CA certificate") }),
    ...(allowed.length === 0 ? {} : { ciphers: allowed.join(":") }),
    minVersion: files.minVersion ?? "TLSv1.2",
    ...(maxVersion === undefined ? {} : { maxVersion }),
    requestCert: true,
    rejectUnauthorized: isChecking,
  };
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    throw new IoError(`Cannot read ${what} "${path}": ${messageOf(error)}`, {
      hint: "Make keys and certificates with ovs-pki or openssl",
      details: { path },
      cause: error,
    });
  }
}
