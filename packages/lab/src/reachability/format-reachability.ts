/**
 * The reachability matrix as text: who (down) reaches whom (across).
 *
 *     from \ to   web1            db1
 *     web1        ·               ✗ ping  ✗ 5432
 *     app1        ✓ ping  ✓ 80    ✓ ping  ✓ 5432
 */
import type { Reachability, ReachabilityCell } from "./reachability.ts";

/** How to write it. */
export interface FormatOptions {
  /** Green for open, red for blocked; off when absent. */
  readonly color?: boolean;
}

interface Part {
  readonly text: string;
  readonly isOpen: boolean | undefined;
}

const CORNER = "from \\ to";
const GAP = "   ";
const GREEN = "\u001b[32m";
const RED = "\u001b[31m";
const DIM = "\u001b[2m";
const RESET = "\u001b[0m";

/** Writes the matrix, one line per host, without a newline at the end. */
export function formatReachability(reachability: Reachability, options: FormatOptions = {}): string {
  const { hosts, cells } = reachability;
  const cellOf = new Map(cells.map((cell) => [`${cell.from} ${cell.to}`, cell]));
  const rows = hosts.map((from) => hosts.map((to) => partsOf(cellOf.get(`${from} ${to}`))));
  const widths = hosts.map((host, i) => Math.max(host.length, ...rows.map((row) => widthOf(row[i] ?? []))));
  const labelWidth = Math.max(CORNER.length, ...hosts.map((host) => host.length));
  const head = [CORNER.padEnd(labelWidth), ...hosts.map((host, i) => host.padEnd(widths[i] ?? 0))].join(GAP).trimEnd();
  const lines = hosts.map((host, i) => {
    const columns = (rows[i] ?? []).map((parts, k) => write(parts, widths[k] ?? 0, options.color === true));
    return [host.padEnd(labelWidth), ...columns].join(GAP).trimEnd();
  });
  return [head, ...lines].join("\n");
}

function partsOf(cell: ReachabilityCell | undefined): Part[] {
  if (cell === undefined) return [{ text: "·", isOpen: undefined }];
  const ping = { text: cell.ping === "ok" ? "✓ ping" : "✗ ping", isOpen: cell.ping === "ok" };
  return [ping, ...cell.tcp.map(({ port, open }) => ({ text: `${open ? "✓" : "✗"} ${port}`, isOpen: open }))];
}

function widthOf(parts: readonly Part[]): number {
  return parts.reduce((width, { text }) => width + text.length, 0) + 2 * Math.max(0, parts.length - 1);
}

function write(parts: readonly Part[], width: number, hasColor: boolean): string {
  const padding = " ".repeat(width - widthOf(parts));
  return parts.map((part) => (hasColor ? paint(part) : part.text)).join("  ") + padding;
}

function paint({ text, isOpen }: Part): string {
  const color = isOpen === undefined ? DIM : isOpen ? GREEN : RED;
  return color + text + RESET;
}
