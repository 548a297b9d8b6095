import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PolicyFolder, type PolicySource } from "@tenet/policy";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openNorthbound, PII, serve } from "./three-tier.ts";

/** Long, because the machine may be busy; nothing waits longer than it takes. */
const WAIT = 20_000;

let path = "";
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "tenet-policy-"));
});
afterEach(async () => {
  await rm(path, { recursive: true, force: true });
});

test("files that are added, changed and removed are followed", async () => {
  const seen: (readonly PolicySource[])[] = [];
  using _folder = new PolicyFolder(path, (sources) => seen.push(sources));
  expect(seen).toEqual([[]]);
  await writeFile(join(path, "a.dl"), "one");
  await vi.waitFor(() => expect(seen.at(-1)).toMatchObject([{ name: "a", text: "one" }]), WAIT);
  await writeFile(join(path, "a.dl"), "two");
  await writeFile(join(path, "notes.txt"), "no policy");
  await vi.waitFor(() => expect(seen.at(-1)).toMatchObject([{ name: "a", text: "two" }]), WAIT);
  await rm(join(path, "a.dl"));
  await vi.waitFor(() => expect(seen.at(-1)).toEqual([]), WAIT);
}, 60_000);

test("a service follows its folder", async () => {
  await writeFile(join(path, "pii.dl"), PII);
  using service = serve(await openNorthbound());
  service.openFolder(path);
  expect(service.policies()).toMatchObject([{ name: "pii", file: join(path, "pii.dl"), status: "ok" }]);
  await writeFile(join(path, "pii.dl"), "error(");
  await vi.waitFor(() => expect(service.policies()).toMatchObject([{ name: "pii", status: "stale" }]), WAIT);
}, 60_000);

test("what cannot be read keeps its last text and says so", async () => {
  await writeFile(join(path, "a.dl"), "one");
  using folder = new PolicyFolder(path, () => undefined);
  await rm(join(path, "a.dl"));
  await mkdir(join(path, "a.dl"));
  folder.rescan();
  expect(folder.sources).toMatchObject([{ name: "a", text: "one", problem: expect.stringContaining("EISDIR") }]);
});

test("a file whose name cannot be a policy's says so, drafts of editors are passed over", async () => {
  await writeFile(join(path, "two words.dl"), 'error("x")');
  await writeFile(join(path, ".#a.dl"), 'error("x")');
  using service = serve(await openNorthbound());
  service.openFolder(path);
  expect(service.policies()).toMatchObject([
    { name: "two words", status: "error", error: expect.stringContaining("a letter first") },
  ]);
  expect(service.nViolations).toBe(0);
});

test("a missing folder is an error with a hint, a folder that vanishes is not", async () => {
  expect(() => new PolicyFolder(join(path, "none"), () => undefined)).toThrow(/Cannot read the policy folder/);
  await writeFile(join(path, "a.dl"), "one");
  using folder = new PolicyFolder(path, () => undefined);
  await rm(path, { recursive: true });
  folder.rescan();
  expect(folder.sources).toHaveLength(1);
});

test("a written policy is there at once, under a name that can be one", () => {
  using folder = new PolicyFolder(path, () => undefined);
  folder.write("b", "text");
  expect(folder.sources).toMatchObject([{ name: "b", text: "text" }]);
  expect(() => folder.write("../b", "text")).toThrow(/Cannot name a policy/);
  folder.remove("b");
  expect(folder.sources).toEqual([]);
});

test("a folder that cannot be written to is an error, and the policies stay", async () => {
  await writeFile(join(path, "a.dl"), "one");
  using folder = new PolicyFolder(path, () => undefined);
  await rm(path, { recursive: true });
  await writeFile(path, "a file in the folder's place");
  expect(() => folder.write("b", "text")).toThrow(/Cannot write/);
  expect(folder.sources).toMatchObject([{ name: "a" }]);
});
