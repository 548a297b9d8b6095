/**
 * A checked program as PostgreSQL: one table per relation, computed level by level.
 *
 * What it shows: the engine's core rules (see `Program.rules`) need nothing that a relational database does not have. Atoms become
 * FROM, repeated variables become equations, negation NOT EXISTS, aggregates GROUP BY. A relation with one linear recursive rule
 * becomes WITH RECURSIVE; all other recursion a loop over the rows that are new, on the server.
 *
 * What it leaves out says so: null (it joins with itself here and not there), typed values, maps, fractions in texts, all functions
 * but two. Columns are typed by what their rules give, inputs by their first row.
 */

import { createHash } from "node:crypto";

/** The statements that create and fill the derived tables; `inputTypes` holds SQL types of columns by input. */
export function programToSql(program, inputTypes) {
  const tables = new Map();
  for (const [name, types] of inputTypes) tables.set(name, types);
  const aggregateOf = new Map(program.aggregates.map((aggregate) => [aggregate.relation, aggregate]));
  return program.strata.flatMap(({ relations, isRecursive }) => {
    const derived = relations.filter((name) => !tables.has(name) && name !== "$start");
    if (derived.length === 0) return [];
    const rules = program.rules.filter(({ relation }) => derived.includes(relation));
    if (isRecursive) return recursiveStratum(derived, rules, tables);
    return derived.map((name) => {
      const aggregate = aggregateOf.get(name);
      if (aggregate !== undefined) return createTable(name, aggregateSql(aggregate, tables), tables);
      const selects = rules.filter(({ relation }) => relation === name).map((rule) => ruleSql(rule, tables));
      if (selects.length === 0) throw new Error(`Nothing derives "${name}", and it is no input`);
      return createTable(name, union(selects), tables);
    });
  });
}

/** A relation's table. */
export function tableName(relation) {
  if (Buffer.byteLength(relation) > 63) {
    const digest = createHash("sha256").update(relation).digest("hex");
    return tableName(`${relation.replaceAll(/[^\x20-\x7e]/g, "").slice(0, 40)}#${digest.slice(0, 16)}`);
  }
  return `"${relation.replaceAll('"', '""')}"`;
}

/** A column's type for a value. */
export function sqlTypeOf(value) {
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "bigint" : "double precision";
  if (Array.isArray(value) && value.length > 0) return `${sqlTypeOf(value[0])}[]`;
  if (Array.isArray(value)) return "text[]";
  throw new Error(`There is no column type for ${JSON.stringify(value)}`);
}

function createTable(name, { sql, types }, tables) {
  tables.set(name, types);
  return `create unlogged table ${tableName(name)} as ${sql};\nanalyze ${tableName(name)};`;
}

function union(selects) {
  const [first] = selects;
  for (const { types } of selects) {
    if (types.join() !== first.types.join()) throw new Error(`Rules of one table give ${types} and ${first.types}`);
  }
  const sql =
    selects.length === 1
      ? first.sql.replace(/^select /, "select distinct ")
      : selects.map((select) => select.sql).join("\nunion\n");
  return { sql, types: first.types };
}

function recursiveStratum(names, rules, tables) {
  const isInside = (literal) => literal.kind === "atom" && names.includes(literal.relation);
  const base = rules.filter(({ body }) => !body.some(isInside));
  const inner = rules.filter(({ body }) => body.some(isInside));
  for (const name of names) {
    const own = base.filter(({ relation }) => relation === name);
    if (own.length > 0) tables.set(name, ruleSql(own[0], tables).types);
  }
  // A table without a rule that starts it gets its types from one that reads tables which have theirs.
  const hasTypes = (rule) => rule.body.every((literal) => literal.kind !== "atom" || tables.has(literal.relation));
  const next = () => inner.find((rule) => !tables.has(rule.relation) && hasTypes(rule));
  for (let rule = next(); rule !== undefined; rule = next()) tables.set(rule.relation, ruleSql(rule, tables).types);
  // What is left has no rows, whatever the inputs: each of its rules needs a table that has none.
  for (const { relation, head } of inner)
    if (!tables.has(relation))
      tables.set(
        relation,
        head.map(() => "bigint"),
      );
  const isLinear = names.length === 1 && inner.length === 1 && inner[0].body.filter(isInside).length === 1;
  return isLinear && base.length > 0
    ? [withRecursive(names[0], base, inner[0], tables)]
    : [loop(names, base, inner, isInside, tables)];
}

function withRecursive(name, base, rule, tables) {
  const types = tables.get(name);
  const columns = types.map((_, i) => `c${i}`).join(", ");
  const start = union(base.map((one) => ruleSql(one, tables))).sql;
  const sql = `with recursive ${tableName(name)}(${columns}) as (\n(${start})\nunion\n${ruleSql(rule, tables).sql}\n) select * from ${tableName(name)}`;
  return createTable(name, { sql, types }, tables);
}

