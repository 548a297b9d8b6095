/** The flow installer's conversation, over OpenFlow. */
import { connectOpenFlow, type PacketIn, PORT } from "@tenet/openflow";
import type { FlowChannel } from "./flow-installer.ts";

/** After so long without a byte from the switch it is asked for a sign of life, and given up after as long again. */
const PROBE_INTERVAL_MS = 5000;

/**
 * Opens a channel to a bridge's management socket.
 *
 * @throws IoError when nobody listens; ProtocolError when there is no common version
 */
export async function openFlowChannel(
  path: string,
  onPacketIn: (packet: PacketIn) => void,
  signal: AbortSignal,
): Promise<FlowChannel> {
  const client = await connectOpenFlow(`unix:${path}`, {
    signal,
    probeIntervalMs: PROBE_INTERVAL_MS,
    onMessage: ({ message }) => {
      if (message.type === "packetIn") onPacketIn(message);
    },
  });
  const closed = new Promise<void>((resolve) => client.connection.onClose(() => resolve()));
  // The format that carries the userdata of the action that sent a packet up.
  client.connection.send({ type: "setPacketInFormat", format: "nxt2" });
  // Service connections get no packets until they ask for them: 128 bytes hold every header that is looked at.
  client.connection.send({ type: "setConfig", flags: 0, missSendLength: 128 });
  return {
    readFlows: () => client.flows(),
    change: ({ added, removed }) => client.transactFlows(added, removed),
    sendPacket: (data, actions) => void client.connection.send({ type: "packetOut", inPort: PORT.CONTROLLER, actions, data }),
    flushZone: (zone) => void client.connection.send({ type: "flushZone", zone }),
    closed,
    close: () => client.close(),
  };
}
