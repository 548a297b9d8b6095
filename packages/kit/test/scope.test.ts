import { Scope, untilAborted } from "@tenet/kit";
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.useRealTimers();
});

test("a scope closes what it owns, last first, and its signal aborts before that", async () => {
  const closed: string[] = [];
  let signal: AbortSignal | undefined;
  {
    await using scope = new Scope();
    signal = scope.signal;
    scope.use({ close: () => void closed.push("first") });
    scope.use({ [Symbol.dispose]: () => void closed.push("second") });
    scope.use({ [Symbol.asyncDispose]: async () => void closed.push(`third, aborted ${scope.signal.aborted}`) });
  }
  expect(closed).toEqual(["third, aborted true", "second", "first"]);
  expect(signal.aborted).toBe(true);
});

test("one failing close does not keep the others from running", async () => {
  const closed: string[] = [];
  const scope = new Scope();
  scope.defer(() => void closed.push("first"));
  scope.defer(() => Promise.reject(new Error("stuck")));
  scope.defer(() => void closed.push("third"));
  const failure: unknown = await scope[Symbol.asyncDispose]().catch((error: unknown) => error);
  expect(closed).toEqual(["third", "first"]);
  expect(failure).toBeInstanceOf(AggregateError);
  expect((failure as AggregateError).errors).toEqual([expect.objectContaining({ message: "stuck" })]);
});

test("a close that hangs is given up after five seconds", async () => {
  vi.useFakeTimers();
  const closed: string[] = [];
  const scope = new Scope();
  scope.defer(() => void closed.push("first"));
  scope.defer(() => new Promise(() => undefined));
  const failure = scope[Symbol.asyncDispose]().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(4999);
  expect(closed).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await failure).toMatchObject({ message: expect.stringContaining("Cannot close everything") });
  expect(closed).toEqual(["first"]);
});

test("the parent's signal aborts the scope's, not the other way round", async () => {
  const parent = new AbortController();
  const child = new Scope(parent.signal);
  const sibling = new Scope(parent.signal);
  await child[Symbol.asyncDispose]();
  expect(parent.signal.aborted).toBe(false);
  expect(sibling.signal.aborted).toBe(false);
  const waiting = untilAborted(sibling.signal);
  parent.abort();
  await waiting;
  await untilAborted(parent.signal);
  expect(sibling.signal.aborted).toBe(true);
});

test("what runs every so often stops with the scope", async () => {
  vi.useFakeTimers();
  let n = 0;
  const scope = new Scope();
  scope.every(10, () => n++);
  await vi.advanceTimersByTimeAsync(35);
  await scope[Symbol.asyncDispose]();
  await vi.advanceTimersByTimeAsync(35);
  expect(n).toBe(3);
});