/** Semi-naive: each round joins the rows that the last one found, until none is new. */
function loop(names, base, inner, isInside, tables) {
  const made = names.map((name) => {
    const types = tables.get(name);
    const columns = types.map((type, i) => `c${i} ${type}`).join(", ");
    const key = types.map((_, i) => `c${i}`).join(", ");
    const now = [name, `${name} new`, `${name} next`].map(tableName);
    return `${now.map((table) => `create unlogged table ${table} (${columns});`).join(" ")} create unique index on ${now[0]} (${key});`;
  });
  const insert = (rule, into, overrides) =>
    `with found as (insert into ${tableName(rule.relation)} ${ruleSql(rule, tables, overrides).sql} on conflict do nothing returning *)
     insert into ${tableName(`${rule.relation} ${into}`)} select * from found;`;
  const starts = base.map((rule) => insert(rule, "new", new Map()));
  const steps = inner.flatMap((rule) =>
    rule.body.flatMap((literal, i) =>
      isInside(literal) ? [insert(rule, "next", new Map([[i, `${literal.relation} new`]]))] : [],
    ),
  );
  const turn = names.map((name) => {
    const [fresh, next] = [tableName(`${name} new`), tableName(`${name} next`)];
    return `truncate ${fresh}; insert into ${fresh} select * from ${next}; truncate ${next};
    analyze ${tableName(name)}; analyze ${fresh};
    select n + count(*) into n from ${fresh};`;
  });
  return `${made.join("\n")}
${starts.join("\n")}
do $$ declare n bigint; begin loop
    ${steps.join("\n    ")}
    n := 0;
    ${turn.join("\n    ")}
    exit when n = 0;
end loop; end $$;
${names.map((name) => `analyze ${tableName(name)};`).join(" ")}`;
}

const AGGREGATES = {
  count: () => ({ sql: "count(*)", type: "bigint" }),
  sum: (type) => ({ sql: `sum(v)::${type}`, type }),
  min: (type) => ({ sql: "min(v)", type }),
  max: (type) => ({ sql: "max(v)", type }),
  collect: (type) => ({ sql: "array_agg(distinct v order by v)", type: `${type}[]` }),
};

function aggregateSql({ body, fn, nGroup, nParts }, tables) {
  const types = typesOf(body, tables);
  const groups = types.slice(0, nGroup).map((_, i) => `c${i}`);
  if (AGGREGATES[fn] === undefined) throw new Error(`There is no SQL for the aggregate ${fn}`);
  const parts = Array.from({ length: nParts ?? 0 }, (_, i) => `c${nGroup + i}`);
  const list = { sql: `array[${parts.join(", ")}]`, type: `${types[nGroup]}[]` };
  const of = nParts === undefined ? { sql: `c${nGroup}`, type: types[nGroup] } : list;
  const value = AGGREGATES[fn](of.type);
  const columns = [...groups, `${value.sql.replaceAll(/\bv\b/g, of.sql)} as c${nGroup}`].join(", ");
  const by = groups.length === 0 ? "having count(*) > 0" : `group by ${groups.join(", ")}`;
  return { sql: `select ${columns} from ${tableName(body)} ${by}`, types: [...types.slice(0, nGroup), value.type] };
}

function typesOf(relation, tables) {
  const types = tables.get(relation);
  if (types === undefined) throw new Error(`"${relation}" is used before it is known`);
  return types;
}

/** One rule as SELECT; `tableOf` replaces the relation of literals by their position. */
function ruleSql({ relation, head, body }, tables, tableOf = new Map()) {
  const slots = new Map();
  const from = [];
  const where = [];
  for (const [i, literal] of body.entries()) {
    if (literal.kind !== "atom" || literal.relation === "$start") continue;
    const types = typesOf(literal.relation, tables);
    from.push(`${tableName(tableOf.get(i) ?? literal.relation)} a${i}`);
    for (const [column, term] of literal.terms.entries()) {
      const value = { sql: `a${i}.c${column}`, type: types[column] };
      if (term.kind === "const") where.push(`${value.sql} = ${constantSql(term.value, value.type).sql}`);
      else if (term.kind === "var" && slots.has(term.slot)) where.push(`${value.sql} = ${slots.get(term.slot).sql}`);
      else if (term.kind === "var") slots.set(term.slot, value);
    }
  }
  let waiting = body.filter(({ kind }) => kind !== "atom");
  while (waiting.length > 0) {
    const left = waiting.filter((literal) => !literalSql(literal, slots, from, where, tables));
    if (left.length === waiting.length) throw new Error(`A condition of a rule for "${relation}" has no SQL`);
    waiting = left;
  }
  // Ways to satisfy a body are counted by rows whose value is null; which value it is, nobody asks.
  const valueOf = ({ value }) => (value === null && relation.startsWith("$") ? 0 : value);
  const columns = head.map((term) => (term.kind === "var" ? slots.get(term.slot) : constantSql(valueOf(term))));
  // A table without columns would have as many rows as there are derivations: it has one column that nobody reads.
  const list = columns.length === 0 ? "true as holds" : columns.map(({ sql }, i) => `${sql} as c${i}`).join(", ");
  const parts = [
    `select ${list}`,
    from.length > 0 && `from ${from.join(", ")}`,
    where.length > 0 && `where ${where.join(" and ")}`,
  ];
  return { sql: parts.filter((part) => part !== false).join(" "), types: columns.map(({ type }) => type) };
}

