/** Ports on devices whose other ends a test holds: it sends the frames that come in, and sees all that go out, and none besides. */
import { existsSync, writeFileSync } from "node:fs";
import {
  createNamespace,
  createVethPair,
  FRAME_OFFSET,
  FrameArena,
  type FrameDevice,
  inNamespace,
  openPacketSocket,
  ReceivedFrames,
  SendQueue,
  setLinkUp,
  untilOperational,
  VNET_HEADER_BYTES,
} from "@tenet/linux";
import type { UserDatapath } from "@tenet/datapath";
import { completeFrame, type Unfinished, writeVnetHeader } from "../src/packet/vnet-header.ts";

const BATCH = 32;

/** The hosts behind ports 1 to n of a datapath. */
export class DeviceHosts {
  readonly #devices: readonly FrameDevice[];
  readonly #arena = new FrameArena(BATCH);
  readonly #received = new ReceivedFrames(this.#arena, BATCH);

  /**
   * Adds `n` ports to a datapath that has none; names of devices and of the namespace begin with `prefix`.
   *
   * @param mac - that all hosts have; absent: each has one of its own
   */
  static async plug(datapath: UserDatapath, prefix: string, n: number, mac?: number): Promise<DeviceHosts> {
    const namespace = `${prefix}hosts`;
    createNamespace(namespace);
    const devices: FrameDevice[] = [];
    for (let i = 1; i <= n; i++) {
      const [name, peer] = [`${prefix}${i}`, `host${i}`];
      createVethPair({ name, peer, peerNamespace: namespace, ...(mac === undefined ? {} : { peerMac: mac }) });
      setUpSilently(name);
      inNamespace(namespace, () => setUpSilently(peer));
      await untilOperational([{ name }, { name: peer, namespace }]);
      devices.push(inNamespace(namespace, () => openPacketSocket(peer)));
      datapath.addPort({ name, kind: "system" });
    }
    return new DeviceHosts(devices);
  }

  private constructor(devices: readonly FrameDevice[]) {
    this.#devices = devices;
  }

  /** Sends a frame into a port. @param unfinished - what a device is yet to do */
  send(portNo: number, frame: Uint8Array, unfinished?: Unfinished): void {
    const arena = new FrameArena(1);
    const queue = new SendQueue(1);
    arena.bytes.set(frame, FRAME_OFFSET);
    if (unfinished !== undefined) writeVnetHeader(arena.bytes, FRAME_OFFSET - VNET_HEADER_BYTES, unfinished);
    queue.push(arena, FRAME_OFFSET, frame.length);
    this.#devices[portNo - 1]?.send(queue);
  }

  /** Takes the frames that came out of a port since it was asked last, with checksums that were yet to be added. */
  take(portNo: number): Uint8Array[] {
    const device = this.#devices[portNo - 1];
    const frames: Uint8Array[] = [];
    for (let n = -1; device !== undefined && n !== 0; device.release()) {
      n = Math.max(0, device.receive(this.#received, BATCH));
      for (let i = 0; i < n; i++) {
        const at = this.#received.frameAt[i] ?? 0;
        const { bytes } = this.#received.arenas[i] ?? this.#arena;
        frames.push(completeFrame(bytes, at - VNET_HEADER_BYTES, at, this.#received.frameLength[i] ?? 0));
      }
    }
    return frames;
  }

  close(): void {
    for (const device of this.#devices) device.close();
  }
}

/** Without what the kernel says of itself on a device with IPv6. */
function setUpSilently(name: string): void {
  const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  if (existsSync(path)) writeFileSync(path, "1");
  setLinkUp(name);
}
