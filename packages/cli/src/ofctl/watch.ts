/** `tenet ofctl monitor`: what a switch tells unasked, one line each, until it is interrupted. */
import { ALL_TABLES, formatFlow, formatMatch, type FlowUpdate, type Message, MONITOR_FLAG, parseFlow } from "@tenet/openflow";
import type { OfctlContext } from "./ofctl.ts";
import type { SwitchConnection } from "./switch-connection.ts";

/** As much of a packet as there is. */
const WHOLE_PACKET = 0xffff;
const ALL_OF_A_FLOW = Object.values(MONITOR_FLAG).reduce((bits, bit) => bits | bit, 0);

/** Prints events until the signal aborts or the switch goes. */
export async function watch({ bridge, args, signal, write }: OfctlContext): Promise<string> {
  const [what] = args;
  const { connection } = bridge.client;
  bridge.listen(({ message }) => {
    for (const line of describe(message, bridge)) write(`${line}\n`);
  });
  if (what === undefined) connection.send({ type: "setConfig", flags: 0, missSendLength: WHOLE_PACKET });
  else {
    const { table, match } = parseFlow(what.replace(/^watch:/, ""), { purpose: "query", ...bridge.names });
    const monitor = {
      id: 1,
      command: "add",
      flags: ALL_OF_A_FLOW,
      table: what.includes("table") ? table : ALL_TABLES,
      match,
    } as const;
    const { updates } = await bridge.read({ kind: "flowMonitor", requests: [monitor] }, "flowMonitor");
    for (const update of updates) write(`${describeUpdate(update, bridge)}\n`);
  }
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    connection.onClose(() => resolve());
    if (signal.aborted) resolve();
  });
  return "";
}

function describe(message: Message, { names, client }: SwitchConnection): string[] {
  switch (message.type) {
    case "multipartReply":
      return message.reply.kind === "flowMonitor" ? message.reply.updates.map((update) => describeUpdate(update, { names })) : [];
    case "packetIn": {
      const { match, totalLength, table, data } = message;
      return [`packet table=${table} ${formatMatch(match, names)} ${totalLength} bytes ${Buffer.from(data).toString("hex")}`];
    }
    case "flowRemoved":
      return [`removed (${message.reason}) ${formatFlow(message.flow, names)}`];
    case "portStatus":
      return [`port ${message.reason} ${message.port.name}`];
    case "flowMonitorPaused":
    case "flowMonitorResumed":
      return [message.type === "flowMonitorPaused" ? "paused" : "resumed"];
    default:
      return [`${message.type} (OpenFlow of wire version ${client.connection.version})`];
  }
}

function describeUpdate(update: FlowUpdate, { names }: Pick<SwitchConnection, "names">): string {
  if (update.event === "abbreviated") return `own request ${update.xid}`;
  if (update.event === "paused" || update.event === "resumed") return update.event;
  const { actions = [], ...flow } = update.flow;
  const text = formatFlow({ ...flow, actions, flags: 0, importance: 0 }, names);
  return `${update.event}${update.event === "removed" ? ` (${update.reason})` : ""} ${text}`;
}
