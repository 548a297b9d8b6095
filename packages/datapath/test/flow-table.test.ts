import fc from "fast-check";
import { expect, test } from "vitest";
import { FIELDS, makeFlowKey } from "@tenet/net";
import { FlowTable, type Megaflow } from "@tenet/datapath";
import { matchOf } from "./frames.ts";

test("a packet finds the flow whose masked key it has", () => {
  const table = new FlowTable();
  const dns = matchOf({ in_port: 1, eth_type: 0x0800, tp_dst: 53 });
  const web = matchOf({ in_port: 1, eth_type: 0x0800, tp_dst: 80 });
  const arp = matchOf({ in_port: 1, eth_type: 0x0806 });
  const flows = [dns, web, arp].map(({ key, mask }) => table.put(key, mask, []));
  expect(table.nMasks).toBe(2);
  const packet = matchOf({ in_port: 1, eth_type: 0x0800, tp_dst: 80, nw_src: 7 }).key;
  expect(table.lookup(packet)).toBe(flows[1]);
  expect(table.lookup(matchOf({ in_port: 1, eth_type: 0x0806, tp_dst: 80 }).key)).toBe(flows[2]);
  expect(table.lookup(matchOf({ in_port: 2, eth_type: 0x0806 }).key)).toBeUndefined();
});

test("putting the same key and mask again replaces the actions and keeps the statistics", () => {
  const table = new FlowTable();
  const { key, mask } = matchOf({ in_port: 1 });
  const first = table.put(key, mask, []);
  for (let i = 0; i < 5; i++) first.count(60, 1, 0);
  const second = table.put(key, mask, [{ type: "output", port: 2 }]);
  expect(second).toBe(first);
  expect(second).toMatchObject({ nPackets: 5, actions: [{ type: "output", port: 2 }] });
  expect(table.size).toBe(1);
});

test("a flow that is gone has no slot in the kernel, though the next one with its number has", () => {
  const table = new FlowTable();
  const { key, mask } = matchOf({ in_port: 1 });
  const gone = table.put(key, mask, []);
  gone.slot = 3;
  table.delete(gone);
  const next = table.put(key, mask, []);
  next.slot = 7;
  expect({ isGone: gone.isGone, slot: gone.slot, number: gone.number }).toEqual({ isGone: true, slot: -1, number: next.number });
});

test("bits of the key outside the mask do not matter", () => {
  const table = new FlowTable();
  const { mask } = matchOf({ eth_type: 1 });
  const noisy = makeFlowKey().fill(0xffffffff);
  noisy[FIELDS.eth_type.word] = 0x0800_1234;
  const flow = table.put(noisy, mask, []);
  expect(table.lookup(matchOf({ eth_type: 0x0800 }).key)).toBe(flow);
});

test("a flow that matches everything is found, and an empty table finds nothing", () => {
  const table = new FlowTable();
  expect(table.lookup(makeFlowKey())).toBeUndefined();
  const flow = table.put(makeFlowKey(), makeFlowKey(), []);
  expect(table.lookup(makeFlowKey().fill(0xdeadbeef))).toBe(flow);
});

test("any sequence of puts, deletes and lookups agrees with a plain map", () => {
  const masks = [
    matchOf({ in_port: 1 }).mask,
    matchOf({ in_port: 1, tp_dst: 1 }).mask,
    matchOf({ in_port: 1, nw_src: 1, eth_type: 1 }).mask,
  ];
  const value = fc.nat(40);
  const step = fc.record({ op: fc.constantFrom("put", "delete", "lookup"), port: fc.nat(2), a: value, b: value });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new FlowTable();
      const model = new Map<string, Megaflow>();
      for (const { op, port, a, b } of steps) {
        // The port selects the mask, so flows are disjoint as the slow path guarantees.
        const mask = masks[port] ?? makeFlowKey();
        const { key } = matchOf({ in_port: port, tp_dst: a, nw_src: b, eth_type: a & 3 });
        const name = key.map((word, i) => word & (mask[i] ?? 0)).join();
        if (op === "put") model.set(name, table.put(key, mask, []));
        const known = model.get(name);
        if (op === "delete" && known !== undefined) {
          table.delete(known);
          model.delete(name);
        }
        expect(table.lookup(key)).toBe(model.get(name));
      }
      expect(table.size).toBe(model.size);
      expect(new Set(table.flows())).toEqual(new Set(model.values()));
    }),
    { numRuns: 300 },
  );
});

test("thousands of flows come and go, also while they are listed", () => {
  const table = new FlowTable();
  for (let i = 0; i < 5000; i++) {
    const { key, mask } = matchOf({ in_port: 1, nw_dst: i });
    table.put(key, mask, []);
  }
  table.sortByHits();
  expect(table.lookup(matchOf({ in_port: 1, nw_dst: 4321 }).key)).toBeDefined();
  let n = 0;
  for (const flow of table.flows()) if (n++ % 2 === 0) table.delete(flow);
  expect(table.size).toBe(2500);
  for (const flow of table.flows()) expect(table.lookup(flow.key)).toBe(flow);
  for (const flow of table.flows()) table.delete(flow);
  expect(table).toMatchObject({ size: 0, nMasks: 0 });
});

