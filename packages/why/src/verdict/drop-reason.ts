/**
 * Why a packet ended where it ended, by the stage of its last logical flow.
 *
 * Each stage of the pipeline drops for one reason, and each reason has one row that a person can change.
 */
import { TABLE } from "@tenet/ovn";
import type { Row } from "@tenet/ovsdb";
import type { LinkedStep } from "../links/link-steps.ts";
import type { LinkedRow } from "../links/northbound.ts";
import { textOf, textsOf } from "../rows.ts";
import { describeAcl, listOf } from "./describe-row.ts";
import { lastStep } from "./journey.ts";
import { type Finding, portLabel, type Scene, switchName, switchRow } from "./scene.ts";

/** The columns of an ACL that decide. */
export const ACL_COLUMNS: readonly string[] = ["direction", "priority", "match", "action", "options"];

/**
 * Finds why the packet did not go on after these steps.
 *
 * @param outport - the port that this copy was for; `undefined` before there are copies
 */
export function dropReason(scene: Scene, steps: readonly LinkedStep[], outport: string | undefined): Finding {
  const last = lastStep(steps);
  if (last === undefined) return { reason: "no table of the bridge looked at it" };
  const { table, cookie } = last.trace;
  if (table === TABLE.physicalToLogical) {
    return { reason: `OpenFlow port ${scene.trace.inPort} carries no logical port that is active here` };
  }
  if (table === TABLE.localOutput) return notHere(scene, last);
  if (table === TABLE.checkLoopback) return { reason: "it would go back out of the port it came in at" };
  const limit = last.trace.notes.find((note) => /recursion|resubmit/i.test(note));
  if (limit !== undefined) return { reason: `the switch gave up: ${limit}` };
  if (cookie === undefined) return { reason: `no flow of table ${table} matches it` };
  if (last.logical === undefined) return { reason: `a flow of table ${table} (cookie ${cookie}) dropped it` };
  return stageReason(scene, last, steps, outport);
}

function stageReason(scene: Scene, last: LinkedStep, steps: readonly LinkedStep[], outport: string | undefined): Finding {
  const stage = last.logical?.stage ?? "";
  const { cause } = last;
  if (cause?.table === "ACL") return aclReason(scene, cause, stage);
  if (stage === "ls_in_apply_port_sec") return inboundSecurity(scene, steps);
  if (stage === "ls_out_apply_port_sec") return outboundSecurity(scene, outport);
  if (stage === "ls_in_check_port_sec") {
    return { reason: `${switchName(scene)} takes no packets with VLAN tags or from group addresses`, ...causedBySwitch(scene) };
  }
  if (cause?.table === "Logical_Switch_Port" && isDisabled(cause.row)) {
    return { reason: `port ${textOf(cause.row, "name")} is disabled`, cause, because: ["enabled"] };
  }
  if (stage === "ls_in_l2_unknown") return unknownDestination(scene);
  if (/_acl/.test(stage)) return defaultDrop(scene, stage);
  const what = last.logical === undefined ? "" : ` (${last.logical.match}: ${last.logical.actions})`;
  return {
    reason: `${switchName(scene)} dropped it in ${stage}${what}`,
    ...(cause === undefined ? causedBySwitch(scene) : { cause }),
  };
}

function aclReason(scene: Scene, cause: LinkedRow, stage: string): Finding {
  const action = textOf(cause.row, "action");
  const acl = describeAcl(cause.row, scene.northbound);
  const isMeant = action === "drop" || action === "reject";
  return {
    reason: isMeant ? `${acl} dropped it in ${stage}` : `${acl} cannot be carried out in ${stage}, so it drops`,
    cause,
    because: ACL_COLUMNS,
  };
}

