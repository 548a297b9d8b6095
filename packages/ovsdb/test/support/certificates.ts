/** Certificates for tests, made by openssl: an authority, and who it signs. */
import { join } from "node:path";
import type { TlsFiles } from "@tenet/ovsdb";
import { peer } from "./peers.ts";

/** An authority in a folder. */
export interface Authority {
  /** Makes a key and a certificate for a name. */
  issue(name: string): Promise<Required<Pick<TlsFiles, "privateKey" | "certificate" | "caCert">>>;
}

/** Makes an authority. */
export async function makeAuthority(folder: string, authority: string): Promise<Authority> {
  const openssl = (...options: string[]) => peer(folder, "openssl", ...options);
  const file = (name: string, suffix: string) => join(folder, `${name}-${suffix}.pem`);
  const [key, caCert] = [file(authority, "privkey"), file(authority, "cacert")];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl("req", "-x509", ...newKey, "-keyout", key, "-out", caCert, "-subj", `/CN=${authority}`, "-days", "2");
  return {
    async issue(name) {
      const [privateKey, request, certificate] = [file(name, "privkey"), file(name, "req"), file(name, "cert")];
      const address = ["-addext", "subjectAltName=IP:127.0.0.1"];
      await openssl("req", ...newKey, ...address, "-keyout", privateKey, "-out", request, "-subj", `/CN=${name}`);
      const signing = ["-in", request, "-CA", caCert, "-CAkey", key, "-CAcreateserial", "-copy_extensions=copy", "-days", "2"];
      await openssl("x509", "-req", ...signing, "-out", certificate);
      return { privateKey, certificate, caCert };
    },
  };
}
