/** Where the standard tools connect, as commands to copy. */
import { type ReactElement, useState } from "react";
import type { Sockets } from "./api.ts";
import { Panel } from "./panel.tsx";

/** One command per socket. */
export function ConnectPanel({ sockets }: { readonly sockets: Sockets }): ReactElement {
  const commands = [
    `ovn-nbctl --db=unix:${sockets.nb} show`,
    `ovn-sbctl --db=unix:${sockets.sb} lflow-list`,
    `ovs-vsctl --db=unix:${sockets.db} show`,
    `ovs-ofctl dump-flows unix:${sockets.openflow}`,
  ];
  return (
    <Panel id="connect" title="Standard tools">
      <ul className="commands">
        {commands.map((command) => (
          <Command key={command} text={command} />
        ))}
      </ul>
    </Panel>
  );
}

function Command({ text }: { readonly text: string }): ReactElement {
  const [label, setLabel] = useState("Copy");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setLabel("Copied");
    } catch {
      setLabel("Select");
    }
    window.setTimeout(() => setLabel("Copy"), 1500);
  };
  return (
    <li>
      <code>{text}</code>
      <button type="button" className="quiet" onClick={copy} aria-label={`Copy ${text}`}>
        {label}
      </button>
    </li>
  );
}
