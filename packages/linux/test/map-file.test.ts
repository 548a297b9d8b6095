import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { mapFile } from "@tenet/linux";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

describe.skipIf(process.platform !== "linux")("a mapped file", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tenet-map-"));
    file = join(folder, "mapped");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("has what the file has; what is written to it stays in memory", () => {
    const content = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251));
    writeFileSync(file, content);
    const { bytes } = mapFile(file);
    expect(content.equals(Buffer.from(bytes))).toBe(true);
    new Uint8Array(bytes).fill(7, 100, 9000);
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(new Uint8Array(mapFile(file).bytes)[100]).toBe(100);
    expect(new Uint8Array(bytes)[100]).toBe(7);
  });

  test("is given back when nobody refers to it", async () => {
    writeFileSync(file, "something");
    const isMapped = (): boolean => readFileSync("/proc/self/maps", "utf8").includes(file);
    (() => expect(Buffer.from(mapFile(file).bytes).toString()).toBe("something"))();
    expect(isMapped()).toBe(true);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await vi.waitFor(
      () => {
        collect();
        expect(isMapped()).toBe(false);
      },
      { timeout: 30_000 },
    );
  });

  test("may be empty, and must be there", () => {
    writeFileSync(file, "");
    expect(mapFile(file).bytes.byteLength).toBe(0);
    expect(() => mapFile(join(folder, "none"))).toThrow(`Cannot map "${join(folder, "none")}": open failed with ENOENT`);
    expect(() => mapFile(folder)).toThrow(`Cannot map "${folder}": mmap failed with ENODEV`);
  });
});
