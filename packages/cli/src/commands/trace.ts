/** `tenet trace`: the way of a packet through the flow tables of a running switch, and why its megaflow matches on each of its bits. */
import type { MaskReason, TraceStep, TraceStory } from "@tenet/switch";
import { traceFlow } from "@tenet/why";
import { type Style, styleFor } from "../up/style.ts";
import { formatTable } from "../up/table.ts";

/**
 * Asks the switch of a run folder and formats its answer.
 *
 * @param flow - as `ovs-ofctl` writes a match, with `in_port`
 * @throws IoError when no switch answers, or it refuses the bridge or the flow
 */
export async function trace(
  runDir: string,
  bridge: string,
  flow: string,
  { format, hasColor, signal }: { readonly format: "text" | "json"; readonly hasColor: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const story = await traceFlow(runDir, bridge, flow, signal);
  return format === "json" ? `${JSON.stringify(story, undefined, 2)}\n` : `${formatTraceStory(story, styleFor(hasColor))}\n`;
}

/** The story by table, then the megaflow, then the lookup or action that needed each part of it. */
function formatTraceStory(story: TraceStory, style: Style): string {
  const { verdict, outputs, megaflow, steps } = story;
  const where = outputs.map(({ bridge, port, name }) => `${bridge === story.bridge ? "" : `${bridge} `}${name} (port ${port})`);
  return [
    `${style.bold(story.bridge)}  ${story.flow}`,
    "",
    formatTable([
      ["table", "priority", "match", "actions"].map(style.dim),
      ...steps.flatMap((step) => stepRows(step, story, style)),
    ]),
    "",
    verdict === "forwarded" ? style.good(`forwarded to ${where.join(", ")}`) : style.bad("dropped"),
    `${style.bold("megaflow")}  ${megaflow.match}`,
    `          ${style.dim("->")} ${megaflow.actions}`,
    "",
    style.bold("why it matches on"),
    formatTable(megaflow.reasons.map((reason) => [`  ${reason.match}`, describeReason(reason)])),
  ].join("\n");
}

function stepRows({ bridge, table, priority, match, actions, notes }: TraceStep, story: TraceStory, style: Style): string[][] {
  const place = `${bridge === story.bridge ? "" : `${bridge} `}${table}`;
  const found =
    actions === undefined
      ? [place, "", style.bad("no flow matches"), "drop"]
      : [place, String(priority), match === "" ? "any" : (match ?? ""), actions];
  return [found, ...notes.map((note) => ["", "", "", style.dim(`-> ${note}`)])];
}

function describeReason({ kind, bridge, table, action, isInRule, ruledOut = [], nRuledOut = 0 }: MaskReason): string {
  if (kind === "always") return "every megaflow does";
  if (kind === "action") return `the action ${action} looks at it`;
  const found = isInRule === true ? ["the flow that was found matches on it"] : [];
  const others = nRuledOut - ruledOut.length;
  const more = others > 0 ? `, and ${others} more` : "";
  const refused = nRuledOut > 0 ? [`ruled out ${ruledOut.map((flow) => `"${flow}"`).join(", ")}${more}`] : [];
  const reasons = [...found, ...refused];
  return `${bridge} table ${table}: ${reasons.length === 0 ? "the lookup went through it" : reasons.join("; ")}`;
}
