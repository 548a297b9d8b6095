/** The options that all daemons take. @see ovs-vswitchd(8), "Daemon Options", "Logging Options", "Public Key Infrastructure Options" */
import type { OptionGroup, OptionSpec } from "./option-table.ts";

/** Keys and certificates of `ssl:` and `pssl:` remotes. */
export const TLS_OPTIONS: readonly OptionSpec[] = [
  { name: "private-key", letter: "p", argument: "required", placeholder: "FILE", about: "our private key" },
  { name: "certificate", letter: "c", argument: "required", placeholder: "FILE", about: "the certificate of the key" },
  { name: "ca-cert", letter: "C", argument: "required", placeholder: "FILE", about: "the authority of the others, or none" },
  { name: "bootstrap-ca-cert", argument: "required", placeholder: "FILE", about: "the same, learned from the first peer" },
  { name: "peer-ca-cert", argument: "required", placeholder: "FILE", about: "our authority, sent to the others" },
  { name: "ssl-protocols", argument: "required", placeholder: "LIST", about: "of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3" },
  { name: "ssl-ciphers", argument: "required", placeholder: "LIST", about: "ciphers up to TLS 1.2, as OpenSSL has them" },
  { name: "ssl-ciphersuites", argument: "required", placeholder: "LIST", about: "ciphers of TLS 1.3" },
];

/** How to log. */
export const LOG_GROUP: OptionGroup = {
  title: "Log",
  options: [
    { name: "verbose", letter: "v", argument: "optional", placeholder: "SPEC", about: "levels: [MODULE:][DESTINATION:]LEVEL" },
    { name: "log-file", argument: "optional", placeholder: "FILE", about: "log to a file" },
    {
      name: "syslog-method",
      argument: "required",
      placeholder: "METHOD",
      about: "libc (the default), unix:FILE, udp:IP:PORT or null",
    },
    { name: "syslog-target", argument: "required", placeholder: "IP:PORT", about: "send the log there by UDP" },
  ],
};

/** How to run in the background, and how to log. */
export const COMMON_GROUPS: readonly OptionGroup[] = [
  {
    title: "Daemon",
    options: [
      { name: "detach", about: "go to the background once it serves" },
      { name: "no-chdir", about: "with --detach, stay in the folder" },
      { name: "pidfile", argument: "optional", placeholder: "FILE", about: "hold a pid file" },
      { name: "overwrite-pidfile", about: "also when another process holds it" },
      { name: "monitor", about: "start again after a crash" },
      { name: "user", argument: "required", placeholder: "USER[:GROUP]", about: "become this user" },
      { name: "no-self-confinement", about: "understood, and without effect" },
    ],
  },
  LOG_GROUP,
  {
    title: "Other",
    options: [
      { name: "help", letter: "h", about: "print this" },
      { name: "version", letter: "V", about: "print the version" },
    ],
  },
];
