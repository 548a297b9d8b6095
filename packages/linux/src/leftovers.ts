/** Clears what a killed process left behind: namespaces and devices whose names start with its prefix. */
import { deleteLink, listLinks } from "./link.ts";
import { deleteNamespace, listNamespaces } from "./namespace.ts";
import { SystemCallError } from "./system-call-error.ts";

/** What was found and deleted. */
export interface Leftovers {
  readonly links: readonly string[];
  readonly namespaces: readonly string[];
}

/** Names in use here that start with `prefix`. */
export function findLeftovers(prefix: string): Leftovers {
  return {
    links: listLinks()
      .map((link) => link.name)
      .filter((name) => name.startsWith(prefix)),
    namespaces: listNamespaces().filter((name) => name.startsWith(prefix)),
  };
}

/**
 * Deletes devices of this namespace, then namespaces, whose names start with `prefix`.
 *
 * @param prefix - at least two characters, so that nothing is deleted by accident
 */
export function deleteLeftovers(prefix: string): Leftovers {
  if (prefix.length < 2) throw new SystemCallError(`delete leftovers of prefix "${prefix}"`, "check", "EINVAL");
  const found = findLeftovers(prefix);
  for (const name of found.links) {
    try {
      deleteLink(name);
    } catch (error) {
      // The other end of a pair goes with the first.
      if (!(error instanceof SystemCallError && error.errno === "ENODEV")) throw error;
    }
  }
  for (const name of found.namespaces) deleteNamespace(name);
  return found;
}
