/**
 * Places switches, ports and hosts of the topology drawing.
 *
 * What: each switch is a bar, its hosts hang below it as cards; a switch with more hosts than fit in
 * the width gets further rows, each under a rail that a trunk joins to the bar; switches stand side by
 * side as long as they fit, then below one another.
 * Why not a general graph layout: hosts have one port and ports one switch, so the graph is a forest of
 * depth one, and rows in the order of the lab's hosts stay where they are when something changes.
 */
import type { Host, LogicalPort, State } from "../api.ts";
import { orderByHosts } from "./order-by-hosts.ts";

/** A rectangle, in px from the drawing's upper left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A port with its host, as a card under a bar or rail. */
export interface PlacedPort {
  readonly name: string;
  readonly port: LogicalPort | undefined;
  readonly host: Host | undefined;
  readonly card: Box;
  /** Where the wire leaves the bar or rail, straight down to the card. */
  readonly wireX: number;
  readonly wireTop: number;
}

/** A switch with everything under it. */
export interface PlacedSwitch {
  /** `undefined` for the group of hosts whose port is on no switch. */
  readonly name: string | undefined;
  readonly uuid: string | undefined;
  readonly box: Box;
  readonly bar: Box;
  readonly rails: readonly Box[];
  readonly trunk: { readonly x: number; readonly top: number; readonly bottom: number } | undefined;
  readonly ports: readonly PlacedPort[];
}

/** The whole drawing. */
export interface Topology {
  readonly width: number;
  readonly height: number;
  /** Whether the cards are small ones, with room for a name and an address only. */
  readonly isCompact: boolean;
  readonly switches: readonly PlacedSwitch[];
}

interface Measures {
  readonly narrowestCard: number;
  readonly widestCard: number;
  readonly cardHeight: number;
  readonly cardGap: number;
  readonly wire: number;
  readonly rowGap: number;
  readonly switchGap: number;
}

const ROOMY: Measures = { narrowestCard: 128, widestCard: 172, cardHeight: 74, cardGap: 14, wire: 44, rowGap: 22, switchGap: 28 };
const COMPACT: Measures = {
  narrowestCard: 104,
  widestCard: 140,
  cardHeight: 43,
  cardGap: 8,
  wire: 12,
  rowGap: 10,
  switchGap: 20,
};
/** With more cards than this, what matters is to see them all. */
const MOST_ROOMY_CARDS = 24;
const BAR_HEIGHT = 30;
const RAIL_HEIGHT = 5;
const TRUNK_WIDTH = 16;

interface Group {
  readonly name: string | undefined;
  readonly uuid: string | undefined;
  readonly members: readonly { name: string; port: LogicalPort | undefined; host: Host | undefined }[];
}

/** Lays the cloud out for a drawing of the given width in px. */
export function layoutTopology(state: Pick<State, "switches" | "ports" | "hosts">, width: number): Topology {
  const switches: PlacedSwitch[] = [];
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  const groups = groupsOf(state);
  const isCompact = groups.reduce((n, { members }) => n + members.length, 0) > MOST_ROOMY_CARDS;
  const measures = isCompact ? COMPACT : ROOMY;
  const cardWidth = cardWidthFor(groups, width, measures);
  for (const group of groups) {
    const nColumns = columnsFor(group.members.length, cardWidth, width, measures);
    const groupWidth = widthOf(nColumns, group.members.length, cardWidth, measures);
    if (x > 0 && x + groupWidth > width) {
      x = 0;
      y += rowHeight + measures.switchGap;
      rowHeight = 0;
    }
    const placed = placeGroup(group, { x, y, nColumns, cardWidth, width: groupWidth, measures });
    switches.push(placed);
    x += groupWidth + measures.switchGap;
    rowHeight = Math.max(rowHeight, placed.box.height);
  }
  return { width, height: y + rowHeight, isCompact, switches };
}

