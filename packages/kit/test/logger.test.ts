import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, silentLogger } from "@tenet/kit";
import { expect, test } from "vitest";

test("lines are JSON with level, time, the fields of all parents, and a constant message", () => {
  const folder = mkdtempSync(join(tmpdir(), "tenet-log-"));
  const file = join(folder, "deep", "tenet.log");
  createLogger({ file }).child({ part: "switch" }).child({ bridge: "br0" }).warn({ nPorts: 2 }, "ports missing");
  const [line = ""] = readFileSync(file, "utf8").split("\n");
  rmSync(folder, { recursive: true });
  expect(JSON.parse(line)).toMatchObject({ level: 40, part: "switch", bridge: "br0", nPorts: 2, msg: "ports missing" });
  expect(JSON.parse(line).time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test("the level keeps lines away", () => {
  const folder = mkdtempSync(join(tmpdir(), "tenet-log-"));
  const file = join(folder, "tenet.log");
  const log = createLogger({ file, level: "warn" });
  log.info({}, "not seen");
  log.error({}, "seen");
  const text = readFileSync(file, "utf8");
  rmSync(folder, { recursive: true });
  expect(text).toContain('"seen"');
  expect(text).not.toContain("not seen");
});

test.skipIf(!existsSync("/dev/full"))("a full disk loses lines, and nothing else", () => {
  const log = createLogger({ file: "/dev/full" });
  expect(() => log.error({}, "lost")).not.toThrow();
  expect(() => log.child({ part: "x" }).error({}, "lost too")).not.toThrow();
  silentLogger.child({}).error({}, "dropped");
});