/** Takes in one condition; false if variables of it are not known yet. */
function literalSql(literal, slots, from, where, tables) {
  switch (literal.kind) {
    case "not": {
      if (literal.terms.some((term) => term.kind === "var" && !slots.has(term.slot))) return false;
      const types = typesOf(literal.relation, tables);
      const same = literal.terms.map(
        (term, i) => `n.c${i} = ${term.kind === "var" ? slots.get(term.slot).sql : constantSql(term.value, types[i]).sql}`,
      );
      where.push(
        `not exists (select 1 from ${tableName(literal.relation)} n${same.length > 0 ? ` where ${same.join(" and ")}` : ""})`,
      );
      return true;
    }
    case "equal":
      return equation(literal.left, literal.right, slots, where) || equation(literal.right, literal.left, slots, where);
    case "member": {
      const list = expressionSql(literal.right, slots);
      if (list === undefined) return false;
      if (literal.left.kind === "var" && !slots.has(literal.left.slot)) {
        const name = `m${from.length}`;
        from.push(`lateral unnest(${list.sql}) ${name}(v)`);
        slots.set(literal.left.slot, { sql: `${name}.v`, type: list.type.slice(0, -2) });
      } else where.push(`${expressionSql(literal.left, slots).sql} = any(${list.sql})`);
      return true;
    }
    case "test": {
      const condition = expressionSql(literal.expr, slots);
      if (condition !== undefined) where.push(condition.sql);
      return condition !== undefined;
    }
    default:
      throw new Error(`There is no SQL for a condition of the kind ${literal.kind}`);
  }
}

/** Gives the variable on the left the value on the right, or compares them if it has one. */
function equation(left, right, slots, where) {
  const value = expressionSql(right, slots);
  if (value === undefined) return false;
  if (left.kind === "var" && !slots.has(left.slot)) {
    slots.set(left.slot, value);
    return true;
  }
  const other = expressionSql(left, slots, value.type);
  if (other !== undefined) where.push(`${other.sql} = ${value.sql}`);
  return other !== undefined;
}

const FUNCTIONS = {
  split: ([text, by]) => ({
    sql: `case when ${text.sql} = '' then array[''] else string_to_array(${text.sql}, ${by.sql}) end`,
    type: "text[]",
  }),
  join: ([list, by]) => ({ sql: `array_to_string(${list.sql}, ${by.sql})`, type: "text" }),
};
const COMPARISONS = { "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=" };

/** An expression with its type; `undefined` while a variable of it is not known. */
function expressionSql(expr, slots, expected) {
  switch (expr.kind) {
    case "var":
      return slots.get(expr.slot);
    case "const":
      return constantSql(expr.value, expected);
    case "text": {
      const parts = expr.parts.map((part) => expressionSql(part, slots));
      if (parts.includes(undefined)) return undefined;
      return { sql: `(${parts.map(textSql).join(" || ")})`, type: "text" };
    }
    case "call": {
      const args = expr.args.map((arg) => expressionSql(arg, slots));
      if (FUNCTIONS[expr.fn.name] === undefined) throw new Error(`There is no SQL for the function ${expr.fn.name}`);
      return args.includes(undefined) ? undefined : FUNCTIONS[expr.fn.name](args);
    }
    case "binary":
      return binarySql(expr, slots);
    default:
      throw new Error(`There is no SQL for an expression of the kind ${expr.kind}`);
  }
}

function binarySql({ op, left, right }, slots) {
  const a = expressionSql(left, slots);
  const b = expressionSql(right, slots, a?.type);
  if (a === undefined || b === undefined) return undefined;
  if (op === "&&" || op === "||") return { sql: `(${a.sql} ${op === "&&" ? "and" : "or"} ${b.sql})`, type: "boolean" };
  if (a.type !== b.type) throw new Error(`There is no SQL for ${a.type} ${op} ${b.type}`);
  if (COMPARISONS[op] !== undefined) return { sql: `${a.sql} ${COMPARISONS[op]} ${b.sql}`, type: "boolean" };
  if (!["+", "-", "*", "%"].includes(op) || a.type !== "bigint") throw new Error(`There is no SQL for ${a.type} ${op}`);
  return { sql: `(${a.sql} ${op} ${b.sql})`, type: a.type };
}

function textSql({ sql, type }) {
  if (type === "text") return sql;
  if (type !== "bigint" && type !== "boolean") throw new Error(`There is no SQL for ${type} in a text`);
  return `${sql}::text`;
}

/** A constant; an empty list takes the type that is expected. */
function constantSql(value, expected) {
  if (Array.isArray(value)) {
    const type = value.length === 0 && expected?.endsWith("[]") ? expected : sqlTypeOf(value);
    return { sql: `array[${value.map((item) => constantSql(item).sql).join(", ")}]::${type}`, type };
  }
  const type = sqlTypeOf(value);
  return { sql: `${typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : value}::${type}`, type };
}
