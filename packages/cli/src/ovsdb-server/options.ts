/** The options of `tenet ovsdb-server`, as the original's. @see ovsdb-server(1) */
import type { OptionGroup, OptionSpec } from "../daemon/option-table.ts";

/** All options, as the help groups them. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  {
    title: "Databases and remotes",
    options: [
      {
        name: "remote",
        argument: "required",
        placeholder: "REMOTE",
        about:
          "serve here: punix:FILE, ptcp:PORT[:IP], pssl:PORT[:IP], unix:FILE, tcp:HOST:PORT, ssl:HOST:PORT, db:DB,TABLE,COLUMN",
      },
      { name: "config-file", argument: "required", placeholder: "FILE", about: "read databases and remotes from a JSON file" },
      { name: "no-dbs", about: "start without a database" },
      { name: "storage", argument: "required", placeholder: "etcd:ENDPOINTS/PREFIX", about: "keep the state folder's in etcd" },
      { name: "run", argument: "required", placeholder: "COMMAND", about: "run a command and end when it ends" },
      { name: "unixctl", argument: "required", placeholder: "SOCKET", about: "control socket, or none" },
      { name: "disable-file-column-diff", about: "understood, and without effect" },
      { name: "disable-file-no-data-conversion", about: "understood, and without effect" },
    ],
  },
  {
    title: "Active and backup",
    options: [
      { name: "sync-from", argument: "required", placeholder: "SERVER", about: "be a backup of this active server" },
      {
        name: "sync-exclude-tables",
        argument: "required",
        placeholder: "DB:TABLE,...",
        about: "leave these tables out",
      },
      { name: "active", about: "with --sync-from, begin as the active server" },
    ],
  },
  {
    title: "Keys and certificates for pssl: and ssl:, FILE may be db:DB,TABLE,COLUMN",
    options: [
      { name: "private-key", letter: "p", argument: "required", placeholder: "FILE", about: "our private key" },
      { name: "certificate", letter: "c", argument: "required", placeholder: "FILE", about: "the certificate of the key" },
      { name: "ca-cert", letter: "C", argument: "required", placeholder: "FILE", about: "the authority of the others, or none" },
      { name: "bootstrap-ca-cert", argument: "required", placeholder: "FILE", about: "the same, learned from the first peer" },
      { name: "peer-ca-cert", argument: "required", placeholder: "FILE", about: "our authority, sent to the others" },
      { name: "ssl-protocols", argument: "required", placeholder: "LIST", about: "of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3" },
      { name: "ssl-ciphers", argument: "required", placeholder: "LIST", about: "ciphers up to TLS 1.2, as OpenSSL has them" },
      { name: "ssl-ciphersuites", argument: "required", placeholder: "LIST", about: "ciphers of TLS 1.3" },
    ],
  },
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
  {
    title: "Log",
    options: [
      { name: "verbose", letter: "v", argument: "optional", placeholder: "SPEC", about: "levels: [MODULE:][DESTINATION:]LEVEL" },
      { name: "log-file", argument: "optional", placeholder: "FILE", about: "log to a file" },
      { name: "syslog-method", argument: "required", placeholder: "METHOD", about: "udp:IP:PORT; libc and unix: send nothing" },
      { name: "syslog-target", argument: "required", placeholder: "IP:PORT", about: "send the log there by UDP" },
    ],
  },
  {
    title: "Other",
    options: [
      { name: "help", letter: "h", about: "print this" },
      { name: "version", letter: "V", about: "print the version" },
    ],
  },
];

/** All options. */
export const OPTIONS: readonly OptionSpec[] = OPTION_GROUPS.flatMap(({ options }) => options);
