/** Multipart requests and replies, after what they are called. */
import { GROUP } from "../group.ts";
import { ALL_QUEUES, type MultipartReply, type MultipartRequest, type QueueDesc, type QueueStatsEntry } from "../message.ts";
import { formatFlowStats } from "../text/format-flow.ts";
import { formatDuration } from "../text/duration.ts";
import { formatGroup, formatGroupStats } from "../text/format-group.ts";
import { formatMeter, formatMeterId, formatMeterStats } from "../text/meter-text.ts";
import { formatPort } from "../text/port-name.ts";
import { formatCounter } from "./counter.ts";
import { printFlowQuery, printFlowUpdate, printMonitorRequest } from "./print-flow-messages.ts";
import { omitsBucketIds, printGroupFeatures, printMeterFeatures } from "./print-group.ts";
import { printPortDesc, printPortStats } from "./print-port.ts";
import { printTableDesc, printTableFeatures, printTableStats } from "./print-table.ts";

/** Writes what is asked for. */
export function printRequest(request: MultipartRequest, version: number): string {
  switch (request.kind) {
    case "flow":
    case "aggregate":
      return printFlowQuery(request);
    case "port":
      return ` port_no=${formatPort(request.port)}`;
    case "portDesc":
      return ` port=${formatPort(request.port)}`;
    case "queue":
      return ` port=${formatPort(request.port)} queue=${request.queue === ALL_QUEUES ? "ALL" : request.queue}`;
    case "queueDesc":
      return ` port=${formatPort(request.port)}${request.queue === ALL_QUEUES ? "" : ` queue=${request.queue}`}`;
    case "group":
    case "groupDesc":
      return ` group_id=${request.group === GROUP.ALL ? "ALL" : request.group}`;
    case "meter":
    case "meterDesc":
      return ` meter=${formatMeterId(request.meter)}`;
    case "flowMonitor":
      return request.requests.map(printMonitorRequest).join("");
    case "tableFeatures":
      return request.tables === undefined ? "" : printTableFeatures(request.tables, version);
    default:
      return "";
  }
}

/** Writes what is answered. */
export function printReply(reply: MultipartReply, version: number): string {
  switch (reply.kind) {
    case "desc": {
      const { manufacturer, hardware, software, serial, datapath } = reply.desc;
      return `\nManufacturer: ${manufacturer}\nHardware: ${hardware}\nSoftware: ${software}\nSerial Num: ${serial}\nDP Description: ${datapath}\n`;
    }
    case "flow":
      return reply.flows.map((flow) => `\n ${formatFlowStats(flow)}`).join("");
    case "aggregate":
      return ` packet_count=${formatCounter(reply.nPackets)} byte_count=${formatCounter(reply.nBytes)} flow_count=${reply.nFlows}`;
    case "table":
      return printTableStats(reply.tables, version);
    case "tableFeatures":
      return printTableFeatures(reply.tables, version);
    case "tableDesc":
      return reply.tables.map(printTableDesc).join("");
    case "queueDesc":
      return printQueues(reply.queues);
    case "flowMonitor":
      return reply.updates.map(printFlowUpdate).join("");
    case "port":
      return ` ${reply.ports.length} ports\n${reply.ports.map((port) => printPortStats(port, version)).join("")}`;
    case "portDesc":
      return `\n${reply.ports.map((port) => ` ${printPortDesc(port, version)}`).join("")}`;
    case "queue":
      return ` ${reply.queues.length} queues\n${reply.queues.map(printQueueStats).join("")}`;
    case "group":
      return reply.groups.map((group) => `\n ${formatGroupStats(group)}`).join("");
    case "groupDesc":
      return reply.groups.map((group) => `\n ${formatGroup(group, { omitBucketIds: omitsBucketIds(version) })}`).join("");
    case "groupFeatures":
      return printGroupFeatures(reply.features, version);
    case "meter":
      return reply.meters.map((meter) => `\n${formatMeterStats(meter)}`).join("");
    case "meterDesc":
      return reply.meters.map((meter) => `\n${formatMeter(meter)}`).join("");
    case "meterFeatures":
      return printMeterFeatures(reply.features);
  }
}

/** Writes the queues of a port, or of several. */
export function printQueues(queues: readonly QueueDesc[]): string {
  let port: number | undefined;
  let text = "";
  for (const queue of queues) {
    if (queue.port !== port) text += `${port === undefined ? " " : ""}port=${formatPort(queue.port)}\n`;
    port = queue.port;
    const rates = [
      queue.minRate === undefined ? "" : ` min_rate:${formatRate(queue.minRate)}`,
      queue.maxRate === undefined ? "" : ` max_rate:${formatRate(queue.maxRate)}`,
    ];
    text += `queue ${queue.queue}:${rates.join("")}\n`;
  }
  return text;
}

/** Tenths of a percent. */
function formatRate(rate: number): string {
  return rate <= 1000 ? `${Math.floor(rate / 10)}.${rate % 10}%` : "(disabled)";
}

function printQueueStats({ port, queue, nBytes, nPackets, nErrors, durationSec }: QueueStatsEntry): string {
  const counters = `bytes=${formatCounter(nBytes)}, pkts=${formatCounter(nPackets)}, errors=${formatCounter(nErrors)}`;
  const duration = durationSec === undefined ? "?" : formatDuration(durationSec);
  return `  port ${formatPort(port)} queue ${queue}: ${counters}, duration=${duration}\n`;
}
