/** What every benchmark needs: medians, the CPU time and memory of a process, and a look for programs. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100; // USER_HZ

/** The middle value; of an even number of values the upper of the two. */
export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** CPU time of a process so far, user and system, in seconds. */
export function cpuSeconds(pid) {
  return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** The same from what /proc/PID/stat says; it counts hundredths. */
export function cpuSecondsOf(stat) {
  return sumOfTicks(stat, 11);
}

/** CPU time of a process's children that have ended, and theirs. */
export function childrenSecondsOf(stat) {
  return sumOfTicks(stat, 13);
}

function sumOfTicks(stat, place) {
  const fields = stat.split(") ")[1].split(" ");
  return (Number(fields[place]) + Number(fields[place + 1])) / TICKS_PER_SECOND;
}

/** Resident memory in bytes: all of it, and with shared pages counted by share. */
export function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytesOf = (key) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { resident: bytesOf("Rss"), share: bytesOf("Pss") };
}

/** The process and all that it started, by parent. */
export function familyOf(pid) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = Number(readFileSync(`/proc/${entry}/stat`, "utf8").split(") ")[1].split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // It ended while we looked.
    }
  }
  const collect = (one) => [one, ...(children.get(one) ?? []).flatMap(collect)];
  return collect(pid);
}

/** The first of the programs that is not installed; `undefined` when all are. */
export function missingProgram(...names) {
  return names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).error !== undefined);
}
