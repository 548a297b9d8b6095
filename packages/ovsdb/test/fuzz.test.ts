/** Whatever a client sends, it gets answers or is disconnected, with errors of the protocol; others go on, and no memory is lost. */
import { connect as connectSocket } from "node:net";
import { type Json, type Logger, Scope, silentLogger } from "@tenet/kit";
import { type Database, JsonStream, parseExact, stringifyExact } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { openDatabase, rawClient, serve, TESTER } from "./support/fixtures.ts";

const NUM_RUNS = 400 * inject("effort");
const UUID = "00000000-0000-4000-8000-000000000001";
const where: Json = [["_uuid", "==", ["uuid", UUID]]];
const operations: Json[] = [
  {
    op: "insert",
    table: "Root",
    "uuid-name": "r",
    row: { name: "x", i: 5, e: ["set", ["red", "blue"]], m: ["map", [["k", 1]]] },
  },
  { op: "insert", table: "Root", uuid: UUID, row: { kids: ["named-uuid", "k"], pals: ["set", [["named-uuid", "k"]]], eph: 1 } },
  { op: "insert", table: "Kid", "uuid-name": "k", row: { n: 9007199254740991, next: ["set", []] } },
  { op: "select", table: "Root", where: [["i", ">", 3]], columns: ["name", "_uuid"] },
  { op: "update", table: "Root", where, row: { b: true, r: 0.5, u: ["uuid", UUID], s: ["set", ["a", "b"]] } },
  { op: "mutate", table: "Root", where: [["name", "!=", "y"]], mutations: [["e", "insert", "green"], ["r", "*=", 2], ["m", "delete", ["set", ["k"]]]] }, // biome-ignore format: one line
  { op: "mutate", table: "Few", where: [], mutations: [["x", "%=", 3]] },
  { op: "delete", table: "Root", where: [["e", "includes", ["set", ["red"]]]] },
  { op: "wait", table: "Root", where, columns: ["name"], until: "==", rows: [{ name: "x" }], timeout: 0 },
  { op: "commit", durable: true },
  { op: "comment", comment: "why" },
  { op: "assert", lock: "l" },
  { op: "abort" },
];
const requests: { readonly [method: string]: Json } = {
  list_dbs: [],
  get_schema: ["T"],
  transact: ["T", ...operations],
  monitor: ["T", "m1", { Root: { columns: ["name", "i"], select: { initial: true } } }],
  monitor_cond: ["T", "m2", { Root: [{ columns: ["name"], where: [["i", "<", 5]] }] }],
  monitor_cond_since: ["T", "m3", { Root: [{ where: [["name", "==", "x"], true] }] }, "00000000-0000-0000-0000-000000000000"],
  monitor_cond_change: ["m2", "m2", { Root: [{ where: [false] }] }],
  monitor_cancel: ["m1"],
  lock: ["l"],
  steal: ["l"],
  unlock: ["l"],
  set_db_change_aware: [true],
  get_server_id: [],
  tenet_history: ["T", { table: "Root", last: 5 }],
  tenet_rows_at: ["T", 0],
  echo: [1, "x"],
};

/** What programs stumble over. */
const odd = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    0,
    -0,
    -1,
    1e308,
    0.1,
    "",
    "x",
    "__proto__",
    "constructor",
    "toString",
    "_uuid",
    "_version",
    [],
    {},
  ),
  fc.constantFrom<Json>(["uuid", UUID], ["uuid", "x"], ["named-uuid", "r"], ["named-uuid", 5], ["set", []], ["set", ["a", "a"]]),
  fc.constantFrom<Json>(["set"], ["map", [["a", 1], ["a", 2]]], ["map", [1]], ["set", ["set", []]], [[[[[[]]]]]]), // biome-ignore format: one line
  fc.constantFrom("9223372036854775807", "9007199254740993", "-9223372036854775808", "9223372036854775808").map(parseExact),
  fc.constant(parseExact('{"__proto__": {"op": "select"}, "constructor": 1}')),
  fc.string({ unit: "grapheme", maxLength: 5 }).map((text): Json => text.replaceAll("\0", "")),
  fc.jsonValue({ maxDepth: 3 }).map((json) => parseExact(stringifyExact(json as Json).replaceAll(/\\u0000/g, ""))),
);

