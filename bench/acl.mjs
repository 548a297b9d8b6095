/**
 * From the start of `ovn-nbctl acl-add` to the first packet that it affects, and back by `acl-del`.
 *
 * A prober sends a small frame about every millisecond from one host to another through a logical switch, and notes
 * when one arrives. An added drop has taken effect when the last frame before a long silence has arrived; a removed one
 * when the first frame arrives again. The tool's own start-up is part of both figures, and is measured by itself.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { buildEthernet, buildIp4, buildUdp } from "@tenet/net";
import { median } from "./support/measure.mjs";
import { deleteLeftStacks, startOriginals, startTenet, whyNoStacks } from "./support/stacks.mjs";

const ROUNDS = 15;
const SILENCE_MS = 250;
const LIMIT_MS = 10_000;
const MACS = { a: "0a:00:00:00:00:01", b: "0a:00:00:00:00:02" };
const ACL = ["s", "to-lport", "1000", 'outport == "pb" && ip4 && udp.dst == 53'];

const frame = buildEthernet(
  { dst: 0x0a0000000002, src: 0x0a0000000001, type: 0x0800 },
  buildIp4({ src: 0x0a000001, dst: 0x0a000002, proto: 17 }, buildUdp({ srcPort: 1, dstPort: 53 }, new Uint8Array(18))),
);

/** Runs the benchmark. */
export async function acl() {
  const reason = whyNoStacks();
  if (reason !== undefined) return { skipped: reason };
  deleteLeftStacks();
  const stacks = [];
  const runs = [];
  try {
    for (const start of [startTenet, startOriginals]) stacks.push(await start());
    for (const stack of stacks) runs.push({ stack, prober: new Prober(stack), drop: [], pass: [], tool: [] });
    for (const { stack, prober } of runs) {
      stack.plug(MACS);
      await prober.untilHeard(performance.now());
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const run of runs) {
        run.tool.push(await timed(run.stack, ["get", "NB_Global", ".", "ipsec"]));
        run.drop.push(await dropTime(run));
        run.pass.push(await passTime(run));
      }
    }
    const [ours, theirs] = runs;
    const row = (figure, key) => ({
      figure,
      unit: "ms",
      tenet: median(ours[key]),
      peer: median(theirs[key]),
      better: "lower",
    });
    return {
      peer: "OVN, datapath_type=netdev",
      rows: [
        row("acl-add (drop) to the first packet dropped", "drop"),
        row("acl-del to the first packet passed", "pass"),
        row("… of which the tool alone, on a read", "tool"),
      ],
    };
  } finally {
    for (const { prober } of runs) prober.close();
    for (const stack of stacks) await stack.stop();
    deleteLeftStacks();
  }
}

async function timed(stack, args) {
  const start = performance.now();
  await nbctl(stack, args);
  return performance.now() - start;
}

async function dropTime({ stack, prober }) {
  const start = performance.now();
  const running = nbctl(stack, ["acl-add", ...ACL, "drop"]);
  const last = await prober.untilSilent();
  await running;
  return last - start;
}

async function passTime({ stack, prober }) {
  const start = performance.now();
  const running = nbctl(stack, ["acl-del", ...ACL.slice(0, 4)]);
  const first = await prober.untilHeard(start);
  await running;
  return first - start;
}

async function nbctl(stack, args) {
  const child = spawn("ovn-nbctl", [`--db=unix:${stack.run}/nb.sock`, "--timeout=20", ...args], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`ovn-nbctl ${args.join(" ")} ended with ${code}`);
}

/** Sends from host a and listens on host b while one of its waits is under way. */
class Prober {
  #sender;
  #receiver;
  #queue;
  #received;
  #arena = new linux.FrameArena(64);
  #at;

  constructor(stack) {
    this.#queue = new linux.SendQueue(32);
    this.#received = new linux.ReceivedFrames(this.#arena, 32);
    [this.#sender, this.#receiver] = ["a", "b"].map((end) =>
      linux.inNamespace(stack.namespaceOf(end), () => linux.openPacketSocket("eth0")),
    );
    this.#at = this.#arena.slotAt(40) + linux.FRAME_OFFSET;
    this.#arena.bytes.set(frame, this.#at);
  }

  close() {
    this.#sender.close();
    this.#receiver.close();
  }

  /** When the last frame before a silence arrived. */
  async untilSilent() {
    const start = performance.now();
    let heard = start;
    while (performance.now() - heard < SILENCE_MS) {
      if (await this.#step()) heard = performance.now();
      if (heard - start > LIMIT_MS) throw new Error(`frames still arrive after ${LIMIT_MS} ms`);
    }
    return heard;
  }

  /** When the first frame arrived; frames sent before `start` are none of it, as all have arrived by then. */
  async untilHeard(start) {
    while (!(await this.#step())) {
      if (performance.now() - start > LIMIT_MS) throw new Error(`no frame arrived within ${LIMIT_MS} ms`);
    }
    return performance.now();
  }

  async #step() {
    this.#queue.push(this.#arena, this.#at, frame.length);
    this.#sender.send(this.#queue);
    await sleep(1);
    const n = this.#receiver.receive(this.#received, 32);
    this.#receiver.release();
    return n > 0;
  }
}
