/** The options of `tenet ovsdb-server`, as the original's. @see ovsdb-server(1) */
import { COMMON_GROUPS, TLS_OPTIONS } from "../daemon/common-options.ts";
import type { OptionGroup } from "../daemon/option-table.ts";

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
  { title: "Keys and certificates for pssl: and ssl:, FILE may be db:DB,TABLE,COLUMN", options: TLS_OPTIONS },
  ...COMMON_GROUPS,
];