/** One place of a value changed, taken away, doubled or wrapped. */
function mutated(json: Json, path: readonly number[], how: number, by: Json): Json {
  const [first, ...rest] = path;
  if (typeof json !== "object" || json === null || first === undefined) return how === 3 ? [json, by] : by;
  if (Array.isArray(json)) {
    const list = json as Json[];
    if (list.length === 0) return [by];
    const i = first % list.length;
    const item = list[i] ?? null;
    if (rest.length > 0) return list.with(i, mutated(item, rest, how, by));
    return how === 1 ? list.toSpliced(i, 1) : how === 2 ? list.toSpliced(i, 0, item) : list.with(i, how === 3 ? [item] : by);
  }
  const entries = Object.entries(json) as [string, Json][];
  const entry = entries[first % Math.max(1, entries.length)];
  if (entry === undefined) return { x: by };
  const [name, value] = entry;
  if (rest.length > 0) return { ...json, [name]: mutated(value, rest, how, by) };
  const others = Object.fromEntries(entries.filter(([other]) => other !== name));
  return how === 1 ? others : how === 2 && typeof by === "string" ? { ...others, [by]: value } : { ...json, [name]: by };
}

const change = fc.tuple(fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }), fc.nat(3), odd);
const request = fc
  .tuple(fc.constantFrom(...Object.keys(requests), "transact", "transact"), fc.array(change, { minLength: 0, maxLength: 4 }))
  .map(([method, changes]) => {
    const params = changes.reduce<Json>((json, [path, how, by]) => mutated(json, path, how, by), requests[method] ?? []);
    return { method, params };
  });
const transaction = fc
  .tuple(fc.shuffledSubarray(operations, { minLength: 1, maxLength: 4 }), fc.array(change, { maxLength: 3 }))
  .map(([chosen, changes]) => changes.reduce<Json>((json, [path, how, by]) => mutated(json, path, how, by), chosen))
  .filter((json): json is Json[] => Array.isArray(json));

/** All rows, in an order of their own: a row that comes back may stand behind the others. */
const contentOf = (database: Database) =>
  [...database.schema.tables.keys()].map(
    (name) => [name, [...database.table(name)].toSorted(([a], [b]) => (a < b ? -1 : 1))] as const,
  );

test("a transaction of any form has results or errors of the protocol, and one that fails leaves nothing", async () => {
  await using scope = new Scope();
  const errors: string[] = [];
  const log: Logger = { ...silentLogger, error: (fields) => void errors.push(JSON.stringify(fields)), child: () => log };
  const database = await openDatabase(scope, { log });
  await fc.assert(
    fc.asyncProperty(transaction, async (list) => {
      const before = contentOf(database);
      const signal = AbortSignal.timeout(20); // a wait may have become one for ever
      const results = await database.transact(list, TESTER, { signal });
      const failed = results.some((result) => typeof result === "object" && result !== null && "error" in result);
      expect(errors).toEqual([]);
      expect(JSON.stringify(results)).not.toContain("internal error");
      if (failed) expect(contentOf(database)).toEqual(before);
    }),
    { numRuns: NUM_RUNS * 5 },
  );
  expect(({} as { op?: unknown }).op).toBeUndefined(); // nothing reached the prototype of objects
});

