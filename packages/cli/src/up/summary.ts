/** What a person reads when a lab is up: hosts, who reaches whom, violations, sockets, and what to try next. */
import { join, relative } from "node:path";
import { formatReachability, type LabFile, type LabMode, type Suggestion } from "@tenet/lab";
import type { CloudState } from "../console/cloud-state.ts";
import { formatTable } from "./table.ts";
import { type Style, styleFor } from "./style.ts";

/** What the summary tells of. */
export interface Summary {
  readonly state: CloudState;
  readonly lab: LabFile | undefined;
  /** Why hosts are not namespaces, where nobody chose that. */
  readonly whySimulated: string | undefined;
  readonly readyMs: number;
  readonly consoleUrl: string;
  /** Paths below it are shown relative to it. */
  readonly cwd: string;
}

const MOST_VIOLATIONS = 5;

/** Formats the summary, indented by two columns, with an empty line before each part. */
export function formatSummary(summary: Summary, hasColor: boolean): string {
  const style = styleFor(hasColor);
  const parts = [
    headline(summary, style),
    ...(summary.lab === undefined ? [] : [section("HOSTS", hosts(summary, style), style)]),
    ...(summary.state.reachability === null
      ? []
      : [
          section(
            "REACHABILITY, measured with real packets",
            formatReachability(summary.state.reachability, { color: hasColor }),
            style,
          ),
        ]),
    violations(summary, style),
    section("SOCKETS", sockets(summary, style), style),
    section("TRY NEXT, in another terminal; Ctrl-C here stops everything", tryNext(summary, style), style),
  ];
  return `\n${parts.map((part) => indent(part)).join("\n\n")}\n`;
}

/** How hosts are realised, in words. */
export function describeMode(mode: LabMode): string {
  return mode === "namespaces" ? "network namespaces" : "simulated inside the process";
}

function headline({ state, lab, whySimulated, readyMs }: Summary, style: Style): string {
  const hostsText = lab === undefined ? "no hosts" : `${state.hosts.length} hosts, ${describeMode(state.mode)}`;
  const note = whySimulated === undefined ? "" : `\n  ${style.dim(`no network namespaces: ${whySimulated}`)}`;
  return `${style.good("●")} ${style.bold(state.name)} is up: ${hostsText}, ready in ${(readyMs / 1000).toFixed(1)} s${note}`;
}

function hosts({ state, lab }: Summary, style: Style): string {
  const switchOf = new Map(state.ports.map(({ name, switch: on }) => [name, on]));
  const listening = new Map((lab?.hosts ?? []).map(({ name, listen }) => [name, listen.join(",")]));
  const isReal = state.mode === "namespaces";
  const rows = state.hosts.map((host) => [
    style.bold(host.name),
    host.ips.join(" "),
    switchOf.get(host.port) ?? "",
    host.tags.join(","),
    listening.get(host.name) ?? "",
    ...(isReal ? [host.namespace ?? ""] : []),
  ]);
  const head = ["host", "address", "switch", "tags", "tcp", ...(isReal ? ["namespace"] : [])].map(style.dim);
  return formatTable([head, ...rows]);
}

function violations({ state, lab, cwd }: Summary, style: Style): string {
  const loaded = state.policies.map(({ name }) => name).join(", ");
  if (state.nViolations === 0)
    return section("VIOLATIONS", loaded === "" ? "no policies are loaded" : `none of ${loaded}`, style);
  const shown = state.violations.slice(0, MOST_VIOLATIONS).map(({ policy, kind, row, columns, rule }) => {
    const why = columns.indexOf("why");
    const text = why === -1 ? row.map(String).join(", ") : String(row[why]);
    const place = style.dim(`${shorten(join(lab?.policies ?? "", rule.file), cwd)}:${rule.line}`);
    return `${style.bad("✗")} ${style.bold(policy)} ${kind}: ${text}\n  ${place}`;
  });
  const more = state.nViolations - shown.length;
  return section(`VIOLATIONS  ${state.nViolations}`, [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("\n"), style);
}

/** Whole paths: the original clients look for relative ones in a folder of their own, not in the working folder. */
function sockets({ state, consoleUrl }: Summary, style: Style): string {
  return formatTable([
    ["northbound", `unix:${state.sockets.nb}`, style.dim("ovn-nbctl --db=…")],
    ["southbound", `unix:${state.sockets.sb}`, style.dim("ovn-sbctl --db=…")],
    ["Open_vSwitch", `unix:${state.sockets.db}`, style.dim("ovs-vsctl --db=…")],
    ["OpenFlow", `unix:${state.sockets.openflow}`, style.dim("ovs-ofctl dump-flows …")],
    ["policy API", `${state.policyApi}/v1/policies`, ""],
    ["console", style.bold(consoleUrl), ""],
  ]);
}

/** The lab's own suggestions, else some that fit every network. */
function tryNext({ state, lab }: Summary, style: Style): string {
  const [from, to] = state.hosts;
  const own: Suggestion[] = [
    ...(from === undefined || to === undefined
      ? []
      : [{ run: `npx tenet why "${from.name} -> ${to.name} icmp"`, shows: "the packet's story" }]),
    { run: "ovn-nbctl --db=$NB show", shows: "the northbound rows, by the original client" },
    { run: "ovs-ofctl dump-flows $OPENFLOW", shows: "the flows, by the original client" },
  ];
  const suggestions = lab === undefined || lab.tryNext.length === 0 ? own : lab.tryNext;
  const { nb, sb, db, openflow } = state.sockets;
  const paths: Readonly<Record<string, string>> = { NB: nb, SB: sb, DB: db, OPENFLOW: openflow };
  const fill = (run: string): string =>
    run.replace(/\$(NB|SB|DB|OPENFLOW)\b/g, (_, name: string) => quoted(`unix:${paths[name] ?? ""}`));
  return suggestions.map(({ run, shows }) => `${style.dim(`# ${shows}`)}\n${fill(run)}`).join("\n");
}

function section(title: string, body: string, style: Style): string {
  return `${style.title(title)}\n${body}`;
}

/** As a shell reads it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

function shorten(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere.startsWith("..") || fromHere.length > path.length ? path : fromHere;
}
