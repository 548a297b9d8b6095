import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { JsonRpcConnection } from "../src/rpc/json-rpc-connection.ts";
import { SendQueue } from "../src/server/send-queue.ts";

/** A connection that takes its time to send. */
function slowConnection(ms: number, served: string[], name: string): JsonRpcConnection {
  const flush = () => {
    served.push(name);
    for (const endsAt = performance.now() + ms; performance.now() < endsAt; );
  };
  return { flush } as JsonRpcConnection;
}

test("connections are served in order of asking, and others have their turn between slices", async () => {
  const [queue, served] = [new SendQueue(), [] as string[]];
  for (const name of ["a", "b", "c"]) queue.add(slowConnection(1, served, name));
  setImmediate(() => setImmediate(() => served.push("other")));
  await vi.waitFor(() => expect(served).toHaveLength(4));
  expect(served.filter((name) => name !== "other")).toEqual(["a", "b", "c"]);
  expect(served.indexOf("other")).toBeLessThan(3);
});

test("after a long round there is a pause, and who asks in it is served once", async () => {
  const [queue, served] = [new SendQueue(), [] as string[]];
  const connection = slowConnection(2, served, "a");
  queue.add(connection);
  await vi.waitFor(() => expect(served).toEqual(["a"]));
  queue.add(connection);
  queue.add(connection);
  await vi.waitFor(() => expect(served).toEqual(["a", "a"]));
  await sleep(30);
  expect(served).toEqual(["a", "a"]);
});
