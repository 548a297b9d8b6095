/**
 * The programs that the rule engine is measured with: rules, facts from a fixed generator, and the same in SQL and in Prolog.
 *
 * Facts are rows of whole numbers or strings by relation; in SQL they are tables of the same names with columns c0, c1, …, in
 * Prolog predicates. Engines must agree in two figures: how many rows the relation `counted` has, and a sum over the rows of `summed`
 * ({@link weightOf}; by default the same relation). `sql.make` and `prolog.make` derive what the figures are not read from directly.
 */

/** A generator of its own, so that every run and every engine sees the same facts. */
export function randomOf(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** What a row adds to the sum that all engines must agree in; `c0 * 31 + c1` and so on. */
export function weightOf(row) {
  let weight = 0;
  for (const value of row) weight = weight * 31 + value;
  return weight;
}

/** The two figures from one recursive query. */
function figuresOf(recursive, relation, weight) {
  const select = (what) => `with recursive ${recursive} select ${what} from ${relation}`;
  return { make: [], count: select("count(*)"), sum: select(`sum(${weight})`) };
}

function closure(e) {
  return {
    text: "input e(a: int, b: int)\ntc(x, y) :- e(x, y)\ntc(x, z) :- tc(x, y), e(y, z)",
    facts: { e },
    counted: "tc",
    sql: figuresOf(
      "tc(c0, c1) as (select c0, c1 from e union select tc.c0, e.c1 from tc join e on tc.c1 = e.c0)",
      "tc",
      "c0 * 31 + c1",
    ),
    prolog: {
      text: ":- table tc/2.\ntc(X, Y) :- e(X, Y).\ntc(X, Z) :- tc(X, Y), e(Y, Z).",
      make: [],
      count: "tc(_, _)",
      sum: ["X * 31 + Y", "tc(X, Y)"],
    },
  };
}

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
    sql: figuresOf(
      `sg(c0, c1) as (select a.c0, b.c0 from par a join par b on a.c1 = b.c1
        union select a.c0, b.c0 from par a join sg on a.c1 = sg.c0 join par b on b.c1 = sg.c1)`,
      "sg",
      "c0 * 31 + c1",
    ),
    // sg first: with par first, tabling makes a table for every P.
    prolog: {
      text: ":- table sg/2.\nsg(X, Y) :- par(X, P), par(Y, P).\nsg(X, Y) :- sg(P, Q), par(X, P), par(Y, Q).",
      make: [],
      count: "sg(_, _)",
      sum: ["X * 31 + Y", "sg(X, Y)"],
    },
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
    summed: "n_errors",
    sql: {
      make: [
        "create table idle as select distinct s.c0 from server s join stat t on s.c0 = t.c0 where s.c2 = 1 and t.c1 = 0 and t.c2 < 90",
        `create table error as select distinct i.c0, u.c1 from idle i join server s on i.c0 = s.c0 join "user" u on u.c0 = s.c1
          where not exists (select 1 from exempt x where x.c0 = u.c0)`,
        `create table n_errors as select u.c0, count(e.c0) as c1 from "user" u
          left join (server s join error e on e.c0 = s.c0) on s.c1 = u.c0 group by u.c0`,
      ],
      count: "select count(*) from error",
      sum: "select sum(c0 * 31 + c1) from n_errors",
    },
    prolog: {
      text: `:- table idle/1, error/2, n_errors(_, sum).
idle(S) :- server(S, _, 1), stat(S, 0, V), V < 90.
error(S, M) :- idle(S), server(S, U, _), user(U, M), \\+ exempt(U).
n_errors(U, 0) :- user(U, _).
n_errors(U, 1) :- error(S, _), server(S, U, _).`,
      make: ["n_errors(_, _)"],
      count: "error(_, _)",
      sum: ["U * 31 + N", "n_errors(U, N)"],
    },
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
    sql: figuresOf(
      `reach(c0, c1, c2) as (
        select k.c0, s.c0, s.c1 from source s, class k where not exists (select 1 from deny d where d.c0 = k.c0 and d.c1 = s.c1)
        union select r.c0, r.c1, l.c1 from reach r join link l on l.c0 = r.c2
          where not exists (select 1 from deny d where d.c0 = r.c0 and d.c1 = l.c1))`,
      "reach",
      "(c0 * 31 + c1) * 31 + c2",
    ),
    prolog: {
      text: `:- table reach/3.
reach(C, S, N) :- source(S, N), class(C), \\+ deny(C, N).
reach(C, S, N) :- reach(C, S, M), link(M, N), \\+ deny(C, N).`,
      make: [],
      count: "reach(_, _, _)",
      sum: ["(C * 31 + S) * 31 + N", "reach(C, S, N)"],
    },
  };
}

/** By the name that the command line takes. */
export const PROGRAMS = { chain, random, "same-generation": sameGeneration, policy, network, dag };
