/** A story for a terminal: the verdict, its cause and who wrote that, then the flows that decided. */
import type { Cause, JsonValue, LogicalStep, PhysicalStep, Story } from "../story.ts";
import { layOut } from "./columns.ts";
import { type Style, styleOf } from "./style.ts";
import { wrap } from "./wrap.ts";

/** How to show a story. */
export interface FormatStoryOptions {
  /** ANSI colours; none when absent. */
  readonly color?: boolean;
  /** Columns of the terminal, 100 when absent; never less than 72. */
  readonly width?: number;
  /** Every table; when absent only the steps that decide something. */
  readonly full?: boolean;
}

const LABEL_WIDTH = 10;
const DEFAULT_WIDTH = 100;
const LEAST_WIDTH = 72;
/** Physical ports, to and from. */
const PORT_TABLES: readonly number[] = [0, 65];
/** Lookups on the side: learned addresses, port security. */
const LOOKUP_TABLES = { first: 71, last: 75 };

/** Formats a story; ends with a newline. */
export function formatStory(story: Story, options: FormatStoryOptions = {}): string {
  const width = Math.max(LEAST_WIDTH, options.width ?? DEFAULT_WIDTH);
  const style = styleOf(options.color === true);
  if (story.error !== undefined) return `${style.bad("no answer")}  ${story.error}\n`;
  const isFull = options.full === true;
  const sections = [
    head(story, width, style),
    causeSection(story.cause, width, style),
    logicalSection(story.layers.logical, isFull, width, style),
    physicalSection(story, isFull, width, style),
    megaflowSection(story, width, style),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function head({ question, verdict, summary }: Story, width: number, style: Style): string[] {
  const mark = verdict === "forwarded" ? style.good : style.bad;
  const first = hang(`${verdict.toUpperCase()}  `, question, width, (label) => mark(label)).map(style.strong);
  return [...first, ...wrap(summary, width)];
}

function causeSection(cause: Cause | undefined, width: number, style: Style): string[] {
  if (cause === undefined) return [];
  const shown = Object.entries(cause.columns).map(([name, value]) => [name, formatValue(value)] as const);
  const nameWidth = Math.max(...shown.map(([name]) => name.length), 0);
  const columns = shown.flatMap(([name, value]) => hang(`${name.padEnd(nameWidth)}  `, value, width - LABEL_WIDTH, style.faint));
  const lines = [...wrap(`${cause.table} ${cause.uuid}`, width - LABEL_WIDTH), ...columns];
  return [...labelled("cause", lines, style), ...writtenLines(cause, width, style)];
}

function writtenLines({ transaction }: Cause, width: number, style: Style): string[] {
  if (transaction === undefined) return labelled("written", ["not within the history that the database keeps"], style);
  const { at, client, comment, id } = transaction;
  const when = new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
  const room = width - LABEL_WIDTH;
  const said = comment === "" ? [] : comment.split("\n").flatMap((line) => wrap(line, room));
  return labelled("written", [...wrap(`${when} by ${client}`, room), ...said, style.faint(`transaction ${id}`)], style);
}

function logicalSection(steps: readonly LogicalStep[], isFull: boolean, width: number, style: Style): string[] {
  const shown = isFull ? steps : steps.filter(decides);
  if (shown.length === 0) return [];
  const rows = shown.map((step) => [step.datapath ?? "", step.table, step.stage, step.priority, step.match, step.actions]);
  const mark = (line: string, row: number): string => (isDrop(shown[row]?.actions ?? "") ? style.bad(line) : line);
  return [title("logical flows", shown.length, steps.length, style), ...layOut(rows, width, "  ", mark)];
}

function physicalSection({ layers }: Story, isFull: boolean, width: number, style: Style): string[] {
  const { logical, physical } = layers;
  const deciding = new Set(logical.filter(decides).map(({ uuid }) => uuid));
  const isShown = ({ table, lflow }: PhysicalStep): boolean =>
    PORT_TABLES.includes(table) ||
    (table >= LOOKUP_TABLES.first && table <= LOOKUP_TABLES.last) ||
    (lflow !== undefined && deciding.has(lflow));
  const shown = physical.filter((step, i) => isFull || isShown(step) || (i === physical.length - 1 && isDrop(step.actions)));
  if (shown.length === 0) return [];
  const rows = shown.map(({ table, priority, cookie, match, actions }) => [table, priority, cookie, match, actions]);
  const mark = (line: string, row: number): string => (isDrop(shown[row]?.actions ?? "") ? style.bad(line) : line);
  return [title("OpenFlow flows", shown.length, physical.length, style), ...layOut(rows, width, "  ", mark)];
}

function megaflowSection({ megaflow }: Story, width: number, style: Style): string[] {
  if (megaflow === undefined) return [];
  const room = width - LABEL_WIDTH;
  return labelled("megaflow", [...wrap(megaflow.match, room), ...hang("-> ", megaflow.actions, room, style.faint)], style);
}

/** Whether a logical flow does more than hand the packet to the next table. */
function decides({ hint, actions }: LogicalStep): boolean {
  return hint !== undefined || /\bdrop\b|\boutport = /.test(actions);
}

function isDrop(actions: string): boolean {
  return /\bdrop\b/.test(actions);
}

function title(name: string, nShown: number, nAll: number, style: Style): string {
  const rest = nAll - nShown;
  return `${style.strong(name)}${rest === 0 ? "" : style.faint(`  ${nShown} of ${nAll}; the others only pass it on`)}`;
}

function labelled(label: string, lines: readonly string[], style: Style): string[] {
  return lines.map((line, i) => (i === 0 ? style.strong(label.padEnd(LABEL_WIDTH)) : " ".repeat(LABEL_WIDTH)) + line);
}

/** Text that wraps under its own beginning, not under its label. */
function hang(label: string, text: string, width: number, mark: (text: string) => string): string[] {
  return wrap(text, Math.max(1, width - label.length)).map(
    (line, i) => (i === 0 ? mark(label) : " ".repeat(label.length)) + line,
  );
}

function formatValue(value: JsonValue): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(formatValue).join(", ");
  if (value === null || typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([key, each]) => `${key}=${formatValue(each)}`)
    .join(", ");
}
