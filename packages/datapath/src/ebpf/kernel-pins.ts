/**
 * What stays in the kernel when this process dies, and what the process before left there.
 *
 * Programs, and the maps they use, live as long as a link to them has a name in the BPF file system. So devices go on to be served by the
 * program of a process that was killed, until the next one puts its own in its place; so do devices of its own making, which stay. A process
 * that ends in order takes all names away, unless it is told to leave them.
 *
 *     /sys/fs/bpf/tenet-NAME/namespace-NUMBER           which namespace's devices: others have devices of the same numbers and names
 *     /sys/fs/bpf/tenet-NAME/link-IFINDEX-DIRECTION     a program on a device
 *     /sys/fs/bpf/tenet-NAME/connections-FORMAT/…       maps of connections, which one process takes over from the other
 *     /sys/fs/bpf/tenet-NAME/COLLECTOR/…                what only the programs of one process need; COLLECTOR is a device of it
 *     /sys/fs/bpf/tenet-NAME/COLLECTOR/flows-FORMAT/…   what its flows can be read by, see restart/flow-record.ts
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type BpfMap, deviceOfPinnedLink, type Link, openPinnedLink, unpin } from "@tenet/bpf";
import { errnoOf, IoError } from "@tenet/kit";
import { bpfFileSystem, type Direction, findLink, listLinks, namespaceNumber, openTap, SystemCallError } from "@tenet/linux";
import { type Collector, deletePair, isRead, removeDeadCollectors } from "./collector.ts";
import { CONNECTION_FORMAT } from "./conntrack/connection-format.ts";
import { FLOW_FORMAT, FlowRecord } from "./restart/flow-record.ts";

const FOLDER = "tenet-";
const NAMESPACE = "namespace-";
const LINK = "link-";
/** Where the program is on a device that is the host's end of a port. */
export const INTERNAL: Direction = "egress";
const CONNECTIONS = "connections-";
const GUARD = "guard";
const FLOWS_OF = "flows-";
const FLOWS = FLOWS_OF + FLOW_FORMAT;
/** From the folder of a datapath to its first link, at most. */
const BEGIN_MS = 60_000;

/** Names of one datapath's objects. */
export class KernelPins {
  /** Where the maps of connections have names. */
  readonly connections: string;
  /** What is there of another version, which this one cannot read. */
  readonly foreign: readonly ("flows" | "connections")[];
  readonly #folder: string;
  #own: string | undefined;
  /** Left by the process before, and not used here. */
  readonly #linksLeft: Map<string, Link>;
  #processesLeft: readonly string[];

