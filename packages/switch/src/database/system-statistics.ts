/**
 * What the root row tells of the machine and of the daemons on it, when `other_config:enable-statistics` is set.
 *
 * Memory is in KiB, times are in ms. What the machine does not tell is left out.
 *
 * @see ovs-vswitchd.conf.db(5), Open_vSwitch table, statistics
 */
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";

const KIB = 1024;
const MS_PER_TICK = 10;
const MS_PER_SECOND = 1000;
/** Kinds of file systems that hold nobody's files. */
const VIRTUAL =
  /^(autofs|binfmt_misc|bpf|cgroup2?|debugfs|devpts|devtmpfs|fuse\S*|fusectl|hugetlbfs|mqueue|nfs4?|proc|pstore|rpc_pipefs|securityfs|sysfs|tmpfs|tracefs)$/;

/** The column. @param runDir - where the pid files of the daemons are */
export function systemStatistics(runDir: string): Record<string, string> {
  const memory = memoryText();
  const disks = diskText();
  return {
    cpu: String(availableParallelism()),
    load_average: loadavg()
      .map((load) => load.toFixed(2))
      .join(),
    ...(memory === undefined ? {} : { memory }),
    ...processTexts(runDir),
    ...(disks === "" ? {} : { file_systems: disks }),
  };
}

/** All, used, and of that droppable memory; all and used swap. */
function memoryText(): string | undefined {
  const text = textAt("/proc/meminfo");
  if (text === undefined) return undefined;
  const read = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  const [total, swap] = [read("MemTotal"), read("SwapTotal")];
  return [total, total - read("MemFree"), read("Buffers") + read("Cached"), swap, swap - read("SwapFree")].join();
}

/** Of each daemon that runs: virtual and resident size, processor time, crashes, and twice the time that it has run. */
function processTexts(runDir: string): Record<string, string> {
  const uptimeMs = MS_PER_SECOND * Number(textAt("/proc/uptime")?.split(" ")[0]);
  const found: Record<string, string> = {};
  for (const file of readdirSync(runDir)) {
    if (!file.endsWith(".pid")) continue;
    const stat = textAt(`/proc/${textAt(join(runDir, file))?.trim()}/stat`);
    // Behind the name, which may hold anything, the third field of proc(5) comes first.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields === undefined) continue;
    const field = (number: number): number => Number(fields[number - 3]);
    const ranMs = Math.floor(uptimeMs - field(22) * MS_PER_TICK);
    const sizes = [field(23) / KIB, (field(24) * 4096) / KIB].map(Math.floor);
    found[`process_${file.slice(0, -".pid".length)}`] = [...sizes, (field(14) + field(15)) * MS_PER_TICK, 0, ranMs, ranMs].join();
  }
  return found;
}

/** Of each file system that can be written: where it is, its size, and what of that is used. */
function diskText(): string {
  const seen = new Set<string>();
  const texts: string[] = [];
  for (const line of textAt("/proc/mounts")?.split("\n") ?? []) {
    const [device = "", path = "", kind = "", options = ""] = line.split(" ");
    if (VIRTUAL.test(kind) || !/(^|,)rw(,|$)/.test(options) || path === "" || seen.has(device)) continue;
    seen.add(device);
    const size = sizeOf(path);
    if (size !== undefined) texts.push(`${path.replaceAll(/\\040|,/g, "_")},${size.join()}`);
  }
  return texts.join(" ");
}

/** All and used; `undefined` where it cannot be asked. */
function sizeOf(path: string): number[] | undefined {
  try {
    const { bsize, blocks, bfree } = statfsSync(path.replaceAll("\\040", " "));
    return [blocks, blocks - bfree].map((n) => Math.floor((n * bsize) / KIB));
  } catch {
    return undefined;
  }
}

/** A file of the kernel or of a daemon; `undefined` when it is not there. */
function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
