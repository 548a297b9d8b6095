/** The flow installer's conversation, over OpenFlow. */
import { connectOpenFlow, type OpenFlowConnection, type PacketIn, PORT, type TlvMapping } from "@tenet/openflow";
import type { FlowChannel } from "./flow-installer.ts";

/** After so long without a byte from the switch it is asked for a sign of life, and given up after as long again. */
const PROBE_INTERVAL_MS = 5000;

/** The option of Geneve headers that holds the keys of both ports, as the field that the flows name. */
const PORTS_OPTION: TlvMapping = { optionClass: 0x0102, optionType: 0x80, sizeBytes: 4, index: 0 };

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
  await mapPortsOption(client.connection);
  return {
    readFlows: () => client.flows(),
    change: ({ added, removed }) => client.transactFlows(added, removed),
    sendPacket: (data, actions) => void client.connection.send({ type: "packetOut", inPort: PORT.CONTROLLER, actions, data }),
    flushZone: (zone) => void client.connection.send({ type: "flushZone", zone }),
    closed,
    close: () => client.close(),
  };
}

/** Has the switch show the option; a bridge that shows it already is left as it is. */
async function mapPortsOption(connection: OpenFlowConnection): Promise<void> {
  const reply = await connection.request({ type: "tlvTableRequest" });
  const mappings = reply.type === "tlvTableReply" ? reply.mappings : [];
  const isOurs = ({ optionClass, optionType }: TlvMapping): boolean =>
    optionClass === PORTS_OPTION.optionClass && optionType === PORTS_OPTION.optionType;
  if (mappings.some(isOurs)) return;
  connection.send({ type: "tlvTableMod", command: "add", mappings: [PORTS_OPTION] });
  await connection.barrier();
}
