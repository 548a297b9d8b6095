/**
 * The OpenFlow sockets of every bridge: `<runDir>/<bridge>.mgmt` for controllers and tools, `.snoop` to listen in.
 *
 * A snooper receives a copy of every message that passes on the bridge's other connections, in both directions.
 */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { checkSocketPath, type Clock, IoError, type Logger, messageOf } from "@tenet/kit";
import type { Bridge } from "../bridge/bridge.ts";
import type { PacketForController } from "../slow-path.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { type Conversation, type ConversationOwner, HELLO_MS, TOOL } from "./conversation.ts";
import { FlowModReport } from "./flow-mod-report.ts";
import { type MessageLog, NO_MESSAGE_LOG } from "./message-log.ts";
import { OpenFlowChannel } from "./openflow-channel.ts";
import { Session } from "./session.ts";
import { SessionGroup } from "./session-group.ts";

/** Opens and closes the sockets of bridges as they come and go. */
export class BridgeServices {
  readonly #vswitch: VirtualSwitch;
  readonly #runDir: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #conversations: ConversationLog;
  readonly #serviceByBridge = new Map<Bridge, BridgeService>();
  readonly #stopListening: () => void;

  constructor(vswitch: VirtualSwitch, runDir: string, clock: Clock, log: Logger, messageLog: MessageLog = NO_MESSAGE_LOG) {
    this.#vswitch = vswitch;
    this.#runDir = runDir;
    this.#clock = clock;
    this.#log = log;
    this.#conversations = { messageLog, nCallers: 0 };
    this.#stopListening = vswitch.slowPath.onPacketForController((packet) =>
      this.#serviceByBridge.get(packet.punt.bridge)?.tellPacket(packet),
    );
  }

  /** Serves every bridge there is, and no other. */
  async sync(): Promise<void> {
    const bridges = new Set(this.#vswitch.bridges.values());
    for (const [bridge, service] of this.#serviceByBridge) {
      if (bridges.has(bridge)) continue;
      this.#serviceByBridge.delete(bridge);
      await service.close();
    }
    for (const bridge of bridges) {
      if (this.#serviceByBridge.has(bridge)) continue;
      const log = this.#log.child({ bridge: bridge.name });
      const service = new BridgeService(bridge, this.#vswitch, this.#clock, log, this.#conversations);
      this.#serviceByBridge.set(bridge, service);
      try {
        await service.listen(join(this.#runDir, bridge.name));
      } catch (error) {
        this.#log.error({ bridge: bridge.name, error: messageOf(error) }, "openflow sockets not opened");
      }
    }
  }

  /** Speaks OpenFlow for a bridge over a socket. @throws AppError when the bridge is not served */
  converse(bridge: Bridge, socket: Socket, owner: ConversationOwner): Conversation {
    const service = this.#serviceByBridge.get(bridge);
    if (service === undefined) throw new IoError(`Cannot converse for bridge "${bridge.name}": it is not served`);
    return service.converse(socket, owner);
  }

  /** Ends what has lain idle for too long. To be called every second or so. */
  tick(): void {
    for (const service of this.#serviceByBridge.values()) service.tick();
  }

  async close(): Promise<void> {
    this.#stopListening();
    for (const service of this.#serviceByBridge.values()) await service.close();
    this.#serviceByBridge.clear();
  }
}

/** What the bridges share: the log of messages, and how many callers without a name of their own there were. */
interface ConversationLog {
  readonly messageLog: MessageLog;
  nCallers: number;
}

/** The sockets of one bridge. */
class BridgeService {
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #conversations: ConversationLog;
  readonly #group = new SessionGroup();
  readonly #snoopers = new Set<OpenFlowChannel>();
  readonly #channels = new Set<OpenFlowChannel>();
  /** Those that have agreed on no version yet, and when that must have happened. */
  readonly #lateMsByChannel = new Map<OpenFlowChannel, number>();
  readonly #servers: Server[] = [];
  readonly #stops: (() => void)[];

  constructor(bridge: Bridge, vswitch: VirtualSwitch, clock: Clock, log: Logger, conversations: ConversationLog) {
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#clock = clock;
    this.#log = log;
    this.#conversations = conversations;
    this.#stops = [
      bridge.pipeline.onChange((events) => {
        for (const session of this.#group.sessions) session.tellChange(events);
      }),
      bridge.onPort((event) => {
        for (const { notices } of this.#group.sessions) notices.tellPort(event);
      }),
    ];
  }

  async listen(pathWithoutSuffix: string): Promise<void> {
    await this.#listen(`${pathWithoutSuffix}.mgmt`, (socket) => this.converse(socket, TOOL));
    await this.#listen(`${pathWithoutSuffix}.snoop`, (socket) => this.#letListen(socket));
  }

  tellPacket({ punt, frame }: PacketForController): void {
    for (const { notices } of this.#group.sessions) notices.tellPacket(punt, frame);
  }

  tick(): void {
    for (const session of this.#group.sessions) session.tick();
    const nowMs = this.#clock.monotonicMs();
    for (const [channel, lateMs] of this.#lateMsByChannel) if (nowMs >= lateMs) channel.giveUp();
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    for (const channel of this.#channels) channel.close();
    await Promise.all(this.#servers.map(closeServer));
  }

  /** Speaks OpenFlow over a socket. */
  converse(socket: Socket, owner: ConversationOwner): Conversation {
    let session: Session | undefined;
    const snoopers = this.#snoopers;
    const logging = this.#logging(owner.name);
    let { packetLimit } = owner;
    const channel = new OpenFlowChannel(
      socket,
      this.#bridge.versions,
      {
        ready: (ready) => {
          this.#lateMsByChannel.delete(ready);
          session = new Session(
            this.#bridge,
            this.#vswitch,
            ready,
            this.#group,
            this.#clock,
            { ...owner, packetLimit },
            new FlowModReport(this.#clock, (counts) =>
              this.#log.info({ peer: logging.name, ...counts }, "flow mods carried out"),
            ),
          );
          this.#group.sessions.add(session);
          this.#sessionsChanged();
          owner.ready();
        },
        ...logging,
        counts: this.#vswitch.counts,
        message: (envelope) => {
          owner.heard();
          this.#vswitch.counts.ofproto_recv_openflow++;
          return session?.handle(envelope);
        },
        get isOverheard() {
          return snoopers.size > 0;
        },
        passed: (bytes) => {
          for (const snooper of snoopers) snooper.sendBytes(bytes);
        },
        drained: () => {
          const work = session?.drained();
          if (work !== undefined) this.#vswitch.turns.begin(work);
        },
        closed: () => {
          if (session !== undefined) this.#group.sessions.delete(session);
          session?.close();
          this.#sessionsChanged();
          this.#forget(channel);
          owner.closed();
        },
      },
      this.#vswitch.turns,
      this.#log,
    );
    this.#remember(channel, owner.helloMs);
    return {
      get role() {
        return session?.notices.role;
      },
      get packetCounts() {
        return session?.notices.packetCounts;
      },
      limitPackets: (limit) => {
        packetLimit = limit;
        session?.notices.limitPackets(limit);
      },
      probe: () => channel.tell({ type: "echoRequest", data: new Uint8Array(0) }),
      close: () => channel.close(),
    };
  }

  #logging(name: string | undefined): { readonly name: string; readonly messageLog: MessageLog } {
    return { name: name ?? `unix#${this.#conversations.nCallers++}`, messageLog: this.#conversations.messageLog };
  }

  #sessionsChanged(): void {
    this.#vswitch.setSendsMisses(this.#bridge, this.#group.hearsMisses);
  }

  async #listen(path: string, serve: (socket: Socket) => void): Promise<void> {
    rmSync(checkSocketPath(path), { force: true });
    const server = createServer(serve);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => reject(new IoError(`Cannot listen on "${path}": ${cause.message}`, { cause })));
      server.listen(path, resolve);
    });
    this.#servers.push(server);
  }

  #letListen(socket: Socket): void {
    const channel: OpenFlowChannel = new OpenFlowChannel(
      socket,
      this.#bridge.versions,
      {
        ...this.#logging(undefined),
        counts: this.#vswitch.counts,
        ready: (ready) => {
          this.#lateMsByChannel.delete(ready);
          this.#snoopers.add(ready);
        },
        message: () => undefined,
        isOverheard: false,
        passed: () => undefined,
        drained: () => undefined,
        closed: () => {
          this.#snoopers.delete(channel);
          this.#forget(channel);
        },
      },
      this.#vswitch.turns,
      this.#log,
    );
    this.#remember(channel, HELLO_MS);
  }

  #remember(channel: OpenFlowChannel, helloMs: number | undefined): void {
    this.#channels.add(channel);
    if (helloMs !== undefined) this.#lateMsByChannel.set(channel, this.#clock.monotonicMs() + helloMs);
  }

  #forget(channel: OpenFlowChannel): void {
    this.#channels.delete(channel);
    this.#lateMsByChannel.delete(channel);
  }
}

/** Stops listening; Node removes the socket's file. */
async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
