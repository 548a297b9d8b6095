/** Northbound rows that ask for what this version does not carry out. */
import type { ReactElement } from "react";
import type { LeftOutRow } from "./api.ts";
import { Panel } from "./panel.tsx";

/** One entry per row; nothing when there is none. */
export function LeftOutPanel({ rows }: { readonly rows: readonly LeftOutRow[] }): ReactElement | null {
  if (rows.length === 0) return null;
  return (
    <Panel id="left-out" title="Not carried out" aside={rows.length}>
      <ul className="rows">
        {rows.map(({ table, uuid, name, reason }) => (
          <li key={`${uuid} ${reason}`} className="policy">
            <p>
              <strong>{table}</strong> <code title={uuid}>{name === "" ? uuid.slice(0, 8) : name}</code>
            </p>
            <p className="empty">{reason}</p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
