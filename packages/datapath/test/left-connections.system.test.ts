/** Maps of connections that a process left when it was killed, at any moment, and what the next one makes of them. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bpfFileSystem } from "@tenet/linux";
import { kernelObstacle } from "@tenet/datapath";
import { ConnectionTable } from "../src/conntrack/connection-table.ts";
import { ENTRY, ENTRY_WORDS, STATUS } from "../src/conntrack/connection-entry.ts";
import { PHASE } from "../src/conntrack/phase.ts";
import { reverseTuple, TUPLE, TUPLE_WORDS } from "../src/conntrack/tuple.ts";
import { CONTROL, N_FREE_IDS } from "../src/ebpf/conntrack/control-layout.ts";
import { ConnectionMaps } from "../src/ebpf/conntrack/connection-maps.ts";

const obstacle = kernelObstacle();
if (obstacle !== undefined) console.log(`left-connections.system.test.ts: skipped, ${obstacle.reason}`);
const CAPACITY = 64;

/** Of UDP, in zone 3, from port `n`. */
function tupleOf(n: number): Uint32Array {
  const tuple = new Uint32Array(TUPLE_WORDS);
  tuple[TUPLE.head] = 0x0411_0003;
  tuple[TUPLE.src] = 0x0a00_0001;
  tuple[TUPLE.dst] = 0x0a00_0002;
  tuple[TUPLE.ports] = ((n << 16) | 53) >>> 0;
  return tuple;
}

function replyTo(tuple: Uint32Array): Uint32Array {
  const reply = new Uint32Array(TUPLE_WORDS);
  reverseTuple(tuple, reply);
  return reply;
}

describe.skipIf(obstacle !== undefined)("connections left by a process", () => {
  let folder: string;
  let before: ConnectionMaps;
  let table: ConnectionTable;
  let opened: ConnectionMaps[];

  function open(): ConnectionMaps {
    const maps = new ConnectionMaps(() => performance.now(), { capacity: CAPACITY, folder });
    opened.push(maps);
    return maps;
  }

  function add(n: number): number {
    const original = tupleOf(n);
    const connection = table.add(original, replyTo(original), performance.now());
    connection.begin({ nat: "none", helper: undefined, parent: undefined, phase: PHASE.otherFirst }, performance.now());
    connection.mark = n;
    table.publish(connection);
    return connection.id;
  }

  function setStatus(id: number, status: number): void {
    before.memory.words[id * ENTRY_WORDS + ENTRY.status] = status;
  }

  /** Ports of the connections that the next process has. */
  function portsLeft(maps: ConnectionMaps): number[] {
    const found = [...new ConnectionTable(2, maps).live(() => performance.now())];
    return found.flatMap((connection) => connection?.mark ?? []).toSorted((a, b) => a - b);
  }

  beforeEach(() => {
    folder = join(bpfFileSystem(), `test-left-${process.pid}`);
    mkdirSync(folder);
    opened = [];
    before = open();
    table = new ConnectionTable(1, before);
  });

  afterEach(() => {
    for (const maps of opened) maps.close();
    rmSync(folder, { recursive: true });
  });

  test("are found from both sides, with all that is known of them, and counted", () => {
    for (const n of [1, 2, 3]) add(n);
    const next = new ConnectionTable(2, open());
    expect(next.size).toBe(3);
    expect(next.sizeOfZone(3)).toBe(3);
    const found = next.find(replyTo(tupleOf(2)), performance.now());
    expect(next.foundReply).toBe(true);
    expect(found).toMatchObject({ mark: 2, phase: PHASE.otherFirst, nat: "none" });
    expect(found?.expiresMs).toBeGreaterThan(performance.now() + 50_000);
    expect(next.find(tupleOf(4), performance.now())).toBeUndefined();
  });

  test("keep their ids: new ones get others, and what is free is given out again", () => {
    const ids = [1, 2, 3].map(add);
    const maps = open();
    const given: number[] = [];
    for (let id = maps.takeId(0); id >= 0; id = maps.takeId(0)) given.push(id);
    expect(new Set(given).size).toBe(CAPACITY - ids.length);
    expect(given.filter((id) => ids.includes(id))).toEqual([]);
  });

  test.each([
    { what: "nothing but its entry is there", damage: () => [tupleOf(2), replyTo(tupleOf(2))].map((tuple) => unlist(tuple)) },
    { what: "its answers are not known", damage: () => unlist(replyTo(tupleOf(2))) },
    { what: "its entry is free already", damage: (id: number) => setStatus(id, STATUS.free) },
    { what: "its entry was given up", damage: (id: number) => setStatus(id, STATUS.abandoned) },
  ])("end when they were begun or ended in part: $what", ({ damage }) => {
    const [, id = -1] = [1, 2, 3].map(add);
    damage(id);
    const maps = open();
    expect(portsLeft(maps)).toEqual([1, 3]);
    expect([tupleOf(2), replyTo(tupleOf(2))].map((tuple) => maps.find(tuple))).toEqual([-1, -1]);
  });

  test("may be over, and wait to begin again", () => {
    const id = add(1);
    setStatus(id, STATUS.over);
    const maps = open();
    expect(new ConnectionTable(2, maps).size).toBe(1);
    expect(maps.find(tupleOf(1))).toBe(2 * id);
  });

  test("that the program makes while no process looks are there, too, and its other ids stay its own", () => {
    before.giveIds(performance.now());
    const { buffer, byteOffset } = before.memory.words;
    const words = new Uint32Array(buffer, byteOffset, CAPACITY * ENTRY_WORDS);
    const control = before.control.mapValues();
    const controls = new Uint32Array(control.bytes.buffer, control.bytes.byteOffset);
    const idAt = (n: number): number => controls[CONTROL.freeIds / 4 + (n % N_FREE_IDS)] ?? -1;
    const maps = open();
    const id = idAt(0);
    controls[CONTROL.taken / 4] = 1; // what the program does, now
    controls[CONTROL.count / 4] = 1;
    words.set(tupleOf(9), id * ENTRY_WORDS + ENTRY.original);
    words.set(replyTo(tupleOf(9)), id * ENTRY_WORDS + ENTRY.reply);
    maps.publish(id, tupleOf(9), replyTo(tupleOf(9)));
    setStatus(id, STATUS.live);
    expect(new ConnectionTable(2, maps).size).toBe(1);
    const taken = Array.from({ length: CAPACITY }, () => maps.takeId(0));
    expect(taken).not.toContain(idAt(1));
    control.unmap();
  });

  function unlist(tuple: Uint32Array): void {
    before.index.delete(keyOf(tuple));
  }
});

/** As the index has a tuple: the head in the machine's order of bytes, the rest in the packet's. */
function keyOf(tuple: Uint32Array): Uint8Array {
  const key = new DataView(new ArrayBuffer(4 * TUPLE_WORDS));
  key.setUint32(0, tuple[TUPLE.head] ?? 0, true);
  for (let i = 1; i < TUPLE_WORDS; i++) key.setUint32(4 * i, tuple[i] ?? 0);
  return new Uint8Array(key.buffer);
}
