/** Sends 60-byte UDP frames from one host and counts them at the other, with a bounded number under way. */
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { buildEthernet, buildIp4, buildUdp } from "@tenet/net";
import { ADDRESSES, MACS } from "./switches.mjs";

const WINDOW = 512;
const BATCH = 32;
/** Where the source port is in a frame. */
const SOURCE_PORT_AT = 34;
const FIRST_PORT = 1024;

const macOf = (text) => Number.parseInt(text.replaceAll(":", ""), 16);
const addressOf = (text) => text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
const frame = buildEthernet(
  { dst: macOf(MACS.b), src: macOf(MACS.a), type: 0x0800 },
  buildIp4(
    { src: addressOf(ADDRESSES.a), dst: addressOf(ADDRESSES.b), proto: 17 },
    buildUdp({ srcPort: FIRST_PORT, dstPort: 9 }, new Uint8Array(18), { checksum: 0 }),
  ),
);

/** Between the hosts of one switch. */
export class SmallFrames {
  #arena = new linux.FrameArena(2 * BATCH);
  #queue = new linux.SendQueue(BATCH);
  #received = new linux.ReceivedFrames(this.#arena, BATCH);
  #sender;
  #receiver;
  #nextPort = 0;

  constructor(rival) {
    const open = (end) => linux.inNamespace(rival.namespaceOf(end), () => linux.openPacketSocket("eth0"));
    this.#sender = open("a");
    this.#receiver = open("b");
    for (let i = 0; i < BATCH; i++) this.#arena.bytes.set(frame, this.#frameAt(i));
  }

  /** Sends until it has sent `limit.n` frames or `limit.ms` have passed, with `nPorts` source ports. @returns how many arrived */
  async run({ n: nWanted = Number.POSITIVE_INFINITY, ms }, nPorts) {
    let nSent = 0;
    let nReceived = 0;
    let nLost = 0;
    let heardMs = performance.now();
    const endMs = heardMs + ms;
    while (performance.now() < endMs && nReceived + nLost < nWanted) {
      if (nSent < nWanted && nSent - nReceived - nLost < WINDOW) nSent += this.#send(nPorts);
      const n = this.#receive();
      nReceived += n;
      if (n > 0) heardMs = performance.now();
      else if (performance.now() - heardMs > 20) nLost = nSent - nReceived;
      if (n === 0) await turn();
    }
    await sleep(50);
    for (let n = 1; n > 0; nReceived += n) n = this.#receive();
    return nReceived;
  }

  close() {
    this.#sender.close();
    this.#receiver.close();
  }

  #send(nPorts) {
    for (let i = 0; i < BATCH; i++) {
      const at = this.#frameAt(i);
      this.#nextPort = (this.#nextPort + 1) % nPorts;
      this.#arena.view.setUint16(at + SOURCE_PORT_AT, FIRST_PORT + this.#nextPort);
      this.#queue.push(this.#arena, at, frame.length);
    }
    return this.#sender.send(this.#queue);
  }

  #receive() {
    const n = Math.max(0, this.#receiver.receive(this.#received, BATCH));
    this.#receiver.release();
    return n;
  }

  /** Behind the slots that are received into. */
  #frameAt(i) {
    return this.#arena.slotAt(BATCH + i) + linux.FRAME_OFFSET;
  }
}
