/** Labs on the real stack: the example in both modes, both families, and everything that can go wrong on the way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@tenet/kit";
import {
  applyNorthbound,
  bestMode,
  checkExpectations,
  type LabFile,
  LabFileError,
  type LabMode,
  type LabOptions,
  readLabFile,
  startLab,
} from "@tenet/lab";
import { deleteNamespace, findLeftovers } from "@tenet/linux";
import { keysOf } from "@tenet/ovsdb";
import { afterEach, expect, test } from "vitest";
import { labFolder } from "./support/lab-folder.ts";
import { type Stack, startStack } from "./support/stack.ts";

const EXAMPLE = fileURLToPath(new URL("../../../examples/three-tier", import.meta.url));
const PREFIX = "tlab-";
const NOTHING = { links: [], namespaces: [] };
const best = bestMode();
const hasNamespaces = best.mode === "namespaces";
if (!hasNamespaces) console.log(`skipped: hosts in namespaces need root on Linux (${best.reason})`);
const isBuilt = existsSync(new URL("../dist/index.js", import.meta.url));
if (!isBuilt) console.log("skipped: the test that kills a lab needs the built packages (npx tsc -b)");
const MODES: readonly LabMode[] = hasNamespaces ? ["simulated", "namespaces"] : ["simulated"];
const never = new AbortController().signal;

const stacks: Stack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack[Symbol.asyncDispose]();
  if (hasNamespaces) expect(findLeftovers(PREFIX)).toEqual(NOTHING);
});

async function network(mode: LabMode, lab: LabFile): Promise<{ stack: Stack; options: LabOptions }> {
  const stack = await startStack(mode === "simulated" ? { datapathType: "dummy" } : {});
  stacks.push(stack);
  await applyNorthbound(lab, stack.nb);
  const { nb, vswitch, openLink } = stack;
  return { stack, options: { mode, prefix: PREFIX, nb, vswitch, openLink, log: silentLogger } };
}

const portNames = ({ vswitch }: Stack): unknown[] => [...vswitch.table("Port").values()].map((row) => row["name"]).sort();

test.each(MODES)("with %s hosts the example keeps what it promises, and leaves nothing behind", async (mode) => {
  const example = readLabFile(EXAMPLE);
  const { stack, options } = await network(mode, example);
  const progress: string[] = [];
  const lab = await startLab(example, { ...options, onProgress: (text) => progress.push(text) }, never);
  expect(checkExpectations(example, await lab.measure())).toEqual([]);
  expect(progress.at(-1)).toBe("7 of 7 ports up");
  expect(lab.hosts.map(({ interfaceName, namespace }) => [interfaceName, namespace])).toEqual(
    example.hosts.map(({ name }) => [PREFIX + name, mode === "simulated" ? undefined : PREFIX + name]),
  );
  expect(portNames(stack)).toEqual(["br-int", ...example.hosts.map(({ name }) => PREFIX + name)].sort());
  await lab.close();
  await lab.close();
  expect(portNames(stack)).toEqual(["br-int"]);
  await expect(lab.measure()).rejects.toThrow();
});

test.each(MODES)("%s hosts follow a change of the network", async (mode) => {
  const example = readLabFile(EXAMPLE);
  const { stack, options } = await network(mode, example);
  await using lab = await startLab(example, options, never);
  const acl = stack.nb.find("ACL", (row) => keysOf(row["name"] ?? "")[0] === "app-queries-db");
  await stack.nb.transact([stack.nb.operations.update("ACL", acl?._uuid ?? "", { action: "drop" })]);
  await expect
    .poll(async () => checkExpectations(example, await lab.measure()), { timeout: 10_000 })
    .toEqual([expect.stringMatching(/^app1 -> db1 tcp 5432 should be open, but it is blocked \(lab\.yaml:\d+\)$/)]);
});

const SIX = {
  "lab.yaml": `name: six
northbound: nb.yaml
hosts:
  - { name: a, port: lsp-a, mac: 0a:00:00:00:00:01, addresses: [fd00::1/64, 10.0.0.1/24], listen: [80, 443] }
  - { name: b, port: lsp-b, mac: 0a:00:00:00:00:02, addresses: [fd00::2/64], gateway: fd00::1, listen: [8080] }
  - { name: c, port: lsp-c, mac: 0a:00:00:00:00:03, addresses: [10.0.0.3/24] }
expect:
  - b -> a ping: open
  - b -> a tcp 443: open
  - b -> a tcp 80: blocked
  - a -> b tcp 8080: open
  - c -> a tcp 80: open
  - c -> b ping: blocked
`,
  "nb.yaml": `Logical_Switch:
  - name: six
    ports:
      - { name: lsp-a, addresses: ["0a:00:00:00:00:01 fd00::1 10.0.0.1"] }
      - { name: lsp-b, addresses: ["0a:00:00:00:00:02 fd00::2"] }
      - { name: lsp-c, addresses: ["0a:00:00:00:00:03 10.0.0.3"] }
    acls:
      - { direction: to-lport, priority: 1, match: ip6 && tcp.dst == 80, action: drop }
`,
};

test.each(MODES)("%s hosts speak IPv6 too, beside IPv4 or alone", async (mode) => {
  const six = readLabFile(labFolder(SIX));
  const { options } = await network(mode, six);
  await using lab = await startLab(six, options, never);
  expect(checkExpectations(six, await lab.measure())).toEqual([]);
});

test.each(MODES)("with %s hosts a port that does not come up is named, with the reason, and nothing stays", async (mode) => {
  const folder = labFolder({ ...SIX, "lab.yaml": SIX["lab.yaml"].replace("northbound: nb.yaml\n", "") });
  const { stack, options } = await network(mode, readLabFile(labFolder(SIX)));
  await stack.nb.transact([
    stack.nb.operations.update("Logical_Switch_Port", { name: "lsp-b" }, { name: "renamed" }),
    stack.nb.operations.update("Logical_Switch_Port", { name: "lsp-c" }, { enabled: true }),
  ]);
  await expect(startLab(readLabFile(folder), { ...options, readyTimeoutMs: 1500 }, never)).rejects.toMatchObject({
    code: "LAB_NOT_READY",
    message: "1 of 3 ports did not come up within 1.5 s: lsp-b (there is no such logical switch port)",
    details: { ports: ["lsp-b"] },
  });
  expect(portNames(stack)).toEqual(["br-int"]);
});

test.each(MODES)("with %s hosts a start that is aborted leaves nothing behind", async (mode) => {
  const example = readLabFile(EXAMPLE);
  const { stack, options } = await network(mode, example);
  const stop = new AbortController();
  const starting = startLab(example, { ...options, onProgress: () => stop.abort(new Error("stopped")) }, stop.signal);
  await expect(starting).rejects.toThrow("stopped");
  expect(portNames(stack)).toEqual(["br-int"]);
});

test("without a controller there is no bridge, and the error says so", async () => {
  const six = readLabFile(labFolder(SIX));
  const stack = await startStack({ roles: false });
  stacks.push(stack);
  const { nb, vswitch, openLink } = stack;
  const options = { mode: "simulated", prefix: PREFIX, nb, vswitch, openLink, log: silentLogger, readyTimeoutMs: 300 } as const;
  await expect(startLab(six, options, never)).rejects.toMatchObject({
    code: "LAB_NOT_READY",
    message: 'There is no bridge "br-int" after 0.3 s',
  });
});

test.skipIf(!hasNamespaces)("a host whose name is too long for a device is refused where the lab file says it", async () => {
  const example = readLabFile(EXAMPLE);
  const stack = await startStack({ roles: false });
  stacks.push(stack);
  const options = { mode: "namespaces", prefix: "much-too-", nb: stack.nb, vswitch: stack.vswitch, log: silentLogger } as const;
  const error: unknown = await startLab(example, options, never).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LabFileError);
  expect(error).toMatchObject({
    message: expect.stringMatching(
      /lab\.yaml:14:13: host "intruder" needs a device "much-too-intruder", .* at most 6 characters/,
    ),
  });
});

test.skipIf(!hasNamespaces)("a host whose namespace was deleted reaches nobody, and the lab still closes", async () => {
  const six = readLabFile(labFolder(SIX));
  const { options } = await network("namespaces", six);
  await using lab = await startLab(six, options, never);
  deleteNamespace(`${PREFIX}c`);
  expect(checkExpectations(six, await lab.measure())).toEqual([expect.stringMatching(/^c -> a tcp 80 should be open/)]);
});

test.skipIf(!hasNamespaces).each(["", "eth", "-", "a/b-", "x y-"])(
  "the prefix '%s', which could name other things, is refused",
  async (prefix) => {
    const stack = await startStack({ roles: false });
    stacks.push(stack);
    const options = { mode: "namespaces", prefix, nb: stack.nb, vswitch: stack.vswitch, log: silentLogger } as const;
    await expect(startLab(readLabFile(EXAMPLE), options, never)).rejects.toMatchObject({ code: "LAB_PREFIX" });
  },
);

test.skipIf(!hasNamespaces || !isBuilt)(
  "a lab is refused while another holds its names, and clears up after it was killed",
  async () => {
    const example = readLabFile(EXAMPLE);
    const { stack, options } = await network("namespaces", example);
    const script = fileURLToPath(new URL("./support/lab-process.mjs", import.meta.url));
    const remotes = [`unix:${stack.dir}/nb.sock`, `unix:${stack.dir}/db.sock`];
    const child = spawn(process.execPath, [script, ...remotes, EXAMPLE, PREFIX], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "close");
    try {
      await Promise.race([once(child.stdout, "data"), ended]);
      expect(child.exitCode).toBe(null);
      await expect(startLab(example, options, never)).rejects.toMatchObject({ code: "LAB_BUSY", details: { pid: child.pid } });
      expect(portNames(stack)).toHaveLength(8); // the other one's ports are untouched
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    expect(findLeftovers(PREFIX).namespaces).toHaveLength(7);
    await using lab = await startLab(example, options, never);
    expect(checkExpectations(example, await lab.measure())).toEqual([]);
  },
);
