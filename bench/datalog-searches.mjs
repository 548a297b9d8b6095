/** Joins that equal values do not serve: intervals that hold a value, and the longest prefix around an address. */
import { randomOf } from "./datalog-programs.mjs";

const N = 200_000;
const N_PORTS = 10_000_000;

/** Points and the rules whose range holds them: about two each. */
function intervals() {
  const next = randomOf(21);
  const point = () => [next(N_PORTS)];
  const rule = (i) => {
    const from = next(N_PORTS);
    return [from, from + next(200), i];
  };
  let n = N;
  return {
    text: "input rule(from: int, to: int, action: int)\ninput packet(p: int)\nhit(p, a) :- packet(p), rule(from, to, a), p in from..to",
    facts: { rule: Array.from({ length: N }, (_, i) => rule(i)), packet: Array.from({ length: N }, point) },
    counted: "hit",
    changes: {
      rule: () => [{ relation: "rule", tuple: rule(n++), weight: 1 }],
      packet: () => [{ relation: "packet", tuple: point(), weight: 1 }],
    },
  };
}

/** Addresses and the longest of the routes around them, lengths spread about as in the tables of the internet. */
function prefixes() {
  const next = randomOf(22);
  const address = () => `${1 + next(223)}.${next(256)}.${next(256)}.${next(256)}`;
  const length = () => {
    const share = next(100);
    return share < 55 ? 24 : share < 75 ? 22 + next(2) : share < 95 ? 16 + next(6) : 8 + next(8);
  };
  const route = () => [`${address()}/${length()}`, next(64)];
  return {
    text: `input route(to: prefix, hop: int)
input host(a: ip)
best(a, p) :- host(a), p = longest { q : route(q, _), ip_in_prefix(a, q) }`,
    facts: { route: Array.from({ length: N }, route), host: Array.from({ length: N }, () => [address()]) },
    counted: "best",
    changes: {
      route: () => [{ relation: "route", tuple: route(), weight: 1 }],
      host: () => [{ relation: "host", tuple: [address()], weight: 1 }],
    },
  };
}

/** By the name that the command line takes: programs, and by relation what gives the changes of one transaction. */
export const SEARCHES = { intervals, prefixes };
