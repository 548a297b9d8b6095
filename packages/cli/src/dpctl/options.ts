/** The options of `ovs-dpctl`, as the original's. @see ovs-dpctl(8), "OPTIONS" */
import { LOG_GROUP } from "../daemon/common-options.ts";
import type { OptionGroup, OptionSpec } from "../daemon/option-table.ts";

/** Options that the switch sees, too. */
export const SWITCH_OPTIONS: readonly OptionSpec[] = [
  { name: "more", letter: "m", about: "show more of flows and connections" },
  { name: "statistics", letter: "s", about: "show statistics" },
  { name: "names", about: "show ports by their names" },
  { name: "no-names", about: "show ports by their numbers" },
  { name: "may-create", about: "let mod-flow create the flow" },
  { name: "clear", about: "reset the flow's statistics" },
];

/** All options, as the help groups them. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  { title: "Commands", options: SWITCH_OPTIONS },
  {
    title: "Other",
    options: [
      { name: "read-only", about: "refuse commands that change something" },
      { name: "timeout", letter: "t", argument: "required", placeholder: "SECS", about: "give up after so long" },
      { name: "help", letter: "h", about: "print this" },
      { name: "version", letter: "V", about: "print the version" },
    ],
  },
  { title: "Understood, and without effect", options: LOG_GROUP.options },
];
