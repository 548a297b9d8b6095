/** Northbound rows that ask for what this version leaves out: each is told once to whoever sits at the terminal. */
import type { UnsupportedRow } from "@tenet/ovn";

/** Collects them from the start, and tells them from the moment somebody listens. */
export class LeftOut {
  #rows: readonly UnsupportedRow[] = [];
  readonly #listeners = new Set<() => void>();
  #tell: ((row: UnsupportedRow) => void) | undefined;

  /** The present rows. */
  get rows(): readonly UnsupportedRow[] {
    return this.#rows;
  }

  /** Takes all rows as they are now. */
  update(rows: readonly UnsupportedRow[]): void {
    const known = new Set(this.#rows.map(keyOf));
    this.#rows = rows;
    for (const row of rows) if (!known.has(keyOf(row))) this.#tell?.(row);
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the present rows, and from now on each new one. */
  tellTo(tell: (row: UnsupportedRow) => void): void {
    this.#tell = tell;
    this.#rows.forEach(tell);
  }
}

/** `ACL ip4: allow-related needs connection tracking …`. */
export function formatLeftOut({ table, row, name, reason }: UnsupportedRow): string {
  return `${table} ${name === "" ? row.slice(0, 8) : name}: ${reason}`;
}

function keyOf({ row, reason }: UnsupportedRow): string {
  return `${row} ${reason}`;
}
