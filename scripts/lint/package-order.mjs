/**
 * The one place that says which package may import which: each only from those before it.
 *
 * The rules for the built code (`.dependency-cruiser.mjs`) and the check of the sources (`check-sources.mjs`) both read this.
 */
export const PACKAGE_ORDER = [
  "kit",
  "net",
  "wire",
  "linux",
  "bpf",
  "datalog",
  "language-tools",
  "ovsdb",
  "openflow",
  "classifier",
  "datapath",
  "switch",
  "ovn",
  "policy",
  "lab",
  "why",
  "console",
  "cli",
];

/** The packages that `name` may import from. */
export function packagesBelow(name) {
  return PACKAGE_ORDER.slice(0, PACKAGE_ORDER.indexOf(name));
}
