import { silentLogger } from "@tenet/kit";
import { runController } from "@tenet/ovn";
import { expect, test } from "vitest";

test("a controller that finds no databases waits for them, and ends when it is told to", async () => {
  const stopping = new AbortController();
  const config = { sb: "unix:/nonexistent/sb.sock", vswitch: "unix:/nonexistent/db.sock", runDir: "/nonexistent" };
  const running = runController(config, silentLogger, stopping.signal);
  setTimeout(() => stopping.abort(), 30);
  await expect(running).resolves.toBeUndefined();
});

test("an address that is none is refused at once", async () => {
  const config = { sb: "sb.sock", vswitch: "db.sock", runDir: "/nonexistent" };
  await expect(runController(config, silentLogger, new AbortController().signal)).rejects.toThrow("db.sock");
});
