/**
 * The device that packets come up by: the kernel's program redirects them there, a packet socket reads them, and a program of
 * its own drops them behind that, so that the host's stack never sees them.
 */
import { existsSync } from "node:fs";
import { asm, attach, BpfProgram, type Link, VERDICT } from "@tenet/bpf";
import {
  createVethPair,
  deleteLink,
  findLink,
  type FrameDevice,
  linkIndex,
  listenedDevices,
  listLinks,
  openPacketSocket,
  setLinkUp,
  SystemCallError,
} from "@tenet/linux";

/** As large as a packet can be that is yet to be cut into segments. */
const MTU = 65_535;
const PREFIX = "tup";
/** With the number of the process. */
const NAME = /^tup(\d+)\.\d+$/;

/** An open collector. */
export interface Collector {
  readonly name: string;
  readonly ifindex: number;
  /** Of the other device of the pair, which gets what is sent by this one. */
  readonly peer: number;
  readonly device: FrameDevice;
  /** The program that drops what was read. */
  readonly guard: Link;
}

/** Makes a collector; it has a name of its own. @throws SystemCallError */
export function openCollector(): Collector {
  const name = createPair();
  const ifindex = linkIndex(name);
  const drop = BpfProgram.load({ name: "tenet_collected", kind: "sched_cls", code: [asm.mov("r0", VERDICT.drop), asm.exit()] });
  const guard = attach(drop, { ifindex, direction: "ingress" });
  drop.close();
  for (const end of [name, peerOf(name)]) setLinkUp(end);
  return { name, ifindex, peer: linkIndex(peerOf(name)), device: openPacketSocket(name), guard };
}

/** Takes its devices away; what read from it is closed by who did. */
export function closeCollector({ name, guard }: Collector): void {
  guard.detach();
  deleteLink(name);
}

/** Whether a process reads what a collector gets; it does as long as it lives. */
export function isRead(name: string): boolean {
  const link = findLink(name);
  if (link === undefined) return false;
  return listenedDevices().has(link.index);
}

/**
 * Takes away what processes left that were killed before anything else of them had a name.
 *
 * @param kept - names of those that programs in the kernel go on with
 */
export function removeDeadCollectors(kept: ReadonlySet<string>): void {
  for (const { name } of listLinks()) {
    const pid = NAME.exec(name)?.[1];
    // The process of one that nobody reads may be about to; one that is gone is not.
    if (pid === undefined || kept.has(name) || existsSync(`/proc/${pid}`) || isRead(name)) continue;
    deletePair(name);
  }
}

/** Takes a pair of devices away that nobody may have any more; another process may be faster. */
export function deletePair(name: string): void {
  try {
    deleteLink(name);
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno !== "ENODEV") throw error;
  }
}

/** Makes a pair of devices. */
function createPair(): string {
  for (let i = 0; ; i++) {
    const name = `${PREFIX}${process.pid}.${i}`;
    try {
      createVethPair({ name, peer: peerOf(name), mtu: MTU });
      return name;
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.errno !== "EEXIST") throw error;
    }
  }
}

function peerOf(name: string): string {
  return `${name}p`;
}
