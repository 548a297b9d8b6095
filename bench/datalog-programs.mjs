/**
 * The programs that the rule engine is measured with: rules, facts from a fixed generator, and the same in SQL.
 *
 * Facts are rows of whole numbers or strings by relation. `sql` derives the same rows from tables of the same names with
 * columns c0, c1, …; `counted` is the relation whose number of rows must agree.
 */

/** DuckDB's package. Not among our dependencies: it comes with a library of 60 MB, and not for every platform. */
export const DUCKDB = process.env.DUCKDB_MODULE ?? "@duckdb/node-api";

/** A generator of its own, so that every run and every engine sees the same facts. */
export function randomOf(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const CLOSURE = "input e(a: int, b: int)\ntc(x, y) :- e(x, y)\ntc(x, z) :- tc(x, y), e(y, z)";
const CLOSURE_SQL =
  "with recursive tc(x, y) as (select c0, c1 from e union select tc.x, e.c1 from tc join e on tc.y = e.c0) select count(*) from tc";

const closure = (e) => ({ text: CLOSURE, facts: { e }, counted: "tc", sql: CLOSURE_SQL });

/** Distinct edges of a random graph; `isOrdered` keeps it free of cycles. */
function randomEdges(nNodes, nEdges, isOrdered, seed) {
  const next = randomOf(seed);
  const seen = new Set();
  const edges = [];
  while (edges.length < nEdges) {
    const [a, b] = [next(nNodes), next(nNodes)];
    const edge = isOrdered && a > b ? [b, a] : [a, b];
    const key = edge[0] * nNodes + edge[1];
    if (a === b || seen.has(key)) continue;
    seen.add(key);
    edges.push(edge);
  }
  return edges;
}

function chain() {
  return closure(Array.from({ length: 2000 }, (_, i) => [i, i + 1]));
}

function random() {
  return closure(randomEdges(2000, 4000, false, 1));
}

function dag() {
  return closure(randomEdges(20_000, 22_000, true, 2));
}

/** Pairs of nodes of one level in a tree of degree three. */
function sameGeneration() {
  const par = [];
  let [first, n] = [0, 1];
  for (let level = 1; level <= 7; level++) {
    for (let i = 0; i < n * 3; i++) par.push([first + n + i, first + Math.floor(i / 3)]);
    first += n;
    n *= 3;
  }
  return {
    text: "input par(x: int, p: int)\nsg(x, y) :- par(x, p), par(y, p)\nsg(x, y) :- par(x, p), sg(p, q), par(y, q)",
    facts: { par },
    counted: "sg",
    sql: `with recursive sg(x, y) as (select a.c0, b.c0 from par a join par b on a.c1 = b.c1
      union select a.c0, b.c0 from par a join sg on a.c1 = sg.x join par b on b.c1 = sg.y) select count(*) from sg`,
  };
}

/** Servers with their statistics and owners; errors are idle servers of users that have no exemption, counted by user. */
export function policy(nServers = 1_000_000) {
  const next = randomOf(3);
  const nUsers = nServers / 10;
  const server = [];
  const stat = [];
  const user = [];
  const exempt = [];
  for (let i = 0; i < nServers; i++) {
    server.push([i, next(nUsers), next(100) < 90 ? 1 : 0]);
    stat.push([i, next(2), next(100)]);
  }
  for (let i = 0; i < nUsers; i++) {
    user.push([i, `user${i}@example.com`]);
    if (next(10) === 0) exempt.push([i]);
  }
  return {
    text: `input server(id: int, user: int, active: int)
input stat(server: int, meter: int, value: int)
input user(id: int, mail: string)
input exempt(user: int)
idle(s) :- server(s, _, 1), stat(s, 0, v), v < 90
error(s, m) :- idle(s), server(s, u, _), user(u, m), not exempt(u)
n_errors(u, n) :- user(u, _), n = count { s : error(s, _), server(s, u, _) }`,
    facts: { server, stat, user, exempt },
    counted: "error",
    sql: [
      "create table idle as select distinct s.c0 from server s join stat t on s.c0 = t.c0 where s.c2 = 1 and t.c1 = 0 and t.c2 < 90",
      `create table error as select distinct i.c0, u.c1 from idle i join server s on i.c0 = s.c0 join "user" u on u.c0 = s.c1
        where not exists (select 1 from exempt x where x.c0 = u.c0)`,
      `create table n_errors as select u.c0, count(*) n from "user" u join server s on s.c1 = u.c0 join error e on e.c0 = s.c0 group by u.c0`,
      "select count(*) from error",
    ],
  };
}

/** Which switch is reached from which source in which class of traffic, links and access lists given. */
function network() {
  const next = randomOf(4);
  const link = randomEdges(1000, 4000, false, 5);
  const deny = [];
  const source = [];
  for (let c = 0; c < 8; c++) for (let n = 0; n < 1000; n++) if (next(100) < 15) deny.push([c, n]);
  for (let s = 0; s < 200; s++) source.push([s, next(1000)]);
  const classes = Array.from({ length: 8 }, (_, c) => [c]);
  return {
    text: `input link(a: int, b: int)
input deny(class: int, node: int)
input source(s: int, node: int)
input class(c: int)
reach(c, s, n) :- source(s, n), class(c), not deny(c, n)
reach(c, s, n) :- reach(c, s, m), link(m, n), not deny(c, n)`,
    facts: { link, deny, source, class: classes },
    counted: "reach",
    sql: `with recursive reach(c, s, n) as (
      select k.c0, s.c0, s.c1 from source s, class k where not exists (select 1 from deny d where d.c0 = k.c0 and d.c1 = s.c1)
      union select r.c, r.s, l.c1 from reach r join link l on l.c0 = r.n
        where not exists (select 1 from deny d where d.c0 = r.c and d.c1 = l.c1)) select count(*) from reach`,
  };
}

/** By the name that the command line takes. */
export const PROGRAMS = { chain, random, "same-generation": sameGeneration, policy, network, dag };