function inboundSecurity(scene: Scene, steps: readonly LinkedStep[]): Finding {
  const check = steps.find(({ logical }) => logical?.stage === "ls_in_check_port_sec");
  if (check?.cause?.table === "Logical_Switch_Port" && isDisabled(check.cause.row)) {
    return { reason: `port ${textOf(check.cause.row, "name")} is disabled`, cause: check.cause, because: ["enabled"] };
  }
  const { inport } = scene.journey;
  const cause = inport === undefined ? undefined : scene.northbound.portNamed(inport);
  const source = sourceOf(scene);
  const reason = `port security of ${portLabel(scene, inport)} allows only ${allowed(cause)}, and this packet is from ${source}`;
  return { reason, ...(cause === undefined ? {} : { cause, because: ["port_security"] }) };
}

function outboundSecurity(scene: Scene, outport: string | undefined): Finding {
  const cause = outport === undefined ? undefined : scene.northbound.portNamed(outport);
  const reason = `port security of ${portLabel(scene, outport)} takes only packets for ${allowed(cause)}`;
  return { reason, ...(cause === undefined ? {} : { cause, because: ["port_security"] }) };
}

function unknownDestination(scene: Scene): Finding {
  const { packet, journey, network } = scene;
  const target = packet?.to;
  const mac = /dl_dst=([0-9a-f:]{17})/.exec(scene.trace.flow)?.[1] ?? "";
  const owner = target?.port ?? network.withMac(mac)[0];
  const own = switchRow(scene)?.row;
  const place = owner?.switch;
  const known = mac === "" ? "the destination" : mac;
  const where =
    owner === undefined
      ? "no port of any switch has it"
      : place === undefined || place === own
        ? `port ${owner.name} of the same switch has it, but is not forwarded to`
        : `it is on switch ${textOf(place, "name")}, at ${portLabel(scene, owner.name)}`;
  const from = journey.inport === undefined ? "" : ` (where ${portLabel(scene, journey.inport)} is)`;
  return { reason: `no port of ${switchName(scene)}${from} has ${known}; ${where}`, ...causedBySwitch(scene, ["ports"]) };
}

function defaultDrop(scene: Scene, stage: string): Finding {
  const cause = scene.northbound.global();
  const reason = `no ACL of ${switchName(scene)} allows it in ${stage}, and what no ACL allows is dropped (default_acl_drop)`;
  return { reason, ...(cause === undefined ? {} : { cause, because: ["options"] }) };
}

/** The lookup found a port that no interface of this machine carries. */
function notHere(scene: Scene, last: LinkedStep): Finding {
  const { journey, northbound } = scene;
  const lookup = journey.ingress.findLast(({ logical }) => logical?.stage === "ls_in_l2_lkup");
  const cause = lookup?.cause;
  if (cause?.table === "Logical_Switch_Port") {
    const reason = `${switchName(scene)} sends it to ${portLabel(scene, textOf(cause.row, "name"))}, which is not plugged in here`;
    return { reason, cause: northbound.row("Logical_Switch_Port", cause.row._uuid) ?? cause, because: ["addresses", "name"] };
  }
  return { reason: `no port that it is meant for is plugged in here (table ${last.trace.table})`, ...causedBySwitch(scene) };
}

function causedBySwitch(scene: Scene, because?: readonly string[]): Partial<Finding> {
  const cause = switchRow(scene);
  return cause === undefined ? {} : { cause, ...(because === undefined ? {} : { because }) };
}

function isDisabled(port: Row): boolean {
  const { enabled } = port;
  return Array.isArray(enabled) && enabled[0] === false;
}

function allowed(port: LinkedRow | undefined): string {
  const entries = port === undefined ? [] : textsOf(port.row, "port_security");
  return entries.length === 0 ? "other addresses" : listOf(entries);
}

function sourceOf({ packet, trace }: Scene): string {
  if (packet !== undefined)
    return packet.source.ip === undefined ? packet.source.mac : `${packet.source.mac} ${packet.source.ip}`;
  const found = [/dl_src=([^,]+)/, /(?:nw_src|ipv6_src|arp_spa)=([^,]+)/].flatMap((field) => field.exec(trace.flow)?.[1] ?? []);
  return found.join(" ");
}
