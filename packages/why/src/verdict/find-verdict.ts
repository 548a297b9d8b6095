/** The verdict on a packet: did it arrive, where, and by whose will. */
import { TABLE } from "@tenet/ovn";
import type { LinkedStep } from "../links/link-steps.ts";
import type { LinkedRow } from "../links/northbound.ts";
import { textOf } from "../rows.ts";
import type { Story } from "../story.ts";
import { describeAcl, listOf } from "./describe-row.ts";
import { ACL_COLUMNS, dropReason } from "./drop-reason.ts";
import { type Copy, lastStep } from "./journey.ts";
import { type Finding, portLabel, type Scene, switchName, switchRow } from "./scene.ts";
import { aimOf, headline } from "./sentences.ts";

/** What was found, and the sentence that says so. */
export interface Verdict extends Pick<Story, "verdict" | "summary"> {
  readonly cause: LinkedRow | undefined;
  readonly because: readonly string[] | undefined;
}

/** Finds the verdict. */
export function findVerdict(scene: Scene): Verdict {
  const { packet, journey } = scene;
  if (packet?.isSearch === true) return searchVerdict(scene);
  const delivered = journey.copies.filter(({ isDelivered }) => isDelivered);
  if (delivered.length > 0) return forwardedVerdict(scene, delivered);
  if (scene.trace.verdict === "forwarded") return outsideVerdict(scene);
  const asked = askedOf(journey.ingress);
  if (asked !== undefined) return controllerVerdict(scene, asked);
  return droppedVerdict(scene);
}

function droppedVerdict(scene: Scene): Verdict {
  const { copies, ingress, inport } = scene.journey;
  const missed = copies.filter(({ port }) => port !== inport);
  const lost = missed[0] ?? copies[0];
  const finding = lost === undefined ? dropReason(scene, ingress, undefined) : dropReason(scene, lost.steps, lost.port);
  const reason = missed.length > 1 ? `it does not get to ${lossesOf(scene, missed)}` : finding.reason;
  return verdictOf("dropped", `${headline(scene, false)}: ${reason}`, finding);
}

function forwardedVerdict(scene: Scene, delivered: readonly Copy[]): Verdict {
  const { journey, packet, northbound } = scene;
  if (journey.group !== undefined) return floodVerdict(scene, delivered);
  const [copy] = delivered;
  const answer = journey.ingress.findLast(({ logical }) => logical?.stage === "ls_in_arp_rsp" && isOutput(logical.actions));
  if (answer !== undefined) return answeredVerdict(scene, answer.cause);
  const to = portLabel(scene, copy?.port);
  const meant = packet?.to.port;
  if (meant !== undefined && meant.name !== copy?.port) {
    const why = `${switchName(scene)} delivers ${packet?.to.mac ?? "its address"} to ${to}, not to ${portLabel(scene, meant.name)}`;
    return verdictOf("forwarded", `${headline(scene, false)}: ${why}`, deliveryFinding(scene));
  }
  const acls = allowingAcls([...journey.ingress, ...(copy?.steps ?? [])]);
  const cause = acls.at(-1);
  if (cause !== undefined) {
    const allow = listOf(acls.map(({ row }) => describeAcl(row, northbound)));
    const reason = `${allow} ${acls.length > 1 ? "allow" : "allows"} it, and ${switchName(scene)} delivers it to ${to}`;
    return verdictOf("forwarded", `${headline(scene, true)}: ${reason}`, { reason, cause, because: ACL_COLUMNS });
  }
  const summary = `${headline(scene, true)}: ${switchName(scene)} delivers it to ${to}, and no ACL stands in its way`;
  return verdictOf("forwarded", summary, deliveryFinding(scene));
}

/** The port that the lookup found, or the learned address. */
function deliveryFinding(scene: Scene): Finding {
  const { ingress } = scene.journey;
  const lookup = ingress.findLast(({ logical }) => logical?.stage === "ls_in_l2_lkup");
  if (lookup?.cause !== undefined) return { reason: "", cause: lookup.cause, because: ["addresses", "name"] };
  const learned = ingress.find(({ trace }) => trace.table === TABLE.getFdb && trace.cookie !== undefined);
  const row = learned === undefined ? undefined : scene.southbound.learnedAddress(learned.trace);
  if (row !== undefined) return { reason: "", cause: { database: "sb", table: "FDB", row } };
  return { reason: "" };
}

