/** The connection tracker that user space shares with the kernel's program: what that does, and what it leaves, is one. */
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { testTracker } from "./tracker-suite.ts";
import { openSharedKernel, type SharedKernel, SharedTracker } from "./trackers.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("a tracker in the kernel and in user space", () => {
  let kernel: SharedKernel;
  let open: SharedTracker | undefined;
  let nInKernel = 0;

  beforeAll(() => {
    kernel = openSharedKernel();
  });

  afterEach(() => close());

  afterAll(() => {
    kernel.program.close();
    kernel.maps.close();
    expect(nInKernel).toBeGreaterThan(1000);
  });

  function close(): void {
    nInKernel += open?.nInKernel ?? 0;
    open?.close();
    open = undefined;
  }

  testTracker(() => {
    close();
    open = new SharedTracker(kernel);
    return open;
  });
});
