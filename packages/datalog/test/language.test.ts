import { compile, Engine, type Value } from "@tenet/datalog";
import { expect, test } from "vitest";

/** Rows of `p` after the program starts, sorted by their text. */
function rowsOf(text: string, relation = "p"): (readonly Value[])[] {
  const rows = new Engine(compile([{ name: "p.dl", text }])).rows(relation);
  return [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

const EXPRESSIONS: readonly [expression: string, value: Value | undefined][] = [
  ["1 + 2 * 3 - 4", 3],
  ["-(2 + 3)", -5],
  ["2 - 3", -1],
  ["abs(1 - 2)", 1],
  ["7 % 4", 3],
  ["1 / 4", 0.25],
  ["1 / 0", undefined],
  ['"a" + "b"', "ab"],
  ['"a" + 1', undefined],
  ["[1] + [2, 3]", [1, 2, 3]],
  ["0x1F", 31],
  ["1.0 == 1", true],
  ["null == null", true],
  ['1 < "a"', undefined],
  ['"a" < "b"', true],
  ["true && 1 > 2 || true", true],
  ["!(1 in [1, 2])", false],
  ["3 not in [1, 2]", true],
  ['if 1 > 2 then "a" else if 2 > 1 then "b" else "c"', "b"],
  ['"x ${1 + 1} ${[1, "a"]} \\${y} ${"in ${2}"}"', 'x 2 [1, "a"] ${y} in 2'],
  ["'${x}'", "${x}"],
  ['"\\t\\u{41}"', "\tA"],
  ["2147483648 + 0", 2147483648],
  ["1e3", 1000],
];
for (const [expression, value] of EXPRESSIONS) {
  test(`${expression} is ${JSON.stringify(value) ?? "no value"}`, () => {
    expect(rowsOf(`p(x) :- x = ${expression}`)).toEqual(value === undefined ? [] : [[value]]);
  });
}

const CALLS: readonly [call: string, value: Value | undefined][] = [
  ['len("abc")', 3],
  ["len([1, 2])", 2],
  ['upper("ab") + lower("CD")', "ABcd"],
  ['trim("  a ")', "a"],
  ['split("a,b", ",")', ["a", "b"]],
  ['join([1, "b"], "-")', "1-b"],
  ['replace("a.b.c", ".", "$&")', "a$&b$&c"],
  ['starts_with("abc", "ab") && ends_with("abc", "bc") && contains("abc", "b")', true],
  ['index_of("abc", "c")', 2],
  ['index_of("abc", "x")', undefined],
  ['substr("hello", 1, 3)', "ell"],
  ['pad_left("7", 3, "0")', "007"],
  ['matches("lsp-12", "^lsp-[0-9]+$")', true],
  ['capture("lsp-12", "^(.*)-([0-9]+)$")', ["lsp", "12"]],
  ['str([1, "a"]) + str(null)', '[1, "a"]null'],
  ['int("42") + int(2.9) + int(true)', 45],
  ['int("x")', undefined],
  ['float("2.5")', 2.5],
  ["hex(255, 4)", "00ff"],
  ['parse_int("0xff", 16)', 255],
  ['parse_int("12z", 10)', undefined],
  ['type_of([]) + type_of(1) + type_of("") + type_of(null) + type_of(true)', "listnumberstringnullbool"],
  ['coalesce(null, "d")', "d"],
  ["is_null(null)", true],
  ["abs(-2) + floor(1.9) + ceil(1.1) + round(1.5)", 7],
  ["min(3, 2) + max(3, 2)", 5],
  ["div(-7, 2)", -4],
  ["div(1, 0)", undefined],
  ["pow(2, 10)", 1024],
  ["bit_and(12, 10) + bit_or(12, 10) + bit_xor(12, 10)", 28],
  ["shl(1, 40)", 1099511627776],
  ["shr(1099511627776, 38)", 4],
  ["nth([5, 6], 1)", 6],
  ["nth([5, 6], 2)", undefined],
  ['sort(["b", 2, null, "a", true, [1]])', [null, true, 2, "a", "b", [1]]],
  ["reverse(distinct([1, 2, 1]))", [2, 1]],
  ["slice(range(0, 5), 1, 3)", [1, 2]],
  ['enumerate(["a"])', [[0, "a"]]],
  ["first([1, 2]) + last([1, 2])", 3],
  ['uuid_of("a")', "ca978112-ca1b-8dca-bac2-31b39a23dc4d"],
  ['len(sha256("a"))', 64],
  ['hash32("a") == hash32("a")', true],
  ['ip_in_prefix("10.0.1.5", "10.0.0.0/16")', true],
  ['ip_in_prefix("11.0.1.5", "10.0.0.0/16")', false],
  ['ip_in_prefix("fe80::1", "fe80::/10")', true],
  ['ip_in_prefix("10.0.0.1", "fe80::/10")', false],
  ['ip_in_prefix("x", "10.0.0.0/8")', false],
  ['prefixes_overlap("10.0.1.0/24", "10.0.0.0/16") && prefixes_overlap("10.0.0.0/16", "10.0.1.0/24")', true],
  ['prefix_network("10.1.2.3/20")', "10.1.0.0/20"],
  ['prefix_network("2001:db8:0:0:1::5/64")', "2001:db8::/64"],
  ['prefix_length("10.0.0.0/255.255.240.0")', 20],
  ['prefix_mask("10.0.0.0/12")', "255.240.0.0"],
  ['ip4_to_int("1.2.3.4")', 16909060],
  ["int_to_ip4(16909060)", "1.2.3.4"],
  ['is_ip("::1") && is_ip4("1.2.3.4") && is_ip6("::") && is_prefix("10.0.0.0/8") && !is_prefix("10.0.0.0/33")', true],
  ['int_to_mac(mac_to_int("0a:00:00:00:00:ff"))', "0a:00:00:00:00:ff"],
  ['is_mac("0a:00")', false],
];
for (const [call, value] of CALLS) {
  test(`${call} is ${JSON.stringify(value) ?? "no value"}`, () => {
    expect(rowsOf(`p(x) :- x = ${call}`)).toEqual(value === undefined ? [] : [[value]]);
  });
}

const PROGRAMS: readonly [name: string, text: string, rows: readonly (readonly Value[])[]][] = [
  ["lists are taken apart", "p(a, c) :- [a, [_, c], 3] = [1, [2, 5], 3]", [[1, 5]]],
  ["`in` gives distinct elements", "p(x) :- x in [1, 2, 1]", [[1], [2]]],
  [
    "`in` takes pairs apart and tests what is bound",
    "p(k, v) :- v = 2, [k, v] in [[1, 2], [3, 4], [5, 2]]",
    [
      [1, 2],
      [5, 2],
    ],
  ],
  ["an expression as an argument is a value to look up", "q(2, 20) q(3, 30)\np(y) :- x in [1, 2], q(x + 1, y)", [[20], [30]]],
  ["a list as an argument is a pattern", 'q([1, "a"]) q([2, "b"])\np(n) :- q([2, n])', [["b"]]],
  [
    "`or` separates alternatives, parentheses group",
    "q(1) q(2) q(3)\np(x) :- q(x), x > 2 or q(x), (x == 1 or x == 7), x < 5",
    [[1], [3]],
  ],
  ["`and` is a comma, `!` is not", "q(1) q(2) r(2)\np(x) :- q(x) and !r(x)", [[1]]],
  ["named columns of a head leave the others null", 'relation p(a, b, c)\np(c=1, a="x")', [["x", null, 1]]],
  ["a first head with named columns names them", "q(b=2, a=1)\np(x) :- q(a=x)", [[1]]],
  ["a repeated variable compares columns", "q(1, 1) q(1, 2)\np(x) :- q(x, x)", [[1]]],
  ["a table without columns", "on\np(1) :- on\np(2) :- off()\noff :- not on", [[1]]],
  ["statements may end with . or ; or nothing", "q(1). q(2); q(3) p(x) :- q(x), x > 1.", [[2], [3]]],
  [
    "an empty group counts 0 if the group is known",
    "g(1) q(2)\np(x, n, l) :- g(x), n = count { q(x) }, l = collect { y : q(y), y < x }",
    [[1, 0, []]],
  ],
  [
    "an aggregate alone gives only groups that exist",
    "q(1, 5) q(1, 6) q(2, 7)\np(g, n) :- n = max { v : q(g, v) }",
    [
      [1, 6],
      [2, 7],
    ],
  ],
  [
    "head aggregates group by the rest of the head",
    "q(1, 5) q(1, 6) q(2, 5)\np(g, count(), sum(v), collect(v)) :- q(g, v)",
    [
      [1, 2, 11, [5, 6]],
      [2, 1, 5, [5]],
    ],
  ],
  [
    "sum adds each way, count of a value counts distinct ones",
    'q("a", 5) q("b", 5)\np(s, n, w) :- s = sum { v : q(_, v) }, n = count { v : q(_, v) }, w = count { q(_, _) }',
    [[10, 1, 2]],
  ],
  ["sums with fractions are rounded once", "q(0.1) q(0.2) q(0.3)\np(s) :- s = sum { v : q(v) }", [[0.6]]],
  ["an aggregate stands in an expression", 'q(1) q(2)\np(if count { q(_) } > 1 then "many" else "one")', [["many"]]],
  ["the least pair names who has it", 'q("a", 3) q("b", 2)\np(who) :- [_, who] = min { [cost, x] : q(x, cost) }', [["b"]]],
  [
    "a group may compare with a variable from outside",
    'q("a", 1) q("b", 1) q("c", 2)\np(x) :- q(x, g), not (q(y, g), y != x)',
    [["c"]],
  ],
  ["groups nest", "q(1) q(2) r(2, 3)\np(x) :- q(x), not (r(x, y), not (q(z), z == y))", [[1]]],
  [
    "an aggregate in an aggregate",
    'q("a", 1) q("a", 2) q("b", 3)\np(m) :- m = max { n : q(g, _), n = count { q(g, _) } }',
    [[2]],
  ],
  [
    "recursion through two tables",
    "e(1, 2) e(2, 3)\np(x, y) :- e(x, y)\np(x, z) :- r(x, y), e(y, z)\nr(x, y) :- p(x, y)",
    [
      [1, 2],
      [1, 3],
      [2, 3],
    ],
  ],
];
for (const [name, text, rows] of PROGRAMS) {
  test(name, () => expect(rowsOf(text)).toEqual(rows));
}

const AGGREGATES: readonly [aggregate: string, value: Value | undefined][] = [
  ["avg { r : vm(_, _, r) }", 3.5],
  ["avg { r : vm(_, 'none', r) }", undefined],
  ["argmin { n, r : vm(n, _, r) }", "a"],
  ["argmax { n, r : vm(n, _, r) }", "d"],
  ["argmax { n, [h, r] : vm(n, h, r) }", "d"],
  ["top { 2, n, r : vm(n, _, r) }", ["d", "c"]],
  ["top { 9, n, r : vm(n, _, r) }", ["d", "c", "b", "a"]],
  ["join { h, '-' : vm(_, h, _) }", "h1-h2"],
  ["list { h : vm(_, h, _) }", ["h1", "h1", "h2", "h2"]],
  ["map { n, r : vm(n, 'h1', r) }", { a: 2, b: 2 }],
  ["count { h, r : vm(_, h, r) }", 3],
  ["max { r, n : vm(n, _, r) }", [6, "d"]],
  ["sum { r : vm(_, _, r) } - min { r : vm(_, _, r) }", 12],
];
for (const [aggregate, value] of AGGREGATES) {
  test(`${aggregate} is ${JSON.stringify(value) ?? "no value"}`, () => {
    const facts = 'vm("a", "h1", 2) vm("b", "h1", 2) vm("c", "h2", 4) vm("d", "h2", 6)';
    expect(rowsOf(`${facts}\np(x) :- x = ${aggregate}`)).toEqual(value === undefined ? [] : [[value]]);
  });
}

test("aggregates in heads group by the other columns", () => {
  const facts = 'vm("a", "h1", 2) vm("b", "h1", 3) vm("c", "h2", 4)';
  expect(rowsOf(`${facts}\np(h, avg(r), argmax(n, r), top(1, n, r)) :- vm(n, h, r)`)).toEqual([
    ["h1", 2.5, "b", ["b"]],
    ["h2", 4, "c", ["c"]],
  ]);
});
