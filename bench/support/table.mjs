/**
 * Tables as Markdown. A row has a figure, its unit (unless no row has one), and a value for each of the table's columns: a number, a text, or nothing.
 */

/** What a benchmark gives for one peer, with the ratio to it in a column of its own. */
export function besidePeer(name, { peer, rows }) {
  return {
    name,
    columns: ["Tenet", peer, "Tenet / peer"],
    rows: rows.map(({ figure, unit, tenet, peer: theirs, better }) => {
      const ratio = theirs === undefined ? undefined : `${(tenet / theirs).toFixed(2)} (${better} is better)`;
      return { figure, unit, values: [tenet, theirs, ratio] };
    }),
  };
}

/** Numbers stand right. */
export function formatTable({ columns, rows }) {
  const isNumber = columns.map((_, i) => rows.every(({ values }) => typeof values[i] !== "string"));
  const hasUnits = rows.some(({ unit }) => unit !== undefined);
  const cells = rows.map(({ figure, unit, values }) => [
    figure,
    ...(hasUnits ? [unit] : []),
    ...columns.map((_, i) => formatCell(values[i])),
  ]);
  const all = [[...(hasUnits ? ["figure", "unit"] : [""]), ...columns], ...cells];
  const isRight = [false, ...(hasUnits ? [false] : []), ...isNumber];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (isRight[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => "-".repeat(width + 1) + (isRight[i] ? ":" : "-")).join("|")}|`;
  return [line(all[0]), rule, ...all.slice(1).map(line)].join("\n");
}

/** Of numbers three digits that say something, thousands apart. */
function formatCell(value) {
  if (typeof value === "string") return value;
  return value === undefined ? "" : Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 3 });
}
