/** Where network namespaces have their names. */
import { O } from "./constants.ts";
import { libc } from "./libc.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

/** The folder that iproute2 uses. */
export const NAMESPACE_FOLDER = "/run/netns";

/** The file of a namespace. @throws SystemCallError when the name is not a plain file name */
export function namespacePath(name: string): string {
  if (!/^[\w.-]{1,200}$/.test(name) || name === "." || name === "..") {
    throw new SystemCallError(`use "${name}" as the name of a network namespace`, "check", "EINVAL");
  }
  return `${NAMESPACE_FOLDER}/${name}`;
}

/** Opens a namespace's file; the caller closes it. */
export function openNamespace(name: string): number {
  const path = namespacePath(name);
  return checked(libc().open(path, O.rdonly | O.cloexec, 0), `open network namespace "${name}"`, `open ${path}`);
}
