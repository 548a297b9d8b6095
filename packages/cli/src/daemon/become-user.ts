/** Goes on as another user, for `--user=USER[:GROUP]`. */
import { readFileSync } from "node:fs";
import { messageOf } from "@tenet/kit";
import { UsageError } from "./option-table.ts";

/** Drops the rights of root. @throws UsageError when there is no such user, or this one may not become another */
export function becomeUser(given: string): void {
  const [user = "", group = ""] = given.split(":");
  const gid = group === "" ? groupOf(user) : group;
  try {
    if (gid !== undefined) process.setgid?.(gid);
    process.setgroups?.([]);
    if (user !== "") process.setuid?.(user);
  } catch (error) {
    throw new UsageError(`--user=${given}: ${messageOf(error)}, aborting`, { cause: error });
  }
}

/** The main group of a user. */
function groupOf(user: string): number | undefined {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith(`${user}:`));
  if (entry === undefined) throw new UsageError(`user ${user} not found, aborting.`);
  return Number(entry.split(":")[3]);
}
