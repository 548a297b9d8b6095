/** What rows cost in memory, and what is left of it when rows come and go for long. */
import { compile, Engine } from "@tenet/datalog";

const MIB = 2 ** 20;
/** Of 50 rows that come and 50 that go. */
const N_TRANSACTIONS = 20_000;
/** Rows live for so many transactions. */
const LIFE = 200;

/** Bytes in use; array buffers are freed a while after the collection that found them dead. */
export async function memoryInUse() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Two million rows of a recursive relation: bytes per row as they are loaded, with an index, with two, and with a column more. */
export async function memory() {
  const two = await bytesPerRow("input e(a: int, b: int)\ntc(x, y) :- e(x, y)\ntc(x, z) :- tc(x, y), e(y, z)", [1, undefined]);
  const three = await bytesPerRow("input e(a: int, b: int)\ntc(5, x, y) :- e(x, y)\ntc(c, x, z) :- tc(c, x, y), e(y, z)", [
    undefined,
    1,
    undefined,
  ]);
  return {
    bare: two.bare,
    indexed: two.indexed,
    perIndex: two.indexedTwice - two.indexed,
    perColumn: three.bare - two.bare,
  };
}

/** The closure of a chain. `prepare` makes the index by the last column, a look-up by `pattern` another one. */
async function bytesPerRow(text, pattern) {
  const before = await memoryInUse();
  const engine = new Engine(compile([{ name: "bench.dl", text }]), { maxTuples: 50_000_000 });
  engine.transact(Array.from({ length: 2000 }, (_, i) => ({ relation: "e", tuple: [i, i + 1], weight: 1 })));
  const n = engine.size("tc");
  const perRow = async () => ((await memoryInUse()) - before) / n;
  const bare = await perRow();
  engine.prepare();
  const indexed = await perRow();
  engine.match("tc", pattern);
  return { bare, indexed, indexedTwice: await perRow() };
}

const CHURN_RULES = `
input port(id: string, owner: string, at: int)
input link(a: string, b: string)
up(id, owner) :- port(id, owner, at), at > 0
n_up(owner, n) :- port(_, owner, _), n = count { id : up(id, owner) }
newest(owner, n) :- port(_, owner, _), n = max { at : port(_, owner, at) }
reach(a, b) :- link(a, b)
reach(a, c) :- reach(a, b), link(b, c)
lonely(id) :- up(id, _), not reach(id, _)
`;

/**
 * A day of changes in an hour: two million of them, each row new and gone after a while, with names and groups never seen before.
 * Resident memory of the process, and what of it is in use, after a tenth and at the end.
 */
export async function churn() {
  const engine = new Engine(compile([{ name: "bench.dl", text: CHURN_RULES }]));
  let first;
  for (let n = 0; n < N_TRANSACTIONS; n++) {
    engine.transact([...rowsOf(n, 1), ...(n < LIFE ? [] : rowsOf(n - LIFE, -1))]);
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (n === N_TRANSACTIONS / 10) first = await figures();
  }
  return { first, last: await figures() };
}

/** What one transaction puts in or takes out: 40 ports of four owners, and ten links that make two chains of them. */
function rowsOf(n, weight) {
  const id = (k) => `port-${n}-${k}-of-some-length`;
  const ports = Array.from({ length: 40 }, (_, k) => ({
    relation: "port",
    tuple: [id(k), `owner-${n - (n % 3)}-${k & 3}`, n],
    weight,
  }));
  const links = Array.from({ length: 10 }, (_, k) => ({
    relation: "link",
    tuple: [id(k < 5 ? k : k + 1), id(k < 5 ? k + 1 : k + 2)],
    weight,
  }));
  return [...ports, ...links];
}

async function figures() {
  const used = (await memoryInUse()) / MIB;
  return { resident: process.memoryUsage.rss() / MIB, used };
}
