/** A switch over the real user datapath, with cables that end in the test. */
import { MemoryLink, UserDatapath } from "@tenet/datapath";
import { ManualClock } from "@tenet/kit";
import { composePacket } from "@tenet/net";
import { parseFlow, parseMatch } from "@tenet/openflow";
import { VirtualSwitch } from "@tenet/switch";

/** A bridge `br0` with memory ports. */
export class Cables implements AsyncDisposable {
  readonly clock = new ManualClock(1000);
  readonly links = new Map<string, MemoryLink>();
  readonly received: { port: string; frame: Uint8Array }[] = [];
  readonly datapath = new UserDatapath({ clock: this.clock, openMemoryLink: (name) => this.#plug(name) });
  readonly vswitch = new VirtualSwitch(this.datapath, this.clock);
  readonly bridge = this.vswitch.addBridge("br0");

  constructor(...names: string[]) {
    for (const name of names) this.vswitch.addPort(this.bridge, { name, kind: "memory" });
    this.apply("priority=0,actions=NORMAL");
  }

  apply(flow: string, command: "add" | "delete" = "add"): void {
    this.bridge.pipeline.apply([{ command, flow: parseFlow(flow) }]);
    this.vswitch.settle();
  }

  /** Sends a packet into a port. @returns the ports it came out of */
  send(port: string, packet: string): string[] {
    return this.sendFrame(port, composePacket(parseMatch(packet).key));
  }

  /** As {@link send}, for bytes. */
  sendFrame(port: string, frame: Uint8Array): string[] {
    this.received.length = 0;
    this.links.get(port)?.send(frame);
    this.vswitch.settle();
    return this.received.map((each) => each.port);
  }

  #plug(name: string): MemoryLink {
    const link = new MemoryLink();
    link.onFrame((frame) => this.received.push({ port: name, frame }));
    this.links.set(name, link);
    return link;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.datapath[Symbol.asyncDispose]();
  }
}
