/** One logical switch with its ports and hosts, in SVG. */
import type { KeyboardEvent, ReactElement } from "react";
import { shortUuid } from "../format.ts";
import type { PlacedPort, PlacedSwitch } from "./layout.ts";
import type { PacketPath, TopologyProps } from "./topology-panel.tsx";

type Emphasis = Pick<TopologyProps, "violations" | "marked" | "selected" | "onSelect">;

/** A placed switch and what of it stands out. */
export interface SwitchDrawingProps extends Emphasis {
  readonly placed: PlacedSwitch;
  readonly path: PacketPath | undefined;
}

/** The bar, its rails and everything that hangs below them. */
export function SwitchDrawing({ placed, path, ...emphasis }: SwitchDrawingProps): ReactElement {
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
        <PortAndHost key={port.name} placed={port} path={path} {...emphasis} />
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

function pathClass({ host }: PlacedPort, path: PacketPath | undefined): string {
  if (path === undefined || host === undefined || (host.name !== path.from && host.name !== path.to)) return "";
  if (path.isForwarded) return "on-path";
  return host.name === path.from ? "on-path-dropped" : "";
}

interface PortAndHostProps extends Emphasis {
  readonly placed: PlacedPort;
  readonly path: PacketPath | undefined;
}

function PortAndHost({ placed, path, violations, marked, selected, onSelect }: PortAndHostProps): ReactElement {
  const { name, port, host, card, wireX: x, wireTop } = placed;
  const troubles = [
    ...new Set([...(violations.get(name) ?? []), ...(host === undefined ? [] : (violations.get(host.name) ?? []))]),
  ];
  const worst = troubles.some(({ kind }) => kind !== "warning") ? "error" : troubles.length > 0 ? "warning" : "";
  const isMarked = marked.has(name) || (host !== undefined && marked.has(host.name));
  const label = portLabel(placed);
  const role = host === undefined ? "" : roleOf(host.name, path);
  return (
    <g
      className={[
        "endpoint",
        worst,
        isMarked ? "marked" : "",
        host !== undefined && host.name === selected ? "selected" : "",
      ].join(" ")}
    >
      <rect className={port?.up === true ? "socket" : "socket down"} x={x - 5} y={wireTop - 3} width={10} height={8} rx={2} />
      <text className="port-name" x={x + 10} y={wireTop + 18}>
        {shorten(name, textLength(card.width - 34))}
        <title>{label}</title>
      </text>
      <text className={role === "" ? "port-number" : "port-role"} x={x + 10} y={wireTop + 32}>
        {role !== "" ? role : port?.ofport == null ? "not plugged" : `OpenFlow ${port.ofport}`}
      </text>
      {host === undefined ? (
        <EmptyCard placed={placed} />
      ) : (
        <HostCard
          placed={placed}
          host={host}
          nTroubles={troubles.length}
          onSelect={onSelect}
          isSelected={host.name === selected}
        />
      )}
    </g>
  );
}

function EmptyCard({ placed: { card } }: { readonly placed: PlacedPort }): ReactElement {
  return (
    <>
      <rect className="card vacant" {...card} rx={6} />
      <text className="card-line muted" x={card.x + 12} y={card.y + 22}>
        no host
      </text>
    </>
  );
}

interface HostCardProps extends Pick<Emphasis, "onSelect"> {
  readonly placed: PlacedPort;
  readonly host: NonNullable<PlacedPort["host"]>;
  readonly nTroubles: number;
  readonly isSelected: boolean;
}

function HostCard({ placed: { card, port }, host, nTroubles, isSelected, onSelect }: HostCardProps): ReactElement {
  const choose = (): void => onSelect(isSelected ? undefined : host.name);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  const trouble = nTroubles === 0 ? "" : `, named by ${nTroubles} violation${nTroubles === 1 ? "" : "s"}`;
  const [ip = "no address", ...more] = host.ips;
  return (
    <g
      className="host"
      role="button"
      tabIndex={0}
      aria-pressed={isSelected}
      aria-label={`Host ${host.name}, ${host.ips.join(" ")}, port ${host.port} ${port?.up === true ? "up" : "down"}${trouble}`}
      onClick={choose}
      onKeyDown={onKeyDown}
    >
      <rect className="card" {...card} rx={6} />
      <text className="host-name" x={card.x + 12} y={card.y + 21}>
        {shorten(host.name, textLength(card.width - (nTroubles > 0 ? 46 : 20), 8.8))}
      </text>
      <text className="card-line mono" x={card.x + 12} y={card.y + 39}>
        {shorten(ip, textLength(card.width - (more.length > 0 ? 46 : 22)))}
        {more.length > 0 ? ` +${more.length}` : ""}
      </text>
      <Tags x={card.x + 12} y={card.y + 48} width={card.width - 24} tags={host.tags} />
      {nTroubles === 0 ? null : <TroubleMark x={card.x + card.width - 20} y={card.y + 16} n={nTroubles} />}
    </g>
  );
}

function Tags(props: {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly tags: readonly string[];
}): ReactElement {
  const { y, width, tags } = props;
  let x = props.x;
  const chips: ReactElement[] = [];
  for (const tag of tags) {
    const chipWidth = tag.length * 7 + 10;
    if (x + chipWidth > props.x + width) break;
    chips.push(
      <g key={tag}>
        <rect className="tag" x={x} y={y} width={chipWidth} height={16} rx={3} />
        <text className="tag-name" x={x + chipWidth / 2} y={y + 12}>
          {tag}
        </text>
      </g>,
    );
    x += chipWidth + 4;
  }
  return <>{chips}</>;
}

function TroubleMark({ x, y, n }: { readonly x: number; readonly y: number; readonly n: number }): ReactElement {
  return (
    <g className="trouble">
      <path d={`M${x} ${y - 9}l9 16h-18z`} />
      <text x={x} y={y + 4.5}>
        {n === 1 ? "!" : n}
      </text>
    </g>
  );
}

/** What the host does in the story that is being told. */
function roleOf(host: string, path: PacketPath | undefined): string {
  if (path === undefined) return "";
  if (host === path.from) return "sends";
  return host === path.to ? (path.isForwarded ? "receives" : "not reached") : "";
}

function portLabel({ name, port }: PlacedPort): string {
  if (port === undefined) return `${name}: no such Logical_Switch_Port`;
  return [`Logical_Switch_Port ${name}`, port.up ? "up" : "down", port.mac, ...port.ips].join("\n");
}

/** How many characters surely fit into a width, whatever font the system has. */
function textLength(width: number, characterWidth = 7.2): number {
  return Math.floor(width / characterWidth);
}

function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}