  /**
   * @param name - of the datapath, the same in each process that has it; letters, digits and dashes
   * @throws SystemCallError when there is no BPF file system
   * @throws IoError when a process has it that lives
   */
  constructor(name: string) {
    removeDead();
    this.#folder = join(bpfFileSystem(), FOLDER + name);
    mkdirSync(namespaceIn(this.#folder), { recursive: true });
    const { links, processes, connections } = namesIn(this.#folder);
    const living = processes.map(collectorOf).find(isRead);
    if (living !== undefined) {
      throw new IoError(`Cannot use "${this.#folder}": a process that lives does`, {
        hint: `It is the one that reads packets of device "${living}"; end it first`,
      });
    }
    this.#linksLeft = new Map(links.map((each) => [each.slice(LINK.length), openPinnedLink(join(this.#folder, each))]));
    this.#processesLeft = processes;
    this.connections = join(this.#folder, CONNECTIONS + CONNECTION_FORMAT);
    const records = processes.flatMap((each) =>
      readdirSync(join(this.#folder, each)).filter((entry) => entry.startsWith(FLOWS_OF)),
    );
    const hasForeignFlows = records.some((each) => each !== FLOWS);
    const hasForeignConnections = connections.some((each) => each !== CONNECTIONS + CONNECTION_FORMAT);
    this.foreign = [...(hasForeignFlows ? ["flows" as const] : []), ...(hasForeignConnections ? ["connections" as const] : [])];
    mkdirSync(this.connections, { recursive: true });
  }

  /**
   * What only the programs of this process need has names from now on.
   *
   * @param slots - an array of maps: pieces of the array of slots
   * @returns where to note what the next process needs to read this one's flows
   * @throws SystemCallError
   */
  begin(collector: Collector, slots: BpfMap, objects: Readonly<Record<string, Pick<BpfMap | Link, "pin">>>): FlowRecord {
    this.#own = join(this.#folder, folderOf(collector.name));
    mkdirSync(this.#own, { recursive: true });
    collector.guard.pin(join(this.#own, GUARD));
    // An array of programs would be empty as soon as no process has it open.
    for (const [name, object] of Object.entries(objects)) object.pin(join(this.#own, name));
    return new FlowRecord(join(this.#own, FLOWS), slots);
  }

  /** Where processes before noted what is needed to read their flows, oldest first. */
  get recordsLeft(): readonly string[] {
    return this.#processesLeft.map((each) => join(this.#folder, each, FLOWS)).filter((folder) => existsSync(folder));
  }

  /** The link that the process before left at a place; it is the caller's then. */
  take(place: string): Link | undefined {
    const link = this.#linksLeft.get(place);
    this.#linksLeft.delete(place);
    return link;
  }

  /**
   * Ends what datapaths of other names have left at a place, which would have the packets before us.
   *
   * @returns whether there was anything
   * @throws IoError when the process of one lives
   */
  claim(place: string): boolean {
    const others = othersAt(place).filter((folder) => folder !== this.#folder);
    for (const folder of others) {
      const living = namesIn(folder).processes.map(collectorOf).find(isRead);
      if (living !== undefined) {
        throw new IoError(`another switch forwards its packets, the one that reads those of device ${living}`, {
          hint: "End that switch, or take the device out of its bridges",
        });
      }
      unpin(join(folder, LINK + place));
      const { links, processes } = namesIn(folder);
      if (links.length > 0) continue;
      for (const each of processes) endProcessLeft(folder, each);
      rmSync(folder, { recursive: true });
    }
    return others.length > 0;
  }

  /** Keeps the program on a device. @throws SystemCallError */
  keep(place: string, link: Link): void {
    link.pin(join(this.#folder, `${LINK}${place}`));
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
      endDeviceLeft(place);
    }
    this.#linksLeft.clear();
    for (const each of this.#processesLeft) endProcessLeft(this.#folder, each);
    this.#processesLeft = [];
    for (const each of namesIn(this.#folder).connections) {
      const folder = join(this.#folder, each);
      if (folder !== this.connections) rmSync(folder, { recursive: true });
    }
  }

  /** Takes all names away. */
  close(): void {
    this.endLeft();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whether there is something that {@link removeKernelLeftovers} would take away. @throws SystemCallError */
export function hasKernelLeftovers(name: string): boolean {
  const folder = join(bpfFileSystem(), FOLDER + name);
  return existsSync(folder) && !namesIn(folder).processes.some((each) => isRead(collectorOf(each)));
}

/**
 * Takes away what a process that was killed left in the kernel, when no other process has taken it over.
 *
 * @param name - of its datapath
 * @returns whether there was anything
 * @throws SystemCallError when it cannot be taken away
 */
export function removeKernelLeftovers(name: string): boolean {
  if (!hasKernelLeftovers(name)) return false;
  const folder = join(bpfFileSystem(), FOLDER + name);
  const { links, processes } = namesIn(folder);
  for (const each of processes) endProcessLeft(folder, each);
  rmSync(folder, { recursive: true, force: true });
  for (const each of links) endDeviceLeft(each.slice(LINK.length));
  removeDead();
  return true;
}

/**
 * Takes away what was killed together with its namespace (none of its links has a device any more, but all of its memory is kept), and what was
 * killed before it had begun or when it had nearly ended.
 */
function removeDead(): void {
  const all = bpfFileSystem();
  const folders = readdirSync(all).filter((name) => name.startsWith(FOLDER));
  for (const name of folders) if (isDead(join(all, name))) rmSync(join(all, name), { recursive: true, force: true });
  const collectors = folders
    .map((name) => join(all, name))
    .flatMap((folder) => (existsSync(folder) ? namesIn(folder).processes : []));
  removeDeadCollectors(new Set(collectors.map(collectorOf)));
}

/** Folders of datapaths of this namespace that have a program at a place. */
function othersAt(place: string): string[] {
  const folders = readdirSync(bpfFileSystem()).flatMap((name) => (name.startsWith(FOLDER) ? [join(bpfFileSystem(), name)] : []));
  return folders.filter((folder) => existsSync(join(folder, LINK + place)) && existsSync(namespaceIn(folder)));
}

/** What says of a datapath's folder that it is about devices of this namespace. */
function namespaceIn(folder: string): string {
  return join(folder, NAMESPACE + namespaceNumber());
}

function isDead(folder: string): boolean {
  try {
    const { links, processes } = namesIn(folder);
    const all = [...links, ...processes.map((each) => join(each, GUARD))];
    if (all.length === 0) return statSync(folder).mtimeMs < Date.now() - BEGIN_MS;
    return all.every((link) => deviceOfPinnedLink(join(folder, link)) === 0);
  } catch (error) {
    const errno = error instanceof SystemCallError ? error.errno : errnoOf(error);
    if (errno === "ENOENT") return false; // its process is about to begin, or to end
    throw error;
  }
}

/** The names in a datapath's folder, by what they are of. */
function namesIn(folder: string): Record<"links" | "connections" | "processes", readonly string[]> {
  const names = readdirSync(folder);
  const links = names.filter((each) => each.startsWith(LINK));
  const connections = names.filter((each) => each.startsWith(CONNECTIONS));
  const isOther = (name: string): boolean => [LINK, CONNECTIONS, NAMESPACE].some((begin) => name.startsWith(begin));
  return { links, connections, processes: names.filter((each) => !isOther(each)) };
}

function endProcessLeft(folder: string, name: string): void {
  rmSync(join(folder, name), { recursive: true, force: true });
  const device = collectorOf(name);
  if (findLink(device) !== undefined) deletePair(device);
}

/** Takes away a device that a process has made and left, which is one whose program has what leaves the host; not if it is in use again. */
function endDeviceLeft(place: string): void {
  const [ifindex, direction] = place.split("-");
  const device = direction === INTERNAL && listLinks().find(({ index }) => index === Number(ifindex));
  if (!device) return;
  try {
    openTap(device.name).close();
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error; // it is in use, or another one by now
  }
}

/** Dots are not for names in the BPF file system. */
function folderOf(collector: string): string {
  return collector.replace(".", "-");
}

function collectorOf(folder: string): string {
  return folder.replace("-", ".");
}
