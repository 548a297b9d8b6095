/**
 * The reachability matrix as text: who (down) reaches whom (across), by ping and on each TCP port that one serves.
 *
 *     from \ to   web1      db1
 *                 ping 80   ping 5432
 *     web1        ·    ·    ✗    ✗
 *     db1         ✗    ✗    ·    ·
 */
import type { Reachability, ReachabilityCell } from "./reachability.ts";

/** How to write it. */
export interface FormatOptions {
  /** Green for open, red for blocked; off when absent. */
  readonly color?: boolean;
}

/** The columns of one destination: `ping`, then its ports. */
interface Destination {
  readonly name: string;
  readonly labels: readonly string[];
  readonly width: number;
}

const CORNER = "from \\ to";
const GAP = "   ";
const ESCAPE = "\u001b[";
const COLORS = { "✓": `${ESCAPE}32m`, "✗": `${ESCAPE}31m`, "·": `${ESCAPE}2m` } as const;
const RESET = `${ESCAPE}0m`;

type Mark = keyof typeof COLORS;

/** Writes the matrix: two lines of heading, one line per host, without a newline at the end. */
export function formatReachability(reachability: Reachability, options: FormatOptions = {}): string {
  const { hosts, cells } = reachability;
  const cellOf = new Map(cells.map((cell) => [`${cell.from} ${cell.to}`, cell]));
  const destinations = hosts.map((name) => destinationOf(name, cells));
  const labelWidth = Math.max(CORNER.length, ...hosts.map((host) => host.length));
  const lineOf = (label: string, columns: readonly string[]): string =>
    [label.padEnd(labelWidth), ...columns].join(GAP).trimEnd();
  return [
    lineOf(
      CORNER,
      destinations.map(({ name, width }) => name.padEnd(width)),
    ),
    lineOf(
      "",
      destinations.map(({ labels, width }) => labels.join(" ").padEnd(width)),
    ),
    ...hosts.map((from) =>
      lineOf(
        from,
        destinations.map((to) => marksOf(to, cellOf.get(`${from} ${to.name}`), options.color === true)),
      ),
    ),
  ].join("\n");
}

function destinationOf(name: string, cells: readonly ReachabilityCell[]): Destination {
  const ports = cells.find((cell) => cell.to === name)?.tcp.map(({ port }) => String(port)) ?? [];
  const labels = ["ping", ...ports];
  return { name, labels, width: Math.max(name.length, labels.join(" ").length) };
}

function marksOf({ labels, width }: Destination, cell: ReachabilityCell | undefined, hasColor: boolean): string {
  const marks = labels.map((label): Mark => {
    if (cell === undefined) return "·"; // a host and itself
    const isOpen = label === "ping" ? cell.ping === "ok" : cell.tcp.some(({ port, open }) => open && String(port) === label);
    return isOpen ? "✓" : "✗";
  });
  const texts = marks.map(
    (mark, i) => (hasColor ? COLORS[mark] + mark + RESET : mark) + " ".repeat((labels[i]?.length ?? 1) - 1),
  );
  return texts.join(" ") + " ".repeat(width - labels.join(" ").length);
}
