/**
 * Moves the focus through a table of buttons with the arrow keys, Home and End.
 *
 * The table is one stop of the Tab key, whatever its size: the button last focused has `tabindex` 0, all others -1.
 * A cell may span columns, so columns are counted, not cells.
 */

/** Makes `button` the table's tab stop. */
export function makeTabStop(table: HTMLTableElement, button: HTMLButtonElement): void {
  for (const other of table.querySelectorAll('button[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  button.setAttribute("tabindex", "0");
}

/** The button that a key leads to; `undefined` when it leads nowhere. */
export function buttonInDirection(from: HTMLButtonElement, key: string): HTMLButtonElement | undefined {
  const cell = from.closest("td");
  const row = from.closest("tr");
  if (cell === null || row === null) return undefined;
  switch (key) {
    case "ArrowLeft":
      return firstButton(siblings(cell, "previousElementSibling"));
    case "ArrowRight":
      return firstButton(siblings(cell, "nextElementSibling"));
    case "ArrowUp":
      return firstButton(siblings(row, "previousElementSibling").map((other) => cellAt(other, columnOf(cell))));
    case "ArrowDown":
      return firstButton(siblings(row, "nextElementSibling").map((other) => cellAt(other, columnOf(cell))));
    case "Home":
      return firstButton([...row.cells]);
    case "End":
      return firstButton([...row.cells].toReversed());
    default:
      return undefined;
  }
}

function siblings<T extends Element>(element: T, direction: "previousElementSibling" | "nextElementSibling"): T[] {
  const found: T[] = [];
  for (let next = element[direction]; next !== null; next = next[direction]) found.push(next as T);
  return found;
}

function firstButton(elements: readonly (Element | undefined)[]): HTMLButtonElement | undefined {
  for (const element of elements) {
    const button = element?.querySelector("button");
    if (button != null) return button;
  }
  return undefined;
}

function columnOf(cell: HTMLTableCellElement): number {
  return siblings(cell, "previousElementSibling").reduce((n, { colSpan }) => n + colSpan, 0);
}

function cellAt(row: HTMLTableRowElement, column: number): HTMLTableCellElement | undefined {
  let at = 0;
  for (const cell of row.cells) {
    at += cell.colSpan;
    if (at > column) return cell;
  }
  return undefined;
}
