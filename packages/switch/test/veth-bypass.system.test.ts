/** Packets that go past a port's device, as the commands of Open vSwitch count them, and turn them off. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kernelObstacle } from "@tenet/datapath";
import { LiveHost, LiveSwitch, until, whyNot } from "./live-switch.ts";

const reason = whyNot() ?? kernelObstacle()?.reason;
if (reason !== undefined) console.log(`veth-bypass.system.test.ts: skipped, ${reason}`);

test.skipIf(reason !== undefined)(
  "they are counted at the port, until other_config:veth-bypass says that there are to be none",
  async () => {
    await using live = await LiveSwitch.start({ datapath: "ebpf" });
    using a = new LiveHost(1);
    using b = new LiveHost(2);
    const ports = [a, b].flatMap(({ port }) => ["--", "add-port", "br0", port]);
    expect((await live.vsctl("add-br", "br0", ...ports)).err).toBe("");
    /** Of two packets to b, those that its port's device has sent, and those that the port has. */
    const pingCounts = async (): Promise<{ device: number; port: number }> => {
      const counts = async (): Promise<readonly [number, number]> => {
        const { out } = await live.ofctl("dump-ports", "br0", b.port);
        const device = readFileSync(`/sys/class/net/${b.port}/statistics/tx_packets`, "utf8");
        return [Number(device), Number(/tx pkts=(\d+)/.exec(out)?.[1])];
      };
      const [device, port] = await counts();
      expect(await a.pings(b)).toBe(true);
      const [deviceThen, portThen] = await counts();
      return { device: deviceThen - device, port: portThen - port };
    };
    // A host may look for its neighbour meanwhile, which goes by the device.
    const untilCounted = (isRight: (counts: { device: number; port: number }) => boolean): Promise<void> =>
      until(async () => isRight(await pingCounts()));
    await untilCounted(({ device, port }) => device === 0 && port >= 2);
    expect((await live.vsctl("set", "open", ".", "other_config:veth-bypass=false")).err).toBe("");
    await untilCounted(({ device, port }) => device >= 2 && device === port);
    expect((await live.vsctl("remove", "open", ".", "other_config", "veth-bypass")).err).toBe("");
    await untilCounted(({ device, port }) => device === 0 && port >= 2);
  },
);
