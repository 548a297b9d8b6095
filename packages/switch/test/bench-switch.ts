/** A switch over a recording datapath, and short ways to feed it. */
import { ManualClock } from "@tenet/kit";
import { composePacket, FIELDS, getField, makeFlowKey, setField } from "@tenet/net";
import { formatMatch, parseFlow, parseMatch } from "@tenet/openflow";
import { type Bridge, VirtualSwitch } from "@tenet/switch";
import { RecordingDatapath, type Sent } from "./recording-datapath.ts";

/** A switch with one bridge `br0` and ports `p1`.. with those OpenFlow numbers. */
export class Bench {
  readonly clock: ManualClock = new ManualClock(1000);
  readonly datapath: RecordingDatapath = new RecordingDatapath(this.clock);
  readonly vswitch: VirtualSwitch = new VirtualSwitch(this.datapath, this.clock);
  readonly bridge: Bridge;

  constructor(nPorts: number, flows: readonly string[] = ["actions=NORMAL"]) {
    this.bridge = this.vswitch.addBridge("br0");
    for (let n = 1; n <= nPorts; n++) this.vswitch.addPort(this.bridge, { name: `p${n}`, kind: "memory", ofport: n });
    this.add(...flows);
  }

  add(...flows: readonly string[]): void {
    this.bridge.pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
    this.vswitch.settle();
  }

  /** Feeds a packet described as a match; `in_port` is the OpenFlow port. @returns the names of the ports it left by */
  send(packet: string): string[] {
    return this.sendWithChanges(packet).map(({ port }) => port);
  }

  sendWithChanges(packet: string): Sent[] {
    const key = keyOf(packet);
    const inPort = getField(key, FIELDS.in_port);
    const sent = this.datapath.receive(`p${inPort}`, composePacket(key));
    this.vswitch.settle();
    return sent;
  }

  /** Installed megaflows as match text, sorted; `in_port` is the datapath's. */
  megaflows(): string[] {
    return [...this.datapath.flows()].map((flow) => formatMatch(flow)).sort();
  }
}

/** A FlowKey from match syntax. */
export function keyOf(packet: string): Uint32Array {
  const key = makeFlowKey();
  key.set(parseMatch(packet).key);
  if (getField(key, FIELDS.eth_type) === 0) setField(key, FIELDS.eth_type, 0x05ff);
  return key;
}
