/** Tunnels through a bridge: which packets take it, what that bridge sees of them, and what is known of neighbours. */
import { ManualClock } from "@tenet/kit";
import { ETH_TYPE, FIELDS, getField, getU16, parseFlowKey, parseIp4, parseMac, setField } from "@tenet/net";
import { parseFlow } from "@tenet/openflow";
import { type Bridge, VirtualSwitch } from "@tenet/switch";
import { describe, expect, test } from "vitest";
import { formatDatapathActions } from "../src/trace/format-datapath.ts";
import type { HostNetwork, HostRoute } from "../src/tunnel/host-network.ts";
import type { TunnelConfig } from "../src/tunnel/tunnel-config.ts";
import { keyOf } from "./bench-switch.ts";
import { RecordingDatapath, type Sent } from "./recording-datapath.ts";
import { mapped, PLAIN } from "./tunnel-bench.ts";

const PEER_MAC = parseMac("02:00:00:00:00:99");
const PHY_MAC = parseMac("02:00:00:00:00:01");
const IP = "ip,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=5";
const FROM_GUEST = `in_port=1,${IP}`;
const OUTER = "in_port=1,udp,dl_src=02:00:00:00:00:99,dl_dst=02:00:00:00:00:01,nw_src=10.9.0.2,nw_dst=10.9.0.1,tp_dst=6081";

/** A host with one address on `br-phy`, whose routes a test can change. */
class FakeHost implements HostNetwork {
  device = "br-phy";
  isLocal = false;
  length = 120;
  #isChanged = false;

  change(change: Partial<Pick<FakeHost, "device" | "isLocal" | "length">>): void {
    Object.assign(this, change);
    this.#isChanged = true;
  }
  addressesOf(device: string): { address: ReturnType<typeof mapped>; length: number }[] {
    return device === "br-phy" ? [{ address: mapped("10.9.0.1"), length: 120 }] : [];
  }
  route(): HostRoute {
    const { device, isLocal, length } = this;
    return { destination: mapped("10.9.0.0"), length, isLocal, device, gateway: undefined, source: mapped("10.9.0.1") };
  }
  routeLength(): number {
    return this.length;
  }
  routes(): HostRoute[] {
    return [this.route()];
  }
  macOf(): number | undefined {
    return undefined;
  }
  hasChanged(): boolean {
    const isChanged = this.#isChanged;
    this.#isChanged = false;
    return isChanged;
  }
  [Symbol.dispose](): void {}
}

/** `br-int` with a guest (1) and a tunnel (2), `br-phy` with a wire (1), and itself as port of the host. */
class NativeBench {
  readonly clock = new ManualClock(1000);
  readonly host = new FakeHost();
  readonly datapath = new RecordingDatapath(this.clock);
  readonly vswitch = new VirtualSwitch(this.datapath, this.clock, this.host);
  readonly inner: Bridge;
  readonly outer: Bridge;

  constructor(config: Partial<TunnelConfig> = {}, outerFlows: readonly string[] = ["actions=output:1"]) {
    this.inner = this.vswitch.addBridge("br-int");
    this.outer = this.vswitch.addBridge("br-phy");
    this.vswitch.addPort(this.inner, { name: "guest", kind: "memory", ofport: 1 });
    const tunnel = { ...PLAIN, carrier: "either", outKey: 7n, ...config } as const;
    this.vswitch.addPort(this.inner, { name: "tun", kind: "tunnel", tunnel, ofport: 2 });
    this.vswitch.addPort(this.outer, { name: "wire", kind: "memory", ofport: 1 });
    this.vswitch.addPort(this.outer, { name: "br-phy", kind: "memory" }).mac = PHY_MAC;
    this.inner.pipeline.apply([{ command: "add", flow: parseFlow("actions=output:2") }]);
    this.outer.pipeline.apply(outerFlows.map((text) => ({ command: "add", flow: parseFlow(text) })));
    this.vswitch.settle();
  }

  /** The datapath actions of a packet; ports by name. */
  actions(bridge: Bridge, packet: string, edit: (key: Uint32Array) => void = () => undefined): string {
    const key = keyOf(packet);
    edit(key);
    const { actions } = this.vswitch.trace(bridge, key);
    const name = (portNo: number): string => this.datapath.port(portNo)?.name ?? "?";
    return formatDatapathActions(actions, key, name).replace(/header\(.*?\)\),out/, "HEADER,out");
  }

  receive(port: string, frame: Uint8Array): Sent[] {
    const sent = this.datapath.receive(port, frame);
    this.vswitch.settle();
    return sent;
  }

  know(): void {
    this.vswitch.underlay.neighbors.set({ bridge: "br-phy", address: mapped("10.9.0.2") }, PEER_MAC);
    this.vswitch.settle();
  }
}

const PUSHED = "tnl_push(tnl_port(genev_sys_6081),HEADER,out_port(br-phy))";

