/**
 * Lets the program hand packets to the other end of a port's cable, past the port's device and the queue between, where nobody can tell.
 *
 * What: for each port a word that the program reads: the address of the device at the other end, and how long packets may be that it takes.
 * Packets that fit go there by `redirect_peer`; all others, and all when the word is zero, by the port's device (see actions/output.ts).
 * How: whatever happens to one of a cable's ends makes the word zero at once. A few times a second those ends are looked at anew, and
 * who listens on this host: `tcpdump` on a port, or on all, is to see both directions. Some things the kernel does not
 * tell (programs on a device), so cables are looked at in turns, too.
 * Limits: between a cable's other end coming to this namespace and the news of it here, what is handed over is lost.
 */
import { hasPrograms } from "@tenet/bpf";
import { DeviceWatch, findCable, listenedDevices, Poller } from "@tenet/linux";
import { ETHERNET_BYTES } from "./actions/frame-layout.ts";

/** Between two looks. */
const LOOK_MS = 250;
/** Cables that something happened to, in one look; the others wait for the next. */
const MAX_TOUCHED = 32;
/** Of the others. */
const N_IN_TURN = 2;
const TAG_BYTES = 4;
const MAX_LENGTH = 0xffff;
const ALL_DEVICES = 0;

/** Zero: none. */
const NO_BYPASS = 0n;

/** Sets the word of a port. */
export type SetBypass = (portNo: number, word: bigint) => void;

/** A port on a device. */
interface BypassedPort {
  readonly portNo: number;
  readonly ifindex: number;
  /** Number of the device at the other end, in its namespace; 0 = not known. */
  peer: number;
  /** The word, as long as nobody listens. */
  unheard: bigint;
  /** The word as it is. */
  word: bigint;
}

/** Keeps the words of ports. */
export class DeviceBypass {
  readonly #set: SetBypass;
  readonly #watch = new DeviceWatch();
  readonly #poller = new Poller();
  readonly #ports = new Map<number, BypassedPort>();
  /** Those whose cables are to be looked at. */
  readonly #touched = new Set<BypassedPort>();
  /** Ports in turn. */
  #turn: IterableIterator<BypassedPort>;
  #timer: NodeJS.Timeout | undefined;
  #isWanted = true;

  /** @throws SystemCallError without the right to hear of other namespaces */
  constructor(set: SetBypass) {
    this.#set = set;
    this.#turn = this.#ports.values();
    this.#poller.add(this.#watch.fd, 0);
    this.#poller.start(() => this.#hear());
    this.#poller.unref();
    this.#start();
  }

  /** Whether it is done at all. */
  set isWanted(isWanted: boolean) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    for (const port of this.#ports.values()) this.#touch(port);
    if (isWanted) this.#start();
    else clearInterval(this.#timer);
  }

  /** A port's device has packets from the program. */
  add(portNo: number, ifindex: number): void {
    const port = { portNo, ifindex, peer: 0, unheard: NO_BYPASS, word: NO_BYPASS };
    this.#set(portNo, NO_BYPASS);
    this.#ports.set(portNo, port);
    this.#touched.add(port);
  }

  /** It has none any more. */
  remove(portNo: number): void {
    const port = this.#ports.get(portNo);
    if (port === undefined) return;
    this.#enter(port, NO_BYPASS);
    this.#ports.delete(portNo);
    this.#touched.delete(port);
  }

  /** Stops; all go by the device from now on, since nobody looks any more. */
  close(): void {
    for (const port of this.#ports.values()) this.#enter(port, NO_BYPASS);
    clearInterval(this.#timer);
    this.#poller.close();
    this.#watch.close();
  }

  #start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Something happened to devices. */
  #hear(): void {
    const touched = new Set<number>();
    const isComplete = this.#watch.drain((index) => touched.add(index));
    for (const port of this.#ports.values()) {
      if (!isComplete || touched.has(port.ifindex) || touched.has(port.peer)) this.#touch(port);
    }
  }

  #touch(port: BypassedPort): void {
    port.unheard = NO_BYPASS;
    this.#enter(port, NO_BYPASS);
    this.#touched.add(port);
  }

  #look(): void {
    this.#hear();
    let n = 0;
    for (const port of this.#touched) {
      if (n++ === MAX_TOUCHED) break;
      this.#touched.delete(port);
      this.#examine(port);
    }
    for (let i = 0; i < N_IN_TURN; i++) {
      const port = this.#nextInTurn();
      if (port !== undefined) this.#examine(port);
    }
    this.#listen();
  }

  /** Words follow who listens. */
  #listen(): void {
    const ports = [...this.#ports.values()].filter(({ unheard }) => unheard !== NO_BYPASS);
    if (ports.length === 0) return;
    const listened = whoListens();
    for (const port of ports) {
      this.#enter(port, listened.has(ALL_DEVICES) || listened.has(port.ifindex) ? NO_BYPASS : port.unheard);
    }
  }

  #examine(port: BypassedPort): void {
    const cable = findCable(port.ifindex);
    port.peer = cable?.far.index ?? 0;
    const canPass = cable !== undefined && cable.isPlain && cable.near.isUp && cable.far.isUp;
    port.unheard = canPass && !hasPrograms(port.ifindex, "egress") ? bypassWord(cable.far) : NO_BYPASS;
    if (port.unheard === NO_BYPASS) this.#enter(port, NO_BYPASS);
  }

  #nextInTurn(): BypassedPort | undefined {
    let next = this.#turn.next();
    if (next.done === true) {
      this.#turn = this.#ports.values();
      next = this.#turn.next();
    }
    return next.value;
  }

  #enter(port: BypassedPort, word: bigint): void {
    if (port.word === word) return;
    port.word = word;
    this.#set(port.portNo, word);
  }
}

/** As {@link listenedDevices}; when it cannot be known, all devices may be listened to. */
function whoListens(): ReadonlySet<number> {
  try {
    return listenedDevices();
  } catch {
    return new Set([ALL_DEVICES]);
  }
}

/**
 * What the program compares packets with: | Ethernet address, as in a packet 6 | most bytes of a packet 2 |, the latter as the kernel has it
 * for a device that a packet comes to.
 */
function bypassWord({ mac, mtu }: { readonly mac: number; readonly mtu: number }): bigint {
  let word = BigInt(Math.min(mtu + ETHERNET_BYTES + TAG_BYTES, MAX_LENGTH));
  for (let rest = mac, i = 0; i < 6; i++, rest = Math.floor(rest / 256)) word = (word << 8n) | BigInt(rest % 256);
  return word;
}
