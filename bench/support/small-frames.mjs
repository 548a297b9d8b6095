/**
 * Sends 60-byte UDP frames from one host and counts them at the other, with a bounded number under way. They are for someone
 * behind that, so that its TCP/IP, which drops them, costs next to nothing.
 */
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { buildEthernet, buildIp4, buildUdp } from "@tenet/net";
import { ADDRESSES, MACS, SINK } from "./switches.mjs";

const BATCH = 32;
/** Where the ports are in a frame. */
const SOURCE_PORT_AT = 34;
const TARGET_PORT_AT = 36;
const FIRST_PORT = 1024;
const FIRST_TARGET = 9;
/** A frame that has not come by then is lost. */
const PATIENCE_MS = 50;
const EXPERIMENTAL_TYPE = 0x88b5;
/** More than anyone measures. */
const FIRST_FLOWS = 60_000;

const macOf = (text) => Number.parseInt(text.replaceAll(":", ""), 16);
const addressOf = (text) => text.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
const frame = buildEthernet(
  { dst: macOf(SINK.mac), src: macOf(MACS.a), type: 0x0800 },
  buildIp4(
    { src: addressOf(ADDRESSES.a), dst: addressOf(SINK.address), proto: 17 },
    buildUdp({ srcPort: FIRST_PORT, dstPort: FIRST_TARGET }, new Uint8Array(18), { checksum: 0 }),
  ),
);
/** Tells switches that learn where the target is. */
const announcement = buildEthernet({ dst: macOf(MACS.a), src: macOf(SINK.mac), type: EXPERIMENTAL_TYPE }, new Uint8Array(46));

/** Between the hosts of one switch. */
export class SmallFrames {
  #arena = new linux.FrameArena(2 * BATCH);
  #queue = new linux.SendQueue(BATCH);
  #received = new linux.ReceivedFrames(this.#arena, BATCH);
  #sender;
  #receiver;
  #window;
  #nTargets;
  #nextFlow = 0;

  /** With at most `window` frames under way, to `nTargets` ports. */
  constructor(rival, { window = 512, nTargets = 1 } = {}) {
    this.#window = window;
    this.#nTargets = nTargets;
    const open = (end) => linux.inNamespace(rival.namespaceOf(end), () => linux.openPacketSocket("eth0"));
    this.#sender = open("a");
    this.#receiver = open("b");
    this.#arena.bytes.set(announcement, this.#frameAt(0));
    this.#queue.push(this.#arena, this.#frameAt(0), announcement.length);
    this.#receiver.send(this.#queue);
    for (let i = 0; i < BATCH; i++) this.#arena.bytes.set(frame, this.#frameAt(i));
  }

  /** Sends until it has sent `limit.n` frames or `limit.ms` have passed, of `nFlows` flows in turns. @returns how many arrived */
  async run({ n: nWanted = Number.POSITIVE_INFINITY, ms }, nFlows) {
    let nSent = 0;
    let nReceived = 0;
    let nLost = 0;
    let heardMs = performance.now();
    const endMs = heardMs + ms;
    while (performance.now() < endMs && (nSent < nWanted || nReceived + nLost < nSent)) {
      if (nSent < nWanted && nSent - nReceived - nLost < this.#window) nSent += this.#send(nFlows);
      const n = this.#receive();
      nReceived += n;
      nLost = Math.min(nLost, nSent - nReceived); // some are late
      const nowMs = performance.now();
      if (nowMs - heardMs > PATIENCE_MS) nLost = nSent - nReceived;
      if (n > 0 || nowMs - heardMs > PATIENCE_MS) heardMs = nowMs;
      if (n === 0) await turn();
    }
    await sleep(50);
    for (let n = 1; n > 0; nReceived += n) n = this.#receive();
    return nReceived;
  }

  /** Sends the first frames of `n` flows, one by one. @returns how long each took, in ms; those that were lost are not among them */
  async firstFrames(n) {
    const times = [];
    for (let i = 0; i < n; i++) {
      const sentMs = performance.now();
      this.#send(FIRST_FLOWS, 1);
      let ms = 0;
      do ms = performance.now() - sentMs;
      while (this.#receive() === 0 && ms < PATIENCE_MS);
      if (ms < PATIENCE_MS) times.push(ms);
      await sleep(1);
    }
    return times;
  }

  close() {
    this.#sender.close();
    this.#receiver.close();
  }

  #send(nFlows, n = BATCH) {
    for (let i = 0; i < n; i++) {
      const at = this.#frameAt(i);
      this.#nextFlow = (this.#nextFlow + 1) % nFlows;
      this.#arena.view.setUint16(at + SOURCE_PORT_AT, FIRST_PORT + Math.floor(this.#nextFlow / this.#nTargets));
      this.#arena.view.setUint16(at + TARGET_PORT_AT, FIRST_TARGET + (this.#nextFlow % this.#nTargets));
      this.#queue.push(this.#arena, at, frame.length);
    }
    const nSent = this.#sender.send(this.#queue);
    this.#nextFlow = (this.#nextFlow + nFlows - ((n - nSent) % nFlows)) % nFlows;
    return nSent;
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
