/** What the root row tells of the machine. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemStatistics } from "../src/database/system-statistics.ts";

test.skipIf(process.platform !== "linux")("processors, load, memory, disks, and each daemon that has a pid file and runs", () => {
  const runDir = mkdtempSync(join(tmpdir(), "tenet-statistics-"));
  writeFileSync(join(runDir, "here.pid"), `${process.pid}\n`);
  writeFileSync(join(runDir, "gone.pid"), "4194305\n"); // beyond the highest pid
  writeFileSync(join(runDir, "other.txt"), "1\n");
  const { cpu, load_average, memory = "", file_systems, ...processes } = systemStatistics(runDir);
  rmSync(runDir, { recursive: true });
  expect(Number(cpu)).toBeGreaterThan(0);
  expect(load_average).toMatch(/^\d+\.\d\d,\d+\.\d\d,\d+\.\d\d$/);
  const [total = 0, used = 0] = memory.split(",").map(Number);
  expect(memory).toMatch(/^\d+(,\d+){4}$/);
  expect(used).toBeLessThan(total);
  if (file_systems !== undefined) expect(file_systems).toMatch(/^(\/[^ ,]*,\d+,\d+ ?)+$/);
  expect(Object.keys(processes)).toEqual(["process_here"]);
  const [virtual = 0, resident = 0, , nCrashes, bootedMs, ranMs] = (processes["process_here"] ?? "").split(",").map(Number);
  expect(resident).toBeGreaterThan(1000);
  expect(virtual).toBeGreaterThan(resident);
  expect(nCrashes).toBe(0);
  expect(ranMs).toBe(bootedMs);
});
