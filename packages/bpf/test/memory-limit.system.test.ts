/** A limit of memory for a group of processes, which the kernel holds maps against, too: an array stays as it is, and says so. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";

/** Where groups are made, by the version of the kernel's interface, and the file with the limit. */
const PLACES = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes" },
  { root: "/sys/fs/cgroup", limit: "memory.max", usage: "memory.current" },
];
const NAME = `tenet-test-${process.pid}`;
const MIB = 1_048_576;
/** Of a piece, which does not fit, and what the process may take besides. */
const PIECE_BYTES = 32 * MIB;
const SPARE_BYTES = 16 * MIB;

/** Takes part in the group once it has an array, lets that grow, and prints what it has then. */
const CHILD = `
  import { readFileSync, writeFileSync } from "node:fs";
  const { bpf, group, limit, usage, pieceBytes, spareBytes, parent } = JSON.parse(process.argv[1]);
  const { GrowingArray } = await import(bpf);
  const spec = { name: "limited", valueBytes: 4096, pieceEntries: pieceBytes / 4096, maxEntries: (2 * pieceBytes) / 4096 };
  const array = GrowingArray.create(spec, ({ errno }) => {
    writeFileSync(parent + "/cgroup.procs", String(process.pid));
    process.stdout.write(JSON.stringify({ errno, nPieces: array.nEntries / spec.pieceEntries }));
    array.close();
  });
  writeFileSync(group + "/cgroup.procs", String(process.pid));
  writeFileSync(group + "/" + limit, String(Number(readFileSync(group + "/" + usage, "utf8")) + spareBytes));
  array.keepSpare(spec.pieceEntries);
  setTimeout(() => process.exit(1), 20_000).unref();`;

function openGroup(): { group: string; limit: string; usage: string; parent: string } | undefined {
  for (const { root, limit, usage } of PLACES) {
    const group = join(root, NAME);
    try {
      mkdirSync(group);
    } catch {
      continue; // not there, or not for us
    }
    if (existsSync(join(group, limit))) return { group, limit, usage, parent: root };
    rmdirSync(group);
  }
  return undefined;
}

const { obstacle } = probeBpf();
const place = obstacle === undefined ? openGroup() : undefined;
if (place === undefined) console.log(`memory-limit.system.test.ts: skipped, ${obstacle ?? "groups of processes cannot be made"}`);

afterAll(() => {
  if (place !== undefined) rmdirSync(place.group);
});

test.skipIf(place === undefined)("a piece that would go beyond the limit is refused, and the array stays", () => {
  const bpf = new URL("../dist/index.js", import.meta.url).href;
  const said = JSON.stringify({ ...place, bpf, pieceBytes: PIECE_BYTES, spareBytes: SPARE_BYTES });
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", CHILD, said], { encoding: "utf8", timeout: 60_000 });
  expect({ stderr: child.stderr, stdout: child.stdout }).toEqual({ stderr: "", stdout: `{"errno":"ENOMEM","nPieces":1}` });
});
