/** The table of connections beside somebody else who makes connections in the same memory. */
import { expect, test } from "vitest";
import { ENTRY, ENTRY_WORDS, STATUS } from "../src/conntrack/connection-entry.ts";
import { ConnectionTable } from "../src/conntrack/connection-table.ts";
import type { SharedConnections } from "../src/conntrack/shared-connections.ts";
import { N_ZONES, TUPLE_WORDS } from "../src/conntrack/tuple.ts";

const CAPACITY = 4;
const NOW_MS = 1000;
/** In the memory, in ns: the highest there is. */
const NEVER = 0x7fff_ffff;

/** Memory in which the other can find no connection of ours, and can make some. */
class Beside implements SharedConnections {
  readonly memory = { words: new Int32Array(CAPACITY * ENTRY_WORDS), clockOffsetMs: 0 };
  readonly capacity = CAPACITY;
  readonly count = new Int32Array(1);
  readonly zoneCounts = new Int32Array(N_ZONES);
  seed = 0;
  mustAsk = false;
  mustAskOfMisfits = false;
  #nTaken = 0;
  #made: number[] = [];

  /** The other makes a connection. */
  make(id: number): void {
    this.memory.words[id * ENTRY_WORDS + ENTRY.status] = STATUS.live;
    this.keep(id);
    this.count[0] = (this.count[0] ?? 0) + 1;
    this.#made.push(id);
  }
  /** A connection does not expire. */
  keep(id: number): void {
    this.memory.words[id * ENTRY_WORDS + ENTRY.expires + 1] = NEVER;
  }
  takeId(): number {
    return this.#nTaken < CAPACITY ? this.#nTaken++ : -1;
  }
  find(): number {
    return -1;
  }
  publish(): boolean {
    return false;
  }
  withdraw(): void {}
  takeNew(visit: (id: number) => void): void {
    this.#made.splice(0).forEach(visit);
  }
  limit(): void {}
  limitZone(): void {}
  giveIds(): void {}
}

test("a connection that the other makes while all are gone through is not taken for the one that had its id", () => {
  const beside = new Beside();
  const table = new ConnectionTable(1, beside);
  const ours = Array.from({ length: CAPACITY }, (_, n) => {
    const connection = table.add(tuple(2 * n + 1), tuple(2 * n + 2), NOW_MS);
    beside.keep(connection.id);
    table.publish(connection);
    return connection;
  });
  expect(table.nHidden).toBe(CAPACITY);
  let nSeen = 0;
  for (const connection of table.live(() => NOW_MS)) {
    if (connection === undefined) continue;
    nSeen++;
    table.remove(connection, NOW_MS);
    const next = ours[connection.id + 1];
    if (next === undefined) continue;
    table.remove(next, NOW_MS);
    beside.make(next.id);
  }
  expect([nSeen, table.size, table.nHidden]).toEqual([CAPACITY, 0, 0]);
});

function tuple(port: number): Uint32Array {
  return new Uint32Array(TUPLE_WORDS).fill(port, TUPLE_WORDS - 1);
}
