/**
 * Interfaces of type `dummy`: their other end is this process, for tests and for machines without privileges.
 *
 * Frames come in by `netdev-dummy/receive` or a stream; what goes out can be written to pcap files and streams.
 */
import { MemoryLink } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import type { Work } from "../turns.ts";
import { CallingStream, type FrameStream, ListeningStream } from "./frame-stream.ts";
import { PcapWriter } from "./pcap-writer.ts";

/** What an interface's `options` say. */
export interface DummyOptions {
  /** Files that get all frames; those that come in; those that go out. */
  readonly pcap?: string;
  readonly rxq_pcap?: string;
  readonly tx_pcap?: string;
  /** Streams that join it to another: called, or listened at. */
  readonly stream?: string;
  readonly pstream?: string;
}

/** A dummy interface. */
interface Dummy {
  readonly link: MemoryLink;
  options: DummyOptions;
  streams: FrameStream[];
  rx: PcapWriter[];
  tx: PcapWriter[];
}

/** Addresses of dummies are numbered from here. */
const FIRST_MAC = 0xaa55_aa55_0000;

/** All dummy interfaces of a switch. */
export class DummyPorts {
  readonly #clock: Clock;
  readonly #makeLink: (name: string) => MemoryLink;
  readonly #dummyByName = new Map<string, Dummy>();
  #nMacs = 0;

  /** @param makeLink - gives the cable of an interface; loose ones when absent */
  constructor(clock: Clock, makeLink: (name: string) => MemoryLink = () => new MemoryLink()) {
    this.#clock = clock;
    this.#makeLink = makeLink;
  }

  /** The cable of a new interface. */
  open(name: string): MemoryLink {
    this.#close(name);
    const link = this.#makeLink(name);
    const dummy: Dummy = { link, options: {}, streams: [], rx: [], tx: [] };
    this.#dummyByName.set(name, dummy);
    return link;
  }

  /** An address for a new interface: the first that none had. */
  nextMac(): number {
    return FIRST_MAC + ++this.#nMacs;
  }

  /** Gives an interface other options. @throws Error when a file or an address cannot be used */
  configure(name: string, options: DummyOptions): void {
    const dummy = this.#dummyByName.get(name);
    if (dummy === undefined || sameOptions(dummy.options, options)) return;
    this.#unplug(dummy);
    dummy.options = options;
    const { pcap, rxq_pcap, tx_pcap, stream, pstream } = options;
    const both = pcap === undefined ? [] : [new PcapWriter(pcap)];
    dummy.rx = [...both, ...(rxq_pcap === undefined ? [] : [new PcapWriter(rxq_pcap)])];
    dummy.tx = [...both, ...(tx_pcap === undefined ? [] : [new PcapWriter(tx_pcap)])];
    const receive = (frame: Uint8Array): void => this.#receive(dummy, frame);
    if (stream !== undefined) dummy.streams.push(new CallingStream(stream, receive));
    if (pstream !== undefined) dummy.streams.push(new ListeningStream(pstream, receive));
    dummy.link.onFrame((frame) => this.#sent(dummy, frame));
  }

  /** A frame comes in. @returns whether there is such an interface */
  receive(name: string, frame: Uint8Array): boolean {
    const dummy = this.#dummyByName.get(name);
    if (dummy?.link.isPlugged !== true) return false;
    this.#receive(dummy, frame);
    return true;
  }

  has(name: string): boolean {
    return this.#dummyByName.get(name)?.link.isPlugged === true;
  }

  /** Whether the stream that an interface calls is there; `undefined` when it calls none. */
  isConnected(name: string): boolean | undefined {
    const calling = this.#dummyByName.get(name)?.streams.find((stream) => stream instanceof CallingStream);
    return calling?.isConnected;
  }

  /** Names of all interfaces, sorted. */
  get names(): string[] {
    return [...this.#dummyByName.keys()].filter((name) => this.has(name)).sort();
  }

  /** Closes the files and streams of interfaces that are gone. */
  *closingUnplugged(): Work {
    for (const [name, { link }] of this.#dummyByName) {
      if (!link.isPlugged) this.#close(name);
      yield;
    }
  }

  close(): void {
    for (const name of this.#dummyByName.keys()) this.#close(name);
  }

  #close(name: string): void {
    const dummy = this.#dummyByName.get(name);
    if (dummy !== undefined) this.#unplug(dummy);
    this.#dummyByName.delete(name);
  }

  #receive({ rx, link }: Dummy, frame: Uint8Array): void {
    for (const writer of rx) writer.write(frame, this.#clock.now());
    link.send(frame);
  }

  #sent({ tx, streams }: Dummy, frame: Uint8Array): void {
    for (const writer of tx) writer.write(frame, this.#clock.now());
    for (const stream of streams) stream.send(frame);
  }

  #unplug(dummy: Dummy): void {
    for (const writer of new Set([...dummy.rx, ...dummy.tx])) writer.close();
    for (const stream of dummy.streams) stream.close();
    dummy.rx = [];
    dummy.tx = [];
    dummy.streams = [];
  }
}

function sameOptions(a: DummyOptions, b: DummyOptions): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
