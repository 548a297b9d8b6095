/** What of BPF there is in the kernel, whoever has it. */
import { readdirSync } from "node:fs";
import { callBpf, listLinks } from "@tenet/linux";

/** Commands of bpf(2) that tell the number behind another one. */
const NEXT = { programs: 11, maps: 12, links: 31 } as const;
const ATTRIBUTE_BYTES = 16;

/** Numbers of all programs, maps and links, and names of devices that packets come up by. */
export interface KernelObjects {
  readonly programs: readonly number[];
  readonly maps: readonly number[];
  readonly links: readonly number[];
  readonly collectors: readonly string[];
  readonly pins: readonly string[];
}

/** Lists them. */
export function kernelObjects(): KernelObjects {
  return {
    programs: idsBehind(NEXT.programs),
    maps: idsBehind(NEXT.maps),
    links: idsBehind(NEXT.links),
    collectors: listLinks().flatMap(({ name }) => (name.startsWith("tup") ? [name] : [])),
    pins: readdirSync("/sys/fs/bpf"),
  };
}

function idsBehind(command: number): number[] {
  const ids: number[] = [];
  const attributes = new Uint8Array(new ArrayBuffer(ATTRIBUTE_BYTES));
  const view = new DataView(attributes.buffer);
  for (let id = 0; ; ids.push(id)) {
    view.setUint32(0, id, true);
    if (callBpf(command, attributes) < 0) return ids;
    id = view.getUint32(4, true);
  }
}
