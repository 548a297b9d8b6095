/** One logical switch with its ports and hosts, in SVG. */
import type { ReactElement } from "react";
import { shortUuid } from "../format.ts";
import { fitText } from "./fit-text.ts";
import { EmptyCard, HostCard } from "./host-card.tsx";
import type { PlacedPort, PlacedSwitch } from "./layout.ts";
import { type PacketPath, type Role, roleOf } from "./packet-path.ts";
import type { TopologyProps } from "./topology-panel.tsx";

type Emphasis = Pick<TopologyProps, "violations" | "marked" | "selected" | "onSelect">;

/** A placed switch and what of it stands out. */
export interface SwitchDrawingProps extends Emphasis {
  readonly placed: PlacedSwitch;
  readonly path: PacketPath | undefined;
  /** Whether cards have room for names and addresses only. */
  readonly isCompact: boolean;
}

/** The bar, its rails and everything that hangs below them. */
export function SwitchDrawing({ placed, path, isCompact, ...emphasis }: SwitchDrawingProps): ReactElement {
  const { name, uuid, bar, rails, trunk, ports } = placed;
  const isMarked = name !== undefined && emphasis.marked.has(name);
  return (
    <g className={isMarked ? "switch marked" : "switch"}>
      {ports.map((port) => (
        <Wire key={port.name} placed={port} path={path} isOnSwitch={name !== undefined} />
      ))}
      {trunk === undefined ? null : <line className="trunk" x1={trunk.x} x2={trunk.x} y1={trunk.top} y2={trunk.bottom} />}
      <rect className={name === undefined ? "bar astray" : "bar"} {...bar} rx={5} />
      <text className="bar-name" x={bar.x + 12} y={bar.y + 19.5}>
        {name ?? "on no switch"}
        {uuid === undefined ? null : <title>{`Logical_Switch ${uuid}`}</title>}
      </text>
      {uuid === undefined || bar.width < 240 ? null : (
        <text className="bar-uuid" x={bar.x + bar.width - 12} y={bar.y + 19.5}>
          {shortUuid(uuid)}
        </text>
      )}
      {rails.map((rail) => (
        <rect key={rail.y} className="rail" {...rail} rx={2} />
      ))}
      {ports.map((port) => (
        <PortAndHost key={port.name} placed={port} path={path} isCompact={isCompact} {...emphasis} />
      ))}
    </g>
  );
}

interface WireProps {
  readonly placed: PlacedPort;
  readonly path: PacketPath | undefined;
  readonly isOnSwitch: boolean;
}

function Wire({ placed, path, isOnSwitch }: WireProps): ReactElement | null {
  if (!isOnSwitch) return null;
  const { card, wireX: x, wireTop, port } = placed;
  const classes = ["wire", port?.up === true ? "" : "down", pathClass(placed, path)].join(" ");
  return <line className={classes} x1={x} x2={x} y1={wireTop - 2} y2={card.y} />;
}

function pathClass({ name, host }: PlacedPort, path: PacketPath | undefined): string {
  const role = roleOf(name, host?.name, path);
  if (role === "receives" || (role === "sends" && path?.isForwarded === true)) return "on-path";
  return role === "sends" ? "on-path-dropped" : "";
}

interface PortAndHostProps extends Emphasis {
  readonly placed: PlacedPort;
  readonly path: PacketPath | undefined;
  readonly isCompact: boolean;
}

function PortAndHost({ placed, path, isCompact, violations, marked, selected, onSelect }: PortAndHostProps): ReactElement {
  const { name, port, host, wireX: x, wireTop } = placed;
  const troubles = [
    ...new Set([...(violations.get(name) ?? []), ...(host === undefined ? [] : (violations.get(host.name) ?? []))]),
  ];
  const worst = troubles.some(({ kind }) => kind !== "warning") ? "error" : troubles.length > 0 ? "warning" : "";
  const isMarked = marked.has(name) || (host !== undefined && marked.has(host.name));
  const role = roleOf(name, host?.name, path);
  return (
    <g
      className={[
        "endpoint",
        worst,
        isMarked ? "marked" : "",
        host !== undefined && host.name === selected ? "selected" : "",
      ].join(" ")}
    >
      <rect className={port?.up === true ? "socket" : "socket down"} x={x - 5} y={wireTop - 3} width={10} height={8} rx={2}>
        <title>{portLabel(placed)}</title>
      </rect>
      {isCompact ? null : <PortText placed={placed} role={role} />}
      {host === undefined ? (
        <EmptyCard placed={placed} isCompact={isCompact} />
      ) : (
        <HostCard
          placed={placed}
          host={host}
          role={isCompact ? role : ""}
          isCompact={isCompact}
          nTroubles={troubles.length}
          onSelect={onSelect}
          isSelected={host.name === selected}
        />
      )}
    </g>
  );
}

function PortText({ placed, role }: { readonly placed: PlacedPort; readonly role: Role }): ReactElement {
  const { name, port, card, wireX, wireTop } = placed;
  return (
    <>
      <text className="port-name" x={wireX + 10} y={wireTop + 18}>
        {fitText(name, card.width - 34)}
        <title>{portLabel(placed)}</title>
      </text>
      <text className={role === "" ? "port-number" : "port-role"} x={wireX + 10} y={wireTop + 32}>
        {role !== "" ? role : port?.ofport == null ? "not plugged" : `OpenFlow ${port.ofport}`}
      </text>
    </>
  );
}

function portLabel({ name, port }: PlacedPort): string {
  if (port === undefined) return `${name}: no such Logical_Switch_Port`;
  return [`Logical_Switch_Port ${name}`, port.up ? "up" : "down", port.mac, ...port.ips].join("\n");
}
