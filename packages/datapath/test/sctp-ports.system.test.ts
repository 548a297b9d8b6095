/** Ports of SCTP set where forwarding is up to the kernel's program, and where it is up to this process. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { UserDatapath } from "@tenet/datapath";
import { deleteLeftovers, probe } from "@tenet/linux";
import { buildEthernet, buildIp4, buildVlan, putU16, putU32 } from "@tenet/net";
import { sctpChecksum } from "../src/packet/sctp-checksum.ts";
import { DeviceHosts } from "./device-hosts.ts";
import { matchOf } from "./frames.ts";

const PREFIX = "tsctp-";
const PATIENCE = { timeout: 10_000, interval: 5 };
const CHECKSUM_AT = 8;
const L4_AT = 14 + 20;
const L4_BYTES = 12;
const UNFINISHED = { transport: L4_AT, field: CHECKSUM_AT, family: 4, headers: L4_AT + L4_BYTES, segmentSize: 0 } as const;
const obstacle = probe().canUseNamespaces ? probeBpf().obstacle : "no namespaces";
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

/** A packet with 300 bytes of user data, its checksum right. */
function sctpFrame(dstPort: number, data: number): Uint8Array {
  const message = new Uint8Array(L4_BYTES + 300).fill(data);
  putU16(message, 0, 1000);
  putU16(message, 2, dstPort);
  putU32(message, CHECKSUM_AT, sctpChecksum(message, 0, message.length));
  const packet = buildIp4({ src: 0x0a000001, dst: 0x0a000002, proto: 132 }, message);
  return buildEthernet({ dst: 0x0a0000000002, src: 0x0a0000000001, type: 0x0800 }, packet);
}

/** The same, as a host hands it to a device that is to add the checksum. */
function withoutChecksum(frame: Uint8Array): Uint8Array {
  putU32(frame, L4_AT + CHECKSUM_AT, 0);
  return frame;
}

describe.skipIf(obstacle !== undefined).each([true, false])("an SCTP packet, with flows in the kernel: %s", (isKernelUsed) => {
  let datapath: UserDatapath;
  let hosts: DeviceHosts;
  let stop: AbortController;

  beforeEach(async () => {
    deleteLeftovers(PREFIX);
    stop = new AbortController();
    datapath = new UserDatapath({ isKernelUsed });
    hosts = await DeviceHosts.plug(datapath, PREFIX, 2);
    if (!isKernelUsed) datapath.start(stop.signal); // else the kernel is alone
    const { key, mask } = matchOf({ in_port: 1, eth_type: 0x0800, vlan_tci: 0, nw_proto: 132, nw_frag: 0 });
    datapath.putFlow(key, mask, [
      { type: "setMasked", ...matchOf({ tp_dst: 77 }) },
      { type: "output", port: 2 },
      { type: "pushVlan", tpid: 0x8100, tci: 5 },
      { type: "setMasked", ...matchOf({ tp_dst: 78 }) },
      { type: "output", port: 2 },
    ]);
  });

  afterEach(async () => {
    stop.abort();
    hosts.close();
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers(PREFIX);
  });

  test.each([true, false])("comes with the checksum of its new ports, when it had one: %s", async (hasChecksum) => {
    const seen: Uint8Array[] = [];
    let nSent = 0;
    await vi.waitFor(() => {
      const frame = sctpFrame(9, ++nSent);
      if (hasChecksum) hosts.send(1, frame);
      else hosts.send(1, withoutChecksum(frame), UNFINISHED);
      seen.push(...hosts.take(2));
      const data = seen.at(-1)?.at(-1) ?? 0;
      expect(seen.slice(-2)).toEqual([sctpFrame(77, data), buildVlan({ vid: 5 }, sctpFrame(78, data))]);
    }, PATIENCE);
  });
});
