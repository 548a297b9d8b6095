/** Which of several servers a replica follows, by what they say of themselves. */
import { createServer } from "node:net";
import { Scope } from "@tenet/kit";
import { connect, type FollowOptions, type Replica } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { type FakeMember, type Said, startFakeMember } from "./support/fake-member.ts";
import { temporaryFolder } from "./support/fixtures.ts";
import { T, type TTables } from "./support/fixture-types.ts";

async function members(scope: Scope, ...says: readonly Said[]): Promise<FakeMember[]> {
  const folder = temporaryFolder(scope);
  return Promise.all(says.map((said, i) => startFakeMember(scope, `${folder}/${i}.sock`, said)));
}

async function follow(scope: Scope, of: readonly FakeMember[], options: FollowOptions<TTables> = {}): Promise<Replica<TTables>> {
  const remote = of.map((member) => member.remote).join();
  return scope.use(await connect(remote, T, { maxBackoffMs: 20, ...options }, scope.signal));
}

test("the leader is followed, and the next one when it says that it leads no more", async () => {
  await using scope = new Scope();
  const [a, b, c] = await members(scope, {}, { leader: true }, {});
  const all = [a, b, c].flatMap((member) => member ?? []);
  const replica = await follow(scope, all);
  expect(replica.remote).toBe(b?.remote);
  b?.say({ leader: false });
  a?.say({ leader: true });
  await expect.poll(() => replica.remote).toBe(a?.remote);
  expect(all.map((member) => member.nFollowers())).toEqual([1, 1, 0]);
});

test("any member is good enough when that is asked for, unless it has lost its cluster", async () => {
  await using scope = new Scope();
  const all = await members(scope, { connected: false }, {}, { leader: true });
  const replica = await follow(scope, all, { member: "any" });
  expect(replica.remote).toBe(all[1]?.remote);
  all[1]?.say({ connected: false });
  await expect.poll(() => replica.remote).toBe(all[2]?.remote);
});

test("a member that is behind what was already seen is passed over until it has caught up", async () => {
  await using scope = new Scope();
  const all = await members(scope, { index: 50 }, { index: 10 });
  const replica = await follow(scope, all, { member: "any" });
  expect(replica.remote).toBe(all[0]?.remote);
  all[0]?.say({ index: 60 });
  all[0]?.say({ index: 60, connected: false });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([replica.isConnected, all[1]?.nFollowers()]).toEqual([false, 0]);
  all[1]?.say({ index: 60 });
  await expect.poll(() => replica.remote).toBe(all[1]?.remote);
});

test("a server that has no _Server is followed as it is", async () => {
  await using scope = new Scope();
  const old = await startFakeMember(scope, `${temporaryFolder(scope)}/old.sock`, {}, false);
  const replica = await follow(scope, [old]);
  expect(replica.remote).toBe(old.remote);
});

test("a server that cannot be reached is passed over", async () => {
  await using scope = new Scope();
  const [leader] = await members(scope, { leader: true });
  const remote = `unix:${temporaryFolder(scope)}/none.sock,${leader?.remote}`;
  const replica = scope.use(await connect(remote, T, {}, scope.signal));
  expect(replica.remote).toBe(leader?.remote);
  await expect(connect("unix:/a,nonsense:1", T, {}, scope.signal)).rejects.toThrow('Cannot connect to "nonsense:1"');
  await expect(connect(",", T, {}, scope.signal)).rejects.toThrow("Cannot connect: no remote is given");
});

test("a replica that waits for a server which does not answer can be closed at once", async () => {
  await using scope = new Scope();
  const path = `${temporaryFolder(scope)}/mute.sock`;
  const mute = createServer(() => undefined);
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  scope.defer(() => void mute.close());
  const stopping = new AbortController();
  const connecting = connect(`unix:${path}`, T, { probeIntervalMs: 0 }, stopping.signal);
  setTimeout(() => stopping.abort(new Error("stopped")), 50);
  await expect(connecting).rejects.toThrow("stopped");
});

test("what a member says in one breath with its first answer counts", async () => {
  await using scope = new Scope();
  const [ousted, elected] = await members(scope, { leader: true, thenLeader: false }, { leader: false, thenLeader: true });
  const replica = await follow(
    scope,
    [ousted, elected].flatMap((member) => member ?? []),
  );
  expect([replica.remote, ousted?.nFollowers()]).toEqual([elected?.remote, 0]);
});
