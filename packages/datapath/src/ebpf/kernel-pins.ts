/**
 * What stays in the kernel when this process dies, and what the process before left there.
 *
 * Programs, and the maps they use, live as long as a link to them has a name in the BPF file system. So devices go on to be served by the
 * program of a process that was killed, until the next one puts its own in its place. A process that ends in order takes all names away.
 *
 *     /sys/fs/bpf/tenet-NAME/link-IFINDEX-DIRECTION     a program on a device
 *     /sys/fs/bpf/tenet-NAME/COLLECTOR/…                what only the programs of one process need; COLLECTOR is a device of it
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BpfMap, deviceOfPinnedLink, type Link, openPinnedLink, unpin } from "@tenet/bpf";
import { errnoOf } from "@tenet/kit";
import { bpfFileSystem, deleteLink, findLink, SystemCallError } from "@tenet/linux";
import { type Collector, ownerOf } from "./collector.ts";

const FOLDER = "tenet-";
const LINK = "link-";
const GUARD = "guard";

/** Names of one datapath's objects. */
export class KernelPins {
  readonly #folder: string;
  readonly #own: string;
  /** Left by the process before, and not used here. */
  readonly #linksLeft: Map<string, Link>;
  readonly #processesLeft: readonly string[];

  /**
   * @param name - of the datapath, the same in each process that has it; letters, digits and dashes
   * @throws SystemCallError when there is no BPF file system
   */
  constructor(name: string, collector: Collector) {
    removeDead();
    this.#folder = join(bpfFileSystem(), FOLDER + name);
    mkdirSync(this.#folder, { recursive: true });
    const names = readdirSync(this.#folder);
    const links = names.filter((each) => each.startsWith(LINK));
    this.#linksLeft = new Map(links.map((each) => [each.slice(LINK.length), openPinnedLink(join(this.#folder, each))]));
    this.#processesLeft = names.filter((each) => !each.startsWith(LINK));
    this.#own = join(this.#folder, folderOf(collector.name));
    mkdirSync(this.#own, { recursive: true });
    collector.guard.pin(join(this.#own, GUARD));
  }

  /** The link that the process before left at a place; it is the caller's then. */
  take(place: string): Link | undefined {
    const link = this.#linksLeft.get(place);
    this.#linksLeft.delete(place);
    return link;
  }

  /** Keeps the program on a device. @throws SystemCallError */
  keep(place: string, link: Link): void {
    link.pin(join(this.#folder, `${LINK}${place}`));
  }

  /** Keeps the programs of an array, which would be empty otherwise as soon as no process has it open. @throws SystemCallError */
  keepPrograms(name: string, programs: BpfMap): void {
    programs.pin(join(this.#own, name));
  }

  /** Lets a place go. */
  drop(place: string): void {
    unpin(join(this.#folder, `${LINK}${place}`));
  }

  /** Ends what the process before left and nobody took. */
  endLeft(): void {
    for (const [place, link] of this.#linksLeft) {
      link.detach();
      this.drop(place);
    }
    this.#linksLeft.clear();
    for (const each of this.#processesLeft) endProcessLeft(this.#folder, each);
  }

  /** Takes all names away. */
  close(): void {
    this.endLeft();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Takes away what a process that was killed left in the kernel, when no other process has taken it over.
 *
 * @param name - of its datapath
 * @returns whether there was anything
 * @throws SystemCallError when it cannot be taken away
 */
export function removeKernelLeftovers(name: string): boolean {
  const folder = join(bpfFileSystem(), FOLDER + name);
  if (!existsSync(folder)) return false;
  const processes = readdirSync(folder).filter((each) => !each.startsWith(LINK));
  if (processes.some((each) => existsSync(`/proc/${ownerOf(collectorOf(each))}`))) return false;
  for (const each of processes) endProcessLeft(folder, each);
  rmSync(folder, { recursive: true, force: true });
  return true;
}

/** Takes away what was killed together with its namespace: none of its links has a device any more, but all of its memory is kept. */
function removeDead(): void {
  const all = bpfFileSystem();
  for (const name of readdirSync(all)) {
    if (name.startsWith(FOLDER) && isDead(join(all, name))) rmSync(join(all, name), { recursive: true, force: true });
  }
}

function isDead(folder: string): boolean {
  try {
    const links = readdirSync(folder).map((each) => join(folder, each.startsWith(LINK) ? each : join(each, GUARD)));
    return links.length > 0 && links.every((link) => deviceOfPinnedLink(link) === 0);
  } catch (error) {
    const errno = error instanceof SystemCallError ? error.errno : errnoOf(error);
    if (errno === "ENOENT") return false; // its process is about to begin, or to end
    throw error;
  }
}

function endProcessLeft(folder: string, name: string): void {
  rmSync(join(folder, name), { recursive: true, force: true });
  const device = collectorOf(name);
  if (findLink(device) !== undefined) deleteLink(device);
}

/** Dots are not for names in the BPF file system. */
function folderOf(collector: string): string {
  return collector.replace(".", "-");
}

function collectorOf(folder: string): string {
  return folder.replace("-", ".");
}