/** Copies for all members of a multicast group. */
function floodVerdict(scene: Scene, delivered: readonly Copy[]): Verdict {
  const { copies, group, ingress, inport } = scene.journey;
  // The order of copies is the switch's affair; who asks twice is told the same.
  const reached = listOf(delivered.map(({ port }) => portLabel(scene, port)).toSorted());
  const lost = copies.filter((copy) => !copy.isDelivered && copy.port !== inport);
  const but = lost.length === 0 ? "" : `. It does not reach ${lossesOf(scene, lost)}`;
  const isUnknown = group === "_MC_unknown";
  const flooded = `${switchName(scene)} floods it${isUnknown ? " to the ports behind which addresses are unknown" : ""}`;
  const meant = scene.packet?.to.port;
  const isMissed = isUnknown && meant !== undefined && !delivered.some(({ port }) => port === meant.name);
  const where =
    meant?.switch === undefined ? "" : `; ${portLabel(scene, meant.name)} is on switch ${textOf(meant.switch, "name")}`;
  const summary = isMissed
    ? `${headline(scene, false)}: ${flooded}, ${reached}${where}`
    : `${aimOf(scene)} reaches ${reached}: ${flooded}${but}`;
  const acl = allowingAcls(ingress).at(-1);
  const cause = acl ?? switchRow(scene);
  const because = acl === undefined ? ["ports"] : ACL_COLUMNS;
  return verdictOf("forwarded", summary, { reason: "", ...(cause === undefined ? {} : { cause, because }) });
}

/** `db1 (ACL "x" dropped it in ls_out_acl) and app1 (…)`. */
function lossesOf(scene: Scene, lost: readonly Copy[]): string {
  return listOf(lost.map(({ steps, port }) => `${portLabel(scene, port)} (${dropReason(scene, steps, port).reason})`).toSorted());
}

function answeredVerdict(scene: Scene, cause: LinkedRow | undefined): Verdict {
  const owner = cause === undefined ? "a port" : portLabel(scene, textOf(cause.row, "name"));
  const summary = `${headline(scene, true)}: ${switchName(scene)} answers it itself, for ${owner}`;
  return verdictOf("forwarded", summary, {
    reason: "",
    ...(cause === undefined ? {} : { cause, because: ["addresses", "name"] }),
  });
}

/** What asked for this IP address gets no answer, so the packet in question is never sent. */
function searchVerdict(scene: Scene): Verdict {
  const { packet, journey, network } = scene;
  const own = switchRow(scene)?.row;
  const ip = packet?.to.ip ?? "";
  const strangers = network.ports.filter((port) => port.switch !== undefined && port.switch === own && port.hasUnknown);
  const names = strangers.filter(({ name }) => journey.copies.some((copy) => copy.isDelivered && copy.port === name));
  const may = listOf(names.map(({ name }) => portLabel(scene, name)));
  const hope = names.length === 0 ? "" : ` unless it is behind ${may}, where addresses are unknown`;
  const search = `its ${ip.includes(":") ? "neighbour solicitation" : "ARP request"} gets no answer${hope}`;
  const reason = `no port of any switch has ${ip}, so ${search}`;
  const cause = switchRow(scene);
  const finding = { reason, ...(cause === undefined ? {} : { cause, because: ["ports"] }) };
  const lost = journey.copies.length === 0 ? dropReason(scene, journey.ingress, undefined) : undefined;
  const found = lost?.cause === undefined || lost.cause.table === "Logical_Switch" ? finding : lost;
  return verdictOf("dropped", `${headline(scene, false)}: ${found.reason}`, found);
}

/** The switch has no answer of its own: the controller is asked. */
function controllerVerdict(scene: Scene, step: LinkedStep): Verdict {
  const { cause, logical } = step;
  const who = cause?.table === "Logical_Switch_Port" ? `, for ${portLabel(scene, textOf(cause.row, "name"))}` : "";
  const summary = `${headline(scene, true)}: ${switchName(scene)} hands it to the controller, which answers${who} (${logical?.stage})`;
  return verdictOf("forwarded", summary, {
    reason: "",
    ...(cause === undefined ? {} : { cause, because: ["addresses", "name"] }),
  });
}

/** It left by flows that belong to no logical port. */
function outsideVerdict(scene: Scene): Verdict {
  const names = [...new Set(scene.trace.outputs.map(({ name }) => name))];
  return verdictOf("forwarded", `${headline(scene, true)}: it leaves by ${listOf(names)}`, { reason: "" });
}

function allowingAcls(steps: readonly LinkedStep[]): LinkedRow[] {
  const rows = steps.flatMap(({ cause }) => (cause?.table === "ACL" ? [cause] : []));
  return rows.filter(({ row }) => textOf(row, "action").startsWith("allow"));
}

/** The last step, when the controller makes an answer there: actions in braces that end in an output. */
function askedOf(steps: readonly LinkedStep[]): LinkedStep | undefined {
  const last = lastStep(steps);
  const isAsked = last?.trace.actions?.includes("controller(") === true && /\{[^}]*\boutput;/.test(last.logical?.actions ?? "");
  return isAsked && last.cause?.table !== "ACL" ? last : undefined;
}

function isOutput(actions: string): boolean {
  return /\boutput;/.test(actions);
}

function verdictOf(verdict: Story["verdict"], summary: string, { cause, because }: Finding): Verdict {
  return { verdict, summary: `${summary}.`, cause, because };
}
