/**
 * Programs on the packets of a device: by a tcx link, or by a filter of clsact where the kernel has no such links (before 6.6).
 *
 * A link ends when nobody has it open or pinned, and with its device. A filter stays until it is detached.
 */
import { closeFd, type Direction, removeFilter, setFilter } from "@tenet/linux";
import { Attributes, COMMAND, callError, fixedMemory } from "./attributes.ts";
import { openPin, pin } from "./pin.ts";
import type { BpfProgram } from "./program.ts";

/** What a program returns to say what becomes of the packet. */
export const VERDICT = { next: -1, pass: 0, drop: 2, redirect: 7 } as const;

/** Where to attach. */
export interface AttachPoint {
  /** Of the namespace that the calling thread is in. */
  readonly ifindex: number;
  readonly direction: Direction;
  /** Default: tcx where it is known, else clsact. */
  readonly by?: "tcx" | "clsact";
}

/** A program at its place. */
export interface Link {
  readonly kind: "tcx" | "clsact";
  /** Puts another program in its place; every packet sees one of the two. @throws SystemCallError */
  replace(program: BpfProgram): void;
  /** Keeps it when this process ends. @throws SystemCallError */
  pin(path: string): void;
  /** Takes the program away; a link that is pinned stays until its name goes, too. */
  detach(): void;
}

const ATTACH_TYPE: Readonly<Record<Direction, number>> = { ingress: 46, egress: 47 };
const EINVAL = 22;

/** Attaches a program of kind `sched_cls`. @throws SystemCallError */
export function attach(program: BpfProgram, point: AttachPoint): Link {
  const { ifindex, direction, by } = point;
  if (by !== "clsact") {
    const result = new Attributes().u32(0, program.fd).u32(4, ifindex).u32(8, ATTACH_TYPE[direction]).try(COMMAND.linkCreate);
    if (result >= 0) return new TcxLink(result);
    if (by === "tcx" || result !== -EINVAL) {
      throw callError(`attach "${program.name}" to ${direction} of device ${ifindex}`, COMMAND.linkCreate, -result);
    }
  }
  setFilter(ifindex, direction, program.fd, program.name);
  return new ClsactFilter(ifindex, direction);
}

/** Opens a tcx link that is pinned. @throws SystemCallError when nothing is there */
export function openPinnedLink(path: string): Link {
  return new TcxLink(openPin(path));
}

/**
 * The device of a tcx link that is pinned, by its number in its own namespace; 0 when the device is gone.
 *
 * @throws SystemCallError when nothing is there
 * @see struct bpf_link_info in linux/bpf.h
 */
export function deviceOfPinnedLink(path: string): number {
  const [infoBytes, deviceAt] = [64, 16];
  const fd = openPin(path);
  try {
    const info = fixedMemory(infoBytes);
    new Attributes().u32(0, fd).u32(4, infoBytes).memory(8, info).call(COMMAND.infoByFd, `read what link "${path}" is`);
    return new DataView(info.buffer, info.byteOffset).getUint32(deviceAt, true);
  } finally {
    closeFd(fd);
  }
}

/** Whether programs are on a device by tcx, whoever attached them. */
export function hasPrograms(ifindex: number, direction: Direction): boolean {
  const countAt = 24;
  const query = new Attributes().u32(0, ifindex).u32(4, ATTACH_TYPE[direction]);
  return query.try(COMMAND.programQuery) >= 0 && query.read(countAt) > 0;
}

/** Whether the kernel has tcx links, found out without a device: only one that knows them looks for it. */
export function hasTcx(program: BpfProgram): boolean {
  const ENODEV = 19;
  return new Attributes().u32(0, program.fd).u32(8, ATTACH_TYPE.ingress).try(COMMAND.linkCreate) === -ENODEV;
}

class TcxLink implements Link {
  readonly kind = "tcx";
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  replace(program: BpfProgram): void {
    new Attributes().u32(0, this.#fd).u32(4, program.fd).call(COMMAND.linkUpdate, `replace a program by "${program.name}"`);
  }

  pin(path: string): void {
    pin(this.#fd, path);
  }

  detach(): void {
    closeFd(this.#fd);
  }
}

class ClsactFilter implements Link {
  readonly kind = "clsact";
  readonly #ifindex: number;
  readonly #direction: Direction;

  constructor(ifindex: number, direction: Direction) {
    this.#ifindex = ifindex;
    this.#direction = direction;
  }

  replace(program: BpfProgram): void {
    setFilter(this.#ifindex, this.#direction, program.fd, program.name);
  }

  /** The filter is kept by the device already. */
  pin(): void {}

  detach(): void {
    removeFilter(this.#ifindex, this.#direction);
  }
}
