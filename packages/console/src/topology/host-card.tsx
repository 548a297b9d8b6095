/** The card of a host, or of a port that nothing is plugged into, in SVG. */
import type { KeyboardEvent, ReactElement } from "react";
import { fitText } from "./fit-text.ts";
import type { PlacedPort } from "./layout.ts";
import type { Role } from "./packet-path.ts";

/** A dashed place for a host. */
export function EmptyCard({ placed, isCompact }: { readonly placed: PlacedPort; readonly isCompact: boolean }): ReactElement {
  const { card, name } = placed;
  return (
    <>
      <rect className="card vacant" {...card} rx={6} />
      <text className="card-line muted" x={card.x + 12} y={card.y + 22}>
        {isCompact ? fitText(name, card.width - 20) : "no host"}
        {isCompact ? <title>no host</title> : null}
      </text>
    </>
  );
}

/** A host and what of it stands out. */
export interface HostCardProps {
  readonly onSelect: (host: string | undefined) => void;
  readonly placed: PlacedPort;
  readonly host: NonNullable<PlacedPort["host"]>;
  readonly nTroubles: number;
  readonly isSelected: boolean;
  /** Shown instead of the address, where the port has no room for it. */
  readonly role: Role;
  readonly isCompact: boolean;
}

/** A button that shows the name, an address and the tags. */
export function HostCard({
  placed: { card, port },
  host,
  role,
  isCompact,
  nTroubles,
  isSelected,
  onSelect,
}: HostCardProps): ReactElement {
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
      <text className="host-name" x={card.x + 12} y={card.y + (isCompact ? 18 : 21)}>
        {fitText(host.name, card.width - (nTroubles > 0 ? 46 : 20), 8.8)}
      </text>
      {role === "" ? (
        <text className="card-line mono" x={card.x + 12} y={card.y + (isCompact ? 34 : 39)}>
          {fitText(ip, card.width - (more.length > 0 ? 46 : 22))}
          {more.length > 0 ? ` +${more.length}` : ""}
        </text>
      ) : (
        <text className="port-role" x={card.x + 12} y={card.y + 34}>
          {role}
        </text>
      )}
      {isCompact ? null : <Tags x={card.x + 12} y={card.y + 48} width={card.width - 24} tags={host.tags} />}
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