describe("the way of outer packets", () => {
  test("is the bridge that the host's route leads to; when it leads elsewhere, the host's own stack", () => {
    const bench = new NativeBench();
    bench.know();
    expect(bench.actions(bench.inner, FROM_GUEST)).toBe(`${PUSHED},wire`);
    bench.host.change({ device: "eth0" });
    bench.vswitch.tick();
    expect(bench.actions(bench.inner, FROM_GUEST)).toMatch(/^set\(tunnel\(.*\),genev_sys_6081$/);
    bench.host.change({ device: "br-phy" });
    bench.vswitch.tick();
    expect(bench.actions(bench.inner, FROM_GUEST)).toBe(`${PUSHED},wire`);
  });

  test("is the host's stack on a system datapath, and nothing else than a bridge on a dummy one", () => {
    const system = new NativeBench({ carrier: "host" });
    system.know();
    expect(system.actions(system.inner, FROM_GUEST)).toMatch(/^set\(tunnel/);
    const dummy = new NativeBench({ carrier: "native" });
    dummy.know();
    dummy.host.change({ device: "eth0" });
    dummy.vswitch.tick();
    expect(dummy.actions(dummy.inner, FROM_GUEST)).toBe("drop");
  });

  test("forgets the neighbours behind a device that is gone, and the addresses that it had as a dummy", () => {
    const { vswitch, outer } = new NativeBench();
    const { underlay } = vswitch;
    for (const bridge of ["wire", "br-phy"]) underlay.neighbors.set({ bridge, address: mapped("10.9.0.2") }, PEER_MAC);
    underlay.addDummyAddress("wire", { address: mapped("10.9.0.5"), length: 120 });
    vswitch.removePort(outer, 1);
    expect([...underlay.neighbors.neighbors()].map(({ bridge }) => bridge)).toEqual(["br-phy"]);
    expect(underlay.addressesOf("wire")).toEqual([]);
    vswitch.removeBridge(outer);
    expect([...underlay.neighbors.neighbors()]).toEqual([]);
  });

  test("is not there, and what is sent behind that is whole, though the tunnel was to get the first bytes", () => {
    const bench = new NativeBench();
    const { inner, vswitch } = bench;
    vswitch.addPort(inner, { name: "other", kind: "memory", ofport: 3 });
    const text = "priority=40000,actions=set_field:02:00:00:00:00:0c->eth_dst,output(port=2,max_len=100),output:3";
    inner.pipeline.apply([{ command: "add", flow: parseFlow(text) }]);
    const typesOf = (): string[] => vswitch.trace(inner, keyOf(FROM_GUEST)).actions.map(({ type }) => type);
    expect(typesOf()).toEqual(["setMasked", "output"]);
    bench.know();
    expect(typesOf()).toEqual(["truncate", "setMasked", "clone", "output"]);
  });

  test("is a user's route rather than the host's to a network a little narrower, but not to a host or to itself", () => {
    const { vswitch, host } = new NativeBench();
    const { routes } = vswitch.underlay;
    const [destination, source] = [mapped("10.9.0.0"), mapped("10.9.0.1")];
    const user = { destination, length: 112, device: "br-phy", gateway: undefined, source, isLocal: false, mark: 0 };
    routes.add(user);
    host.device = "eth0";
    const taken = (length: number, isLocal = false): string | undefined => {
      Object.assign(host, { length, isLocal });
      return routes.lookup(mapped("10.9.0.2"), 0)?.device;
    };
    expect([taken(112), taken(120), taken(128), taken(144), taken(128, true)]).toEqual([
      "br-phy",
      "br-phy",
      "br-phy",
      "eth0",
      "eth0",
    ]);
    expect(routes.lookup(mapped("10.9.0.2"), 5)).toBeUndefined();
    expect([routes.remove(user), routes.remove(user)]).toEqual([true, false]);
  });
});

describe("the bridge that outer packets leave by", () => {
  test("matches and changes outer headers; nothing of the packet inside is in the megaflow, and other copies stay as they are", () => {
    const bench = new NativeBench({}, [
      "udp,in_port=LOCAL,dl_dst=02:00:00:00:00:99,nw_src=10.9.0.1,nw_dst=10.9.0.2,tp_dst=6081,actions=mod_nw_tos:32,strip_vlan,output:1",
    ]);
    bench.know();
    bench.inner.pipeline.apply([{ command: "add", flow: parseFlow("actions=output:2,output:1,in_port") }]);
    bench.vswitch.settle();
    expect(bench.actions(bench.inner, FROM_GUEST)).toBe(`clone(${PUSHED},set(ipv4(tos=0x20)),wire),guest`);
    const { mask } = bench.vswitch.trace(bench.inner, keyOf(FROM_GUEST));
    const looked = ["nw_src", "nw_dst", "nw_proto", "tp_dst"].map((name) => getField(mask, FIELDS[name as "nw_src"]));
    expect(looked).toEqual([0, 0, 0, 0]);
    expect(mask.slice(FIELDS.eth_dst.word, FIELDS.eth_src.word + 2)).toEqual(new Uint32Array(4));
  });

  test("may send them nowhere, and to a tunnel that they are in not at all", () => {
    expect(new NativeBench({}, []).actions(new NativeBench({}, []).inner, FROM_GUEST)).toBe("drop");
    const bench = new NativeBench({}, ["actions=normal"]);
    bench.know();
    const tunnel = { ...PLAIN, carrier: "either", inKey: 8n, outKey: 8n } as const;
    bench.vswitch.addPort(bench.outer, { name: "tun2", kind: "tunnel", tunnel, ofport: 3 });
    bench.vswitch.settle();
    expect(bench.actions(bench.inner, FROM_GUEST)).toBe(`${PUSHED},wire`);
  });
});

describe("a packet at the bridge's own port", () => {
  const bench = new NativeBench({}, ["actions=LOCAL"]);
  test.each([
    ["is a tunnel's by its addresses and UDP port", OUTER, "tnl_pop(genev_sys_6081)"],
    ["is the host's when it has another UDP port", OUTER.replace("6081", "6082"), "br-phy"],
    ["is the host's when it has another address", OUTER.replace("nw_dst=10.9.0.1", "nw_dst=10.9.0.3"), "br-phy"],
    ["is the host's when it is for another Ethernet address", OUTER.replace("00:01", "00:02"), "br-phy"],
    ["is the host's when it has a tag", `${OUTER},dl_vlan=5`, "br-phy"],
    ["is the host's when it is TCP", OUTER.replace("udp", "tcp"), "br-phy"],
  ])("%s", (_, packet, actions) => {
    expect(bench.actions(bench.outer, packet)).toBe(actions);
  });

  test("waits for the rest of it when it is a fragment", () => {
    const fragment = (packet: string): string => bench.actions(bench.outer, packet, (key) => setField(key, FIELDS.nw_frag, 1));
    expect(fragment(OUTER)).toBe("reassemble");
    expect(fragment(OUTER.replace("udp", "tcp"))).toBe("br-phy");
    expect(fragment(OUTER.replace("nw_dst=10.9.0.1", "nw_dst=10.9.0.3"))).toBe("br-phy");
  });
});

describe("a neighbour", () => {
  /** Who is asked for in an ARP request. */
  const askedFor = (sent: readonly { frame: Uint8Array }[]): number[] =>
    sent.map(({ frame }) => {
      const key = new Uint32Array(keyOf("ip").length);
      parseFlowKey(frame, frame.length, 0, key);
      return key[FIELDS.nw_dst.word] ?? 0;
    });

  /** The bench, and the ARP packets that it executes. */
  function listen(): { bench: NativeBench; executed: { frame: Uint8Array }[] } {
    const bench = new NativeBench();
    const executed: { frame: Uint8Array }[] = [];
    const { datapath } = bench;
    const execute = datapath.execute.bind(datapath);
    datapath.execute = (executedFrame, inPort, actions) => {
      if (getU16(executedFrame, 12) === ETH_TYPE.arp) executed.push({ frame: executedFrame.slice() });
      execute(executedFrame, inPort, actions);
    };
    return { bench, executed };
  }
  const frame = new Uint8Array(60).fill(1);

  test("is asked for when a packet is for it, again while packets come, once a second at most", () => {
    const { bench, executed } = listen();
    bench.receive("guest", frame);
    expect(askedFor(executed)).toEqual([parseIp4("10.9.0.2")]);
    bench.receive("guest", frame);
    bench.vswitch.tick();
    expect(executed).toHaveLength(1);
    bench.clock.advance(1000);
    bench.vswitch.tick();
    expect(executed).toHaveLength(1); // no packet came
    bench.receive("guest", frame);
    bench.vswitch.tick();
    expect(executed).toHaveLength(2);
  });

  test("that answers has the megaflows that waited for it made anew, and so one that moves or is forgotten", () => {
    const { bench } = listen();
    bench.receive("guest", frame);
    const actions = (): string => [...bench.datapath.flows()].map((flow) => formatDatapathActions(flow.actions, flow.key)).join();
    expect(actions()).toBe("drop");
    bench.know();
    expect(actions()).toContain("eth(dst=02:00:00:00:00:99");
    bench.vswitch.underlay.neighbors.set({ bridge: "br-phy", address: mapped("10.9.0.2") }, PEER_MAC + 1);
    bench.vswitch.settle();
    expect(actions()).toContain("eth(dst=02:00:00:00:00:9a");
    bench.vswitch.underlay.neighbors.flush();
    bench.vswitch.settle();
    expect(actions()).toBe("drop");
  });

  test("that is used stays, and goes some time after that", () => {
    const { bench } = listen();
    const { neighbors } = bench.vswitch.underlay;
    neighbors.ageingMs = 2000;
    bench.know();
    for (let i = 0; i < 3; i++) {
      bench.clock.advance(1500);
      bench.receive("guest", frame);
      bench.vswitch.tick();
    }
    expect([...neighbors.neighbors()]).toHaveLength(1);
    bench.clock.advance(2500);
    bench.vswitch.tick();
    expect([...neighbors.neighbors()]).toHaveLength(0);
  });
});
