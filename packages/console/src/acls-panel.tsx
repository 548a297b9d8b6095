/** The access control lists, in the order in which they are tried. */
import type { ReactElement } from "react";
import type { Acl } from "./api.ts";
import { shortUuid } from "./format.ts";
import { Empty, Panel } from "./panel.tsx";

/** One row per ACL: by switch or group, direction, then falling priority. */
export function AclsPanel({ acls }: { readonly acls: readonly Acl[] }): ReactElement {
  const sorted = acls.toSorted(
    (a, b) => a.switchOrGroup.localeCompare(b.switchOrGroup) || a.direction.localeCompare(b.direction) || b.priority - a.priority,
  );
  return (
    <Panel id="acls" title="Access control lists" aside={`${acls.length}`}>
      {sorted.length === 0 ? (
        <Empty>
          No ACL: every port reaches every other port of its switch. Add one with <code>ovn-nbctl acl-add</code>.
        </Empty>
      ) : (
        <div className="acls">
          <table className="grid">
            <thead>
              <tr>
                <th>on</th>
                <th>direction</th>
                <th className="number">priority</th>
                <th>match</th>
                <th>action</th>
                <th className="uuid">uuid</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((acl) => (
                <tr key={acl.uuid}>
                  <td>{acl.switchOrGroup}</td>
                  <td className="nowrap">{acl.direction}</td>
                  <td className="number">{acl.priority}</td>
                  <td className="mono wrap">
                    {acl.match}
                    {acl.name === undefined ? null : <span className="muted"> ({acl.name})</span>}
                  </td>
                  <td className={acl.action.startsWith("allow") ? "good nowrap" : "bad nowrap"}>{acl.action}</td>
                  <td className="mono muted uuid" title={acl.uuid}>
                    {shortUuid(acl.uuid)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
