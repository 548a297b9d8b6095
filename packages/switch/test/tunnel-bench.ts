/** A switch with tunnels over a recording datapath: ports that are tunnels, and packets that come out of them. */
import { composePacket, FIELDS, type FieldName, getField, parseIp4, setFieldBig } from "@tenet/net";
import { finish } from "../src/turns.ts";
import { Bench, keyOf } from "./bench-switch.ts";
import type { Sent } from "./recording-datapath.ts";
import type { TunnelConfig } from "../src/tunnel/tunnel-config.ts";

/** Settings as `ovs-vsctl` leaves them without options. */
export const PLAIN: TunnelConfig = {
  type: "geneve",
  carrier: "host",
  dstPort: 6081,
  hasPolicy: false,
  remote: mapped("10.9.0.2"),
  local: undefined,
  inKey: 0n,
  outKey: undefined,
  ttl: 64,
  tos: 0,
  dontFragment: true,
  hasChecksum: false,
  text: "",
};

/** An IPv4 address as a tunnel's settings hold it. */
export function mapped(address: string): [number, number, number, number] {
  return [0, 0, 0xffff, parseIp4(address)];
}

/** A {@link Bench} whose port `p1` is a cable. */
export class TunnelBench extends Bench {
  constructor(flows: readonly string[], tunnels: Readonly<Record<number, Partial<TunnelConfig>>>) {
    super(1, []);
    const mappings = [0, 1].map((index) => ({ optionClass: 0x102, optionType: 0x80 + index, sizeBytes: 4 + 4 * index, index }));
    finish(this.bridge.pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings }));
    for (const [ofport, config] of Object.entries(tunnels)) this.addTunnel(Number(ofport), config);
    this.add(...flows);
  }

  addTunnel(ofport: number, config: Partial<TunnelConfig>): void {
    const tunnel = { ...PLAIN, ...config };
    this.vswitch.addPort(this.bridge, { name: `t${ofport}`, kind: "tunnel", tunnel, ofport });
  }

  /** A packet comes out of a tunnel. @param outer - fields of the outer headers; options as on the wire */
  receive(
    packet: string,
    outer: Partial<Record<FieldName, bigint>>,
    options: readonly number[] = [],
    portName = "genev_sys_6081",
  ): Sent[] {
    const key = keyOf(packet);
    const frame = composePacket(key);
    const inPort = this.datapath.portNamed(portName)?.portNo ?? 0;
    const defaults = {
      tun_src: BigInt(parseIp4("10.9.0.2")),
      tun_dst: BigInt(parseIp4("10.9.0.1")),
      tun_flags: 8n,
      tun_ttl: 64n,
    };
    const fields = { ...defaults, ...outer, in_port: BigInt(inPort), tun_options_present: BigInt(4 * options.length) };
    for (const [name, value] of Object.entries(fields)) setFieldBig(key, FIELDS[name as FieldName], value);
    key.set(options, FIELDS.tun_options.word);
    const sent = this.datapath.receiveKey(key, frame);
    this.vswitch.settle();
    return sent;
  }
}

/** A field of the outer headers that a packet was sent with. */
export function outerOf({ changes }: Sent, name: FieldName): number {
  const action = changes.findLast(({ type }) => type === "setTunnel");
  return action?.type === "setTunnel" ? getField(action.key, FIELDS[name]) : -1;
}
