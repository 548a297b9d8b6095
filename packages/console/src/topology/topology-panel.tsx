/** The drawing of switches, ports and hosts, with details of the chosen host. */
import { type ReactElement, useEffect, useRef, useState } from "react";
import type { State, Violation } from "../api.ts";
import type { Asked } from "../explain/use-story.ts";
import { plural } from "../format.ts";
import { Empty, Panel } from "../panel.tsx";
import { HostDetails } from "./host-details.tsx";
import { layoutTopology } from "./layout.ts";
import { pathOf } from "./packet-path.ts";
import { SwitchDrawing } from "./switch-drawing.tsx";

/** What is drawn and what of it stands out. */
export interface TopologyProps {
  readonly state: State;
  /** Violations by the name of the host, port or switch they speak of. */
  readonly violations: ReadonlyMap<string, readonly Violation[]>;
  /** Names to mark, because a violation that speaks of them is being looked at. */
  readonly marked: ReadonlySet<string>;
  readonly selected: string | undefined;
  readonly onSelect: (host: string | undefined) => void;
  readonly asked: Asked;
}

/** Room for half a line around the drawing, px. */
const EDGE = 2;

/** Draws to the width it is given and again when that changes. */
export function TopologyPanel(props: TopologyProps): ReactElement {
  const { state, violations, marked, selected, onSelect, asked } = props;
  const [frame, width] = useWidth();
  const topology = layoutTopology(state, width - 2 * EDGE);
  const path = asked.kind === "answered" ? pathOf(asked.story, state.ports) : undefined;
  const host = state.hosts.find(({ name }) => name === selected);
  const isEmpty = state.switches.length + state.ports.length + state.hosts.length === 0;
  return (
    <Panel
      id="topology"
      title="Topology"
      aside={`${plural(state.switches.length, "switch", "switches")}, ${plural(state.hosts.length, "host")}`}
    >
      <div ref={frame} className={topology.isCompact ? "tall" : undefined}>
        {isEmpty ? (
          <Empty>
            The northbound database is empty. Add a switch with <code>ovn-nbctl ls-add</code>.
          </Empty>
        ) : (
          <svg
            className="topology"
            width={width}
            height={topology.height + 2 * EDGE}
            viewBox={`${-EDGE} ${-EDGE} ${width} ${topology.height + 2 * EDGE}`}
            role="group"
            aria-label="Topology drawing"
          >
            {topology.switches.map((placed) => (
              <SwitchDrawing
                key={placed.uuid ?? "astray"}
                placed={placed}
                violations={violations}
                marked={marked}
                selected={selected}
                onSelect={onSelect}
                path={path}
                isCompact={topology.isCompact}
              />
            ))}
          </svg>
        )}
      </div>
      {host === undefined ? null : (
        <HostDetails
          host={host}
          port={state.ports.find(({ name }) => name === host.port)}
          violations={violations.get(host.name) ?? []}
          onClose={() => onSelect(undefined)}
        />
      )}
    </Panel>
  );
}

function useWidth(): [React.RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    if (frame.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(200, Math.floor(entry.contentRect.width)));
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return [frame, width];
}
