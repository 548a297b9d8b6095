import { execFileSync } from "node:child_process";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { peerCredentials, processName, probe, SystemCallError } from "@tenet/linux";

test("the probe never throws and says in words what is missing", () => {
  const found = probe();
  expect(found.isLinux).toBe(process.platform === "linux");
  expect(found.isRoot).toBe(process.getuid?.() === 0);
  if (!found.canUseNamespaces) expect(found.missing.join()).not.toBe("");
});

test("a failure carries the call, the errno and a hint", () => {
  const error = new SystemCallError('create network namespace "x"', "unshare", "EPERM");
  expect(error).toMatchObject({
    code: "LINUX_CALL_FAILED",
    errno: "EPERM",
    message: 'Cannot create network namespace "x": unshare failed with EPERM',
    details: { call: "unshare", errno: "EPERM" },
  });
  expect(error.hint).toMatch(/root/);
});

test.skipIf(process.platform !== "linux")("the process behind a unix socket is known", async () => {
  const path = join(tmpdir(), `tenet-linux-${process.pid}.sock`);
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = createConnection(path);
  const socket = await accepted;
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  expect(peerCredentials(fd)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  client.destroy();
  socket.destroy();
  server.close();
});

test.skipIf(process.platform !== "linux")("a process has its name as long as it lives", () => {
  expect(processName(process.pid)).toBe(execFileSync("cat", [`/proc/${process.pid}/comm`], { encoding: "utf8" }).trim());
  expect(processName(2 ** 30)).toBeUndefined();
});
