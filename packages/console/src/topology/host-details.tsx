/** The facts of the chosen host and its port. */
import type { ReactElement } from "react";
import type { Host, LogicalPort, Violation } from "../api.ts";

/** A host, the port it is plugged into, and the violations that name either. */
export interface HostDetailsProps {
  readonly host: Host;
  readonly port: LogicalPort | undefined;
  readonly violations: readonly Violation[];
  readonly onClose: () => void;
}

/** A strip of facts below the drawing. */
export function HostDetails({ host, port, violations, onClose }: HostDetailsProps): ReactElement {
  const facts: [string, string][] = [
    ["mac", host.mac],
    ["addresses", host.ips.join(" ")],
    ["port", port === undefined ? `${host.port} (does not exist)` : `${host.port}, ${port.up ? "up" : "down"}`],
    ["switch", port?.switch ?? "none"],
    ["OpenFlow port", port?.ofport == null ? "not plugged" : `${port.ofport}`],
    ["namespace", host.namespace ?? "none: simulated"],
    ["tags", host.tags.join(", ") || "none"],
    ["violations", violations.length === 0 ? "none" : violations.map(({ policy, kind }) => `${kind} in ${policy}`).join(", ")],
  ];
  return (
    <section className="host-details" aria-label={`Host ${host.name}`}>
      <h3>{host.name}</h3>
      <dl className="facts-list">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
      <button type="button" className="quiet" onClick={onClose}>
        Close
      </button>
    </section>
  );
}
