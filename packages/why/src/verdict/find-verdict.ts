/** The verdict on a packet: did it arrive, where, and by whose will. */
import { TABLE } from "@tenet/ovn";
import type { LinkedStep } from "../links/link-steps.ts";
import type { LinkedRow } from "../links/northbound.ts";
import { textOf } from "../rows.ts";
import type { Story } from "../story.ts";
import { describeAcl, listOf } from "./describe-row.ts";
import { dropReason } from "./drop-reason.ts";
import type { Copy } from "./journey.ts";
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
  const { copies, ingress } = scene.journey;
  const lost = copies.find(({ steps }) => steps.length > 1) ?? copies[0];
  const finding = lost === undefined ? dropReason(scene, ingress, undefined) : dropReason(scene, lost.steps, lost.port);
  return verdictOf("dropped", `${headline(scene, false)}: ${finding.reason}`, finding);
}

function forwardedVerdict(scene: Scene, delivered: readonly Copy[]): Verdict {
  const { journey, northbound } = scene;
  if (journey.group !== undefined) return floodVerdict(scene, delivered);
  const [copy] = delivered;
  const path = [...journey.ingress, ...(copy?.steps ?? [])];
  const answer = journey.ingress.findLast(({ logical }) => logical?.stage === "ls_in_arp_rsp" && isOutput(logical.actions));
  if (answer !== undefined) return answeredVerdict(scene, answer.cause);
  const acls = allowingAcls(path);
  const last = acls.at(-1);
  const to = portLabel(scene, copy?.port);
  if (last !== undefined) {
    const allow = acls.map(({ row }) => describeAcl(row, northbound));
    const summary = `${headline(scene, true)}: ${listOf(allow)} ${allow.length > 1 ? "allow" : "allows"} it, and ${switchName(scene)} delivers it to ${to}`;
    return verdictOf("forwarded", summary, {
      reason: "",
      cause: last,
      because: ["direction", "priority", "match", "action", "options"],
    });
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

function floodVerdict(scene: Scene, delivered: readonly Copy[]): Verdict {
  const { copies, ingress } = scene.journey;
  const reached = listOf(delivered.map(({ port }) => portLabel(scene, port)));
  const lost = copies.filter((copy) => !copy.isDelivered && copy.port !== scene.journey.inport);
  const losses = lost.map((copy) => `${portLabel(scene, copy.port)} (${dropReason(scene, copy.steps, copy.port).reason})`);
  const but = losses.length === 0 ? "" : `; it does not reach ${listOf(losses)}`;
  const summary = `${switchName(scene)} floods ${aimOf(scene)} to ${reached}${but}`;
  const acl = allowingAcls(ingress).at(-1);
  const cause = acl ?? switchRow(scene);
  return verdictOf("forwarded", summary, { reason: "", ...(cause === undefined ? {} : { cause }) });
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

/** The step at which the controller makes an answer. */
function askedOf(steps: readonly LinkedStep[]): LinkedStep | undefined {
  const last = steps.findLast(({ trace }) => trace.table < TABLE.getFdb);
  return last?.trace.actions?.includes("controller(") === true ? last : undefined;
}

function isOutput(actions: string): boolean {
  return /\boutput;/.test(actions);
}

function verdictOf(verdict: Story["verdict"], summary: string, { cause, because }: Finding): Verdict {
  return { verdict, summary: `${summary[0]?.toUpperCase() === summary[0] ? summary : summary}.`, cause, because };
}