test("a request of any form is answered, and its client is served on", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const remote = await serve(scope, [database]);
  let client = rawClient(scope, remote);
  let isClosed = false;
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 5 }), async (list) => {
      for (const { method, params } of list) {
        if (isClosed) {
          client = rawClient(scope, remote);
          isClosed = false;
        }
        const closed = client.closed.then(() => "closed" as const);
        const answer = await Promise.race([
          client.call(method, params).catch(() => "closed" as const),
          waited(method, params),
          closed,
        ]);
        if (answer === "waits") client.close();
        if (typeof answer === "string") isClosed = true;
        // Only parameters that are no array end a session.
        if (answer === "closed") expect(Array.isArray(params)).toBe(false);
        expect(stringifyExact((answer as Json) ?? null)).not.toContain("internal error");
      }
    }),
    { numRuns: NUM_RUNS },
  );
  expect((await rawClient(scope, remote).call("list_dbs", [])).result).toContain("T");
});

/** A mutated wait may wait for ever, as it asks. */
function waited(method: string, params: Json): Promise<"waits" | "closed"> {
  return new Promise((resolve) => {
    if (method === "transact" && stringifyExact(params).includes('"wait"')) setTimeout(() => resolve("waits"), 50).unref();
  });
}

test("bytes of any kind are answered or end their connection, and other clients do not notice", async () => {
  await using scope = new Scope();
  const remote = await serve(scope, [await openDatabase(scope)], { limits: { sizeBytes: 100_000, depth: 100 } });
  const witness = rawClient(scope, remote);
  await witness.call("monitor", ["T", "w", { Few: {} }]);
  const valid = Object.entries(requests).map(([method, params]) => Buffer.from(stringifyExact({ method, params, id: 1 })));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(...valid).chain((message) =>
      fc.array(fc.tuple(fc.nat(message.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
        const copy = Uint8Array.from(message);
        for (const [at, byte] of changes) copy[at] = byte;
        return copy;
      }),
    ),
    fc
      .tuple(fc.constantFrom("[", '{"a":', '"', "\\"), fc.constantFrom(10, 99, 101, 5000))
      .map(([text, n]) => Buffer.from(`{"a":${text.repeat(n)}`)),
    fc.constantFrom(
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]),
      Buffer.from('{"a":"\ud800"}'),
      Buffer.from(`{"a":"${"x".repeat(100_000)}`),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 4 }), async (chunks) => {
      const socket = connectSocket({ path: remote.replace("unix:", "") });
      const stream = new JsonStream();
      const ended = new Promise<void>((resolve, reject) => {
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
        socket.on("data", (data: Uint8Array) => {
          try {
            for (const message of stream.push(data)) expect(typeof message).toBe("object");
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
      await ended;
    }),
    { numRuns: NUM_RUNS },
  );
  witness.notifications();
  await witness.call("transact", ["T", { op: "insert", table: "Few", row: {} }]);
  expect(witness.notifications()).toHaveLength(1);
});

test("the greatest message is taken, and a greater one refused before it is whole", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const remote = await serve(scope, [database]);
  const MIB = 1024 * 1024;
  const send = async (nBytes: number): Promise<string> => {
    const client = rawClient(scope, remote);
    const before = '{"method":"list_dbs","id":1,"params":["';
    client.write(before);
    for (let sent = before.length; sent < nBytes - 3; sent += MIB) client.write("x".repeat(Math.min(MIB, nBytes - 3 - sent)));
    client.write('"]}');
    const answer = await client.reply(1).then(
      () => "answered",
      () => "closed",
    );
    client.close();
    return answer;
  };
  expect(await send(64 * MIB)).toBe("answered");
  expect(await send(64 * MIB + 1)).toBe("closed");
  expect(await send(200 * MIB)).toBe("closed");
  const nested = rawClient(scope, remote);
  nested.write(`{"method":"echo","id":1,"params":${"[".repeat(1_000_000)}`);
  await nested.closed;
  // Someone who begins a message and never ends it costs what was sent, and other clients nothing.
  const half = rawClient(scope, remote);
  half.write(`{"method":"echo","id":1,"params":["${"x".repeat(MIB)}`);
  expect((await rawClient(scope, remote).call("echo", [1])).result).toEqual([1]);
  expect(contentOf(database).flatMap(([, rows]) => rows)).toEqual([]);
});
