import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as bpf from "@tenet/bpf";
import * as linux from "@tenet/linux";

const { obstacle } = bpf.probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

test.skipIf(obstacle !== undefined)("the README's example runs and prints what its comment says", async () => {
  linux.createVethPair({ name: "bpf-demo", peer: "bpf-demo-peer" });
  try {
    for (const name of ["bpf-demo", "bpf-demo-peer"]) {
      // Or the kernel has frames of its own to send.
      writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, "1");
      linux.setLinkUp(name);
    }
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    const body = example.replaceAll(/import \{([^}]*)\} from "@tenet\/(\w+)";/g, "const {$1} = $2;");
    const printed: unknown[] = [];
    const run = new Function("bpf", "linux", "traffic", "console", `return (async () => {${body}})();`);
    await run(bpf, linux, fiveFrames, { log: (value: unknown) => printed.push(value) });
    expect(printed).toEqual([5]);
  } finally {
    linux.deleteLink("bpf-demo");
  }
});

function fiveFrames(): void {
  const arena = new linux.FrameArena(1);
  const socket = linux.openPacketSocket("bpf-demo-peer");
  const queue = new linux.SendQueue(5);
  for (let i = 0; i < 5; i++) queue.push(arena, arena.slotAt(0) + linux.FRAME_OFFSET, 60);
  socket.send(queue);
  socket.close();
}