function groupsOf(state: Pick<State, "switches" | "ports" | "hosts">): Group[] {
  const { switches, ports, hosts } = orderByHosts(state);
  const hostByPort = new Map(hosts.map((host) => [host.port, host]));
  const known = new Set(switches.map(({ name }) => name));
  const memberOf = (port: LogicalPort) => ({ name: port.name, port, host: hostByPort.get(port.name) });
  const groups: Group[] = switches.map(({ name, uuid }) => ({
    name,
    uuid,
    members: ports.filter((port) => port.switch === name).map(memberOf),
  }));
  const portNames = new Set(ports.map(({ name }) => name));
  const astray = [
    ...ports.filter((port) => !known.has(port.switch)).map(memberOf),
    ...hosts.filter((host) => !portNames.has(host.port)).map((host) => ({ name: host.port, port: undefined, host })),
  ];
  if (astray.length > 0) groups.push({ name: undefined, uuid: undefined, members: astray });
  return groups;
}

/** The card width with which everything stands in one row, if there is one; else as wide as two rows or more want it. */
function cardWidthFor(groups: readonly Group[], width: number, measures: Measures): number {
  const { narrowestCard, widestCard, cardGap, switchGap } = measures;
  const nCards = groups.reduce((n, { members }) => n + Math.max(1, members.length), 0);
  const gaps = (nCards - groups.length) * cardGap + (groups.length - 1) * switchGap;
  const oneRow = Math.floor((width - gaps) / Math.max(1, nCards));
  if (oneRow >= narrowestCard) return Math.min(oneRow, widestCard);
  const nColumns = Math.max(1, Math.floor((width - TRUNK_WIDTH + cardGap) / (narrowestCard + 16 + cardGap)));
  return Math.min(widestCard, Math.floor((width - TRUNK_WIDTH + cardGap) / nColumns) - cardGap);
}

function columnsFor(nMembers: number, cardWidth: number, width: number, { cardGap }: Measures): number {
  const fitting = (available: number) => Math.max(1, Math.floor((available + cardGap) / (cardWidth + cardGap)));
  return nMembers <= fitting(width) ? Math.max(1, nMembers) : fitting(width - TRUNK_WIDTH);
}

function widthOf(nColumns: number, nMembers: number, cardWidth: number, { cardGap }: Measures): number {
  return nColumns * (cardWidth + cardGap) - cardGap + (nMembers > nColumns ? TRUNK_WIDTH : 0);
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly nColumns: number;
  readonly cardWidth: number;
  readonly measures: Measures;
}

function placeGroup(group: Group, { x, y, width, nColumns, cardWidth, measures }: Place): PlacedSwitch {
  const { cardHeight, cardGap, wire, rowGap } = measures;
  const indent = group.members.length > nColumns ? TRUNK_WIDTH : 0;
  const bar = { x, y, width, height: BAR_HEIGHT };
  const rails: Box[] = [];
  const ports: PlacedPort[] = [];
  let wireTop = y + BAR_HEIGHT;
  for (const [index, member] of group.members.entries()) {
    const column = index % nColumns;
    if (index > 0 && column === 0) {
      const railY = wireTop + wire + cardHeight + rowGap;
      rails.push({ x, y: railY, width, height: RAIL_HEIGHT });
      wireTop = railY + RAIL_HEIGHT;
    }
    const cardX = x + indent + column * (cardWidth + cardGap);
    ports.push({
      ...member,
      wireTop,
      wireX: cardX + 18,
      card: { x: cardX, y: wireTop + wire, width: cardWidth, height: cardHeight },
    });
  }
  const bottom = group.members.length === 0 ? y + BAR_HEIGHT : wireTop + wire + cardHeight;
  const lastRail = rails.at(-1);
  const trunk = lastRail === undefined ? undefined : { x: x + 3, top: y + BAR_HEIGHT, bottom: lastRail.y };
  return { name: group.name, uuid: group.uuid, box: { x, y, width, height: bottom - y }, bar, rails, trunk, ports };
}