test("who lists flows while some come and go sees each that stays once, and none that has gone", () => {
  const change = fc.record({ isDelete: fc.boolean(), value: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 40 }), (changesByStep) => {
      const table = new FlowTable();
      const put = (value: number) =>
        table.put(matchOf({ in_port: 1, nw_dst: value }).key, matchOf({ in_port: 1, nw_dst: -1 }).mask, []);
      const staying = new Set<Megaflow>(Array.from({ length: 30 }, (_, value) => put(value)));
      const held = new Set(staying);
      const seen: Megaflow[] = [];
      for (const flow of table.flows()) {
        expect(held).toContain(flow);
        seen.push(flow);
        for (const { isDelete, value } of changesByStep[seen.length - 1] ?? []) {
          const changed = put(value);
          if (!isDelete) held.add(changed);
          else {
            table.delete(changed);
            held.delete(changed);
            staying.delete(changed);
          }
        }
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining([...staying]));
      expect(table.size).toBe(held.size);
    }),
  );
});

test("flows are found, and have their keys, at any moment while a table grows and shrinks", () => {
  const table = new FlowTable();
  const nFlows = 700;
  const matchFor = (n: number) => matchOf({ in_port: 1, nw_dst: n + 1 });
  const held = new Map<number, Megaflow>();
  const { word } = FIELDS.nw_dst;
  const isRight = ([n, flow]: [number, Megaflow]): boolean => table.lookup(matchFor(n).key) === flow && flow.key[word] === n + 1;
  const check = (): void => expect([...held].filter((each) => !isRight(each))).toEqual([]);
  const change = (n: number): void => {
    const { key, mask } = matchFor(n);
    const flow = held.get(n);
    if (flow === undefined) held.set(n, table.put(key, mask, []));
    else {
      table.delete(flow);
      held.delete(n);
      expect(table.lookup(key)).toBeUndefined();
    }
  };
  for (let n = 0; n < nFlows; n++) {
    change(n);
    if (n % 3 === 2) change(n - 1); // some go while others come
    if (n % 32 === 0) check();
  }
  for (let n = 0; n < nFlows; n++) {
    if (held.has(n)) change(n);
    if (n % 5 === 4) change(n);
    if (n % 32 === 0) check();
  }
  check();
  expect(table.size).toBe(held.size);
});

test("no two flows have a number in common, and numbers of flows that are gone are given again", () => {
  const table = new FlowTable();
  const put = (n: number): Megaflow => {
    const { key, mask } = matchOf({ in_port: 1, nw_dst: n });
    return table.put(key, mask, []);
  };
  const numbers = (): Set<number> => new Set([...table.flows()].map(({ number }) => number));
  for (let n = 0; n < 3000; n++) put(n);
  expect(numbers().size).toBe(3000);
  for (const flow of table.flows()) if (flow.number % 3 > 0) table.delete(flow);
  for (let n = 0; n < 3000; n++) put(n);
  expect(numbers().size).toBe(3000);
  expect(Math.max(...numbers())).toBeLessThan(3072); // whole segments
});

test("a flow begins to count at zero, whatever the one counted that had its number", () => {
  const table = new FlowTable();
  const { key, mask } = matchOf({ in_port: 1, nw_dst: 1 });
  const [first, other] = [table.put(key, mask, []), table.put(matchOf({ in_port: 2 }).key, matchOf({ in_port: 1 }).mask, [])];
  first.count(60, 1000, 0x12);
  first.count(100, 2000, 0x01);
  expect(first).toMatchObject({ nPackets: 2, nBytes: 160, usedMs: 2000, tcpFlags: 0x13 });
  expect(other).toMatchObject({ nPackets: 0, nBytes: 0, usedMs: 0, tcpFlags: 0 });
  table.delete(first);
  expect(first).toMatchObject({ nPackets: 2, nBytes: 160 }); // for whoever asks what it had counted
  const next = table.put(key, mask, []);
  expect(next.number).toBe(first.number);
  expect(next).toMatchObject({ nPackets: 0, nBytes: 0, usedMs: 0, tcpFlags: 0 });
  table.delete(first);
  expect(table.lookup(key)).toBe(next); // the number is another's now
});

test("the key of a flow is written over what was there", () => {
  const table = new FlowTable();
  const { key, mask } = matchOf({ in_port: 1, nw_dst: 1 });
  const flow = table.put(key, mask, []);
  const read = makeFlowKey().fill(7);
  flow.readKey(read);
  expect(read).toEqual(flow.key);
  expect(read).toEqual(key);
});
