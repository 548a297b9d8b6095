/**
 * Network namespaces by name, visible to `ip netns`: each is a bind mount of the namespace file under /run/netns.
 *
 * A namespace belongs to a thread, so all of this is synchronous and restores the calling thread's own namespace
 * before it returns. Sockets opened inside keep working from outside.
 */
import { mkdirSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { CLONE_NEWNET, ERRNO, MNT_DETACH, MS, O } from "./constants.ts";
import { libc } from "./libc.ts";
import { setLinkUp } from "./link.ts";
import { NAMESPACE_FOLDER as FOLDER, namespacePath, openNamespace } from "./namespace-path.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const OWN = "/proc/thread-self/ns/net";

/** The number of the calling thread's network namespace, which no other has as long as this one is there. */
export function namespaceNumber(): string {
  return readlinkSync(OWN).replace(/\D/g, "");
}

/**
 * Makes a namespace with its loopback up.
 *
 * @throws SystemCallError `EEXIST` when the name is taken, `EPERM` without root
 */
export function createNamespace(name: string): void {
  const call = libc();
  const path = namespacePath(name);
  const action = `create network namespace "${name}"`;
  shareFolder(action);
  call.close(checked(call.open(path, O.rdonly | O.creat | O.excl | O.cloexec, 0), action, `open ${path}`));
  try {
    withOwnRestored(action, () => {
      checked(call.unshare(CLONE_NEWNET), action, "unshare");
      checked(call.mount(OWN, path, "none", MS.bind, null), action, `mount ${path}`);
      setLinkUp("lo");
    });
  } catch (error) {
    deleteNamespace(name);
    throw error;
  }
}

/** Removes a namespace's name; the kernel frees it, and the devices in it, once nothing uses it. Absent is fine. */
export function deleteNamespace(name: string): void {
  const call = libc();
  const path = namespacePath(name);
  if (call.umount2(path, MNT_DETACH) < 0 && call.errno() !== ERRNO.EINVAL && call.errno() !== ERRNO.ENOENT) {
    throw new SystemCallError(`delete network namespace "${name}"`, `umount ${path}`, call.errnoName());
  }
  rmSync(path, { force: true });
}

/** Names of all namespaces, sorted. */
export function listNamespaces(): string[] {
  try {
    return readdirSync(FOLDER).sort();
  } catch {
    return []; // the folder is made with the first namespace
  }
}

/**
 * Runs a synchronous function with the calling thread inside a namespace.
 *
 * @throws SystemCallError when the namespace does not exist; what `run` throws passes through
 */
export function inNamespace<T>(name: string, run: () => T): T {
  const call = libc();
  const action = `enter network namespace "${name}"`;
  const target = openNamespace(name);
  try {
    return withOwnRestored(action, () => {
      checked(call.setns(target, CLONE_NEWNET), action, "setns");
      return run();
    });
  } finally {
    call.close(target);
  }
}

function withOwnRestored<T>(action: string, run: () => T): T {
  const own = checked(libc().open(OWN, O.rdonly | O.cloexec, 0), action, `open ${OWN}`);
  let result: T;
  try {
    result = run();
  } catch (error) {
    restoreOwn(own);
    throw error;
  }
  restoreOwn(own);
  return result;
}

/** @throws SystemCallError when the thread is stuck in another namespace, which is worse than what led here */
function restoreOwn(own: number): void {
  const call = libc();
  const result = call.setns(own, CLONE_NEWNET);
  const errno = result < 0 ? call.errnoName() : "";
  call.close(own);
  if (result < 0) throw new SystemCallError("return to the own network namespace", "setns", errno);
}

/** Makes the folder a shared mount, so that other mount namespaces see names come and go. */
function shareFolder(action: string): void {
  const call = libc();
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 });
  if (call.mount("", FOLDER, "none", MS.shared | MS.rec, null) === 0) return;
  if (call.errno() !== ERRNO.EINVAL) throw new SystemCallError(action, `mount ${FOLDER} shared`, call.errnoName());
  checked(call.mount(FOLDER, FOLDER, "none", MS.bind | MS.rec, null), action, `mount ${FOLDER}`);
  checked(call.mount("", FOLDER, "none", MS.shared | MS.rec, null), action, `mount ${FOLDER} shared`);
}
