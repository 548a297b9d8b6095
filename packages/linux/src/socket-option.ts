/** Socket options made of 32-bit numbers. */
import { libc } from "./libc.ts";
import { checked } from "./system-call-error.ts";

/** Sets an option. @throws SystemCallError which says that `action` failed */
export function setSocketOption(fd: number, level: number, name: number, action: string, ...values: readonly number[]): void {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  checked(libc().setsockopt(fd, level, name, bytes, bytes.length), action, `setsockopt ${level} ${name}`);
}
