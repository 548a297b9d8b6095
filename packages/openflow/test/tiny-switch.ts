/** A switch of flow tables without packets: just enough for ovs-ofctl to talk to. */
import { createServer, type Server, type Socket } from "node:net";
import {
  ALL_TABLES,
  type FlowMod,
  type FlowSpec,
  type FlowStats,
  isSameMatch,
  type Message,
  OpenFlowConnection,
  OpenFlowError,
  type PortDesc,
  PORT,
} from "@tenet/openflow";

const P1: PortDesc = {
  port: 1,
  mac: 0x0a0000000001,
  name: "p1",
  config: 0,
  state: 0,
  current: 0,
  advertised: 0,
  supported: 0,
  peer: 0,
  currentSpeed: 0,
  maxSpeed: 0,
};

/** Listens on a unix socket and keeps flows. */
export class TinySwitch {
  readonly flows: FlowSpec[] = [];
  readonly closed: (Error | undefined)[] = [];
  readonly connections = new Set<OpenFlowConnection>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  close(): Promise<void> {
    for (const connection of this.connections) connection.close();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    const connection = new OpenFlowConnection(socket, { pausesWhenFull: true });
    const bundles = new Map<number, FlowMod[]>();
    this.connections.add(connection);
    connection.onClose((error) => {
      this.connections.delete(connection);
      this.closed.push(error);
    });
    connection.onMessage(({ message, xid }) => {
      if (message.type === "bundleAdd") {
        if (message.message.type === "flowMod") bundles.get(message.bundleId)?.push(message.message);
      } else if (message.type === "bundleControl") this.#control(connection, bundles, message, xid);
      else {
        const reply = this.#answer(message);
        if (reply !== undefined) connection.send(reply, xid);
      }
    });
  }

  #control(
    connection: OpenFlowConnection,
    bundles: Map<number, FlowMod[]>,
    message: Extract<Message, { type: "bundleControl" }>,
    xid: number,
  ): void {
    const { bundleId, kind, flags } = message;
    if (kind === "openRequest") {
      bundles.set(bundleId, []);
      connection.send({ type: "bundleControl", bundleId, kind: "openReply", flags }, xid);
    } else if (kind === "commitRequest") {
      const mods = bundles.get(bundleId);
      if (mods === undefined) throw new OpenFlowError("OFPBFC_BAD_ID", `Bundle ${bundleId} is not open`);
      for (const mod of mods) this.#apply(mod);
      connection.send({ type: "bundleControl", bundleId, kind: "commitReply", flags }, xid);
    }
  }

  #answer(message: Message): Message | undefined {
    switch (message.type) {
      case "featuresRequest":
        return {
          type: "featuresReply",
          datapathId: 0x42n,
          nBuffers: 0,
          nTables: 254,
          auxiliaryId: 0,
          capabilities: 7,
          actions: 0xfff,
          ports: [P1],
        };
      case "getConfigRequest":
        return { type: "getConfigReply", flags: 0, missSendLength: 0 };
      case "barrierRequest":
        return { type: "barrierReply" };
      case "flowMod":
        this.#apply(message);
        return undefined;
      case "multipartRequest":
        return this.#multipart(message.request);
      default:
        return undefined;
    }
  }

  #multipart(request: Extract<Message, { type: "multipartRequest" }>["request"]): Message {
    const isLast = true;
    const zeros = {
      rxPackets: 1n,
      txPackets: 2n,
      rxBytes: 3n,
      txBytes: 4n,
      rxDropped: 5n,
      txDropped: -1n,
      rxErrors: 0n,
      txErrors: 0n,
    };
    const details = { rxFrameErrors: 0n, rxOverErrors: 0n, rxCrcErrors: 0n, collisions: 0n, durationSec: 7 };
    const nicira = "isNicira" in request && request.isNicira === true ? { isNicira: true } : {};
    switch (request.kind) {
      case "desc":
        return {
          type: "multipartReply",
          reply: {
            kind: "desc",
            desc: { manufacturer: "Tenet", hardware: "none", software: "0.1", serial: "1", datapath: "br0" },
          },
          isLast,
        };
      case "flow": {
        const flows = this.flows.filter(({ table }) => request.table === ALL_TABLES || request.table === table).map(withCounters);
        return { type: "multipartReply", reply: { kind: "flow", flows, ...nicira }, isLast };
      }
      case "aggregate":
        return {
          type: "multipartReply",
          reply: { kind: "aggregate", nPackets: 1n, nBytes: 2n, nFlows: this.flows.length, ...nicira },
          isLast,
        };
      case "table":
        return {
          type: "multipartReply",
          reply: {
            kind: "table",
            tables: [{ table: 0, name: "classifier", maxEntries: 1e6, nActive: 1, nLookups: 2n, nMatched: 3n }],
          },
          isLast,
        };
      case "tableFeatures":
        return {
          type: "multipartReply",
          reply: { kind: "tableFeatures", tables: [{ table: 0, name: "classifier", maxEntries: 1e6, nTables: 254 }] },
          isLast,
        };
      case "port":
        return { type: "multipartReply", reply: { kind: "port", ports: [{ port: PORT.LOCAL, ...zeros, ...details }] }, isLast };
      case "portDesc":
        return { type: "multipartReply", reply: { kind: "portDesc", ports: [P1] }, isLast };
      default:
        throw new OpenFlowError("OFPBRC_BAD_STAT", `There is nothing to tell of ${request.kind}`);
    }
  }

  #apply({ command, flow }: FlowMod): void {
    if (flow.table === 99) throw new OpenFlowError("OFPFMFC_BAD_TABLE_ID", "Table 99 is not there");
    const isStrict = command === "add" || command === "deleteStrict";
    const keep = this.flows.filter((old) => {
      const isInTable = flow.table === ALL_TABLES || flow.table === old.table;
      return !(isInTable && (!isStrict || (old.priority === flow.priority && isSameMatch(old.match, flow.match))));
    });
    if (command === "add") keep.push(flow);
    if (command.startsWith("delete") || command === "add") this.flows.splice(0, this.flows.length, ...keep);
  }
}

function withCounters(flow: FlowSpec): FlowStats {
  return { ...flow, durationSec: 1.5, nPackets: 3n, nBytes: 9n };
}
