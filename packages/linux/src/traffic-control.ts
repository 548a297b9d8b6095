/**
 * BPF programs as direct-action filters of the clsact queueing discipline: how a program is attached to a device where
 * the kernel has no tcx links (before 6.6).
 *
 * What is attached stays when the process ends. A filter is replaced in place: no packet sees the device without it.
 *
 *  tcmsg: | family u8, padding 3 | ifindex i32 | handle u32 | parent u32 | info u32: priority << 16 | protocol (big-endian) |
 *
 * @see tc-bpf(8)
 */
import { ERRNO } from "./constants.ts";
import { libc } from "./libc.ts";
import { RouteMessage } from "./route-message.ts";
import { NLM_F, RTM, requestRoute } from "./route-socket.ts";
import { SystemCallError } from "./system-call-error.ts";

/** Which packets of a device: those that it received, or those that it is to send. */
export type Direction = "ingress" | "egress";

const CLSACT = 0xffff_fff1;
const PARENT: Record<Direction, number> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };
const CLSACT_HANDLE = 0xffff_0000;
const ETH_P_ALL_SWAPPED = 0x0300;
const PRIORITY = 1;
const HANDLE = 1;
const TCA = { kind: 1, options: 2 } as const;
const BPF = { fd: 6, name: 7, flags: 8 } as const;
const DIRECT_ACTION = 1;

/**
 * Runs a program on the packets of a device; replaces the one that ran there for us.
 *
 * @param fd - of a program of type `sched_cls`
 * @param name - shown by `tc filter show`
 * @throws SystemCallError
 */
export function setFilter(ifindex: number, direction: Direction, fd: number, name: string): void {
  const action = `attach "${name}" to ${direction} of device ${ifindex}`;
  addClsact(ifindex, action);
  const message = new RouteMessage(
    RTM.newFilter,
    NLM_F.request | NLM_F.ack | NLM_F.create | NLM_F.replace,
    filterOf(ifindex, direction),
  );
  message.text(TCA.kind, "bpf").nested(TCA.options, () => {
    message.u32(BPF.fd, fd).text(BPF.name, name).u32(BPF.flags, DIRECT_ACTION);
  });
  requestRoute(message, action);
}

/** Removes what `setFilter` attached; nothing happens when it, or the device, is gone. @throws SystemCallError */
export function removeFilter(ifindex: number, direction: Direction): void {
  const message = new RouteMessage(RTM.delFilter, NLM_F.request | NLM_F.ack, filterOf(ifindex, direction));
  try {
    requestRoute(message.text(TCA.kind, "bpf"), `remove the filter of ${direction} of device ${ifindex}`);
  } catch (error) {
    const isGone = error instanceof SystemCallError && ["ENOENT", "ENODEV", "EINVAL"].includes(error.errno);
    if (!isGone) throw error;
  }
}

/** Whether a device has filters for packets of a direction, whoever attached them. @throws SystemCallError */
export function hasFilters(ifindex: number, direction: Direction): boolean {
  const body = trafficMessage(ifindex, 0, PARENT[direction], 0);
  const message = new RouteMessage(RTM.getFilter, NLM_F.request | NLM_F.dump, body);
  return requestRoute(message, `list the filters of ${direction} of device ${ifindex}`).length > 0;
}

function addClsact(ifindex: number, action: string): void {
  const flags = NLM_F.request | NLM_F.ack | NLM_F.create | NLM_F.excl;
  const message = new RouteMessage(RTM.newQdisc, flags, trafficMessage(ifindex, CLSACT_HANDLE, CLSACT, 0)).text(
    TCA.kind,
    "clsact",
  );
  try {
    requestRoute(message, action);
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno !== libc().nameOf(ERRNO.EEXIST)) throw error;
  }
}

function filterOf(ifindex: number, direction: Direction): Uint8Array {
  return trafficMessage(ifindex, HANDLE, PARENT[direction], ((PRIORITY << 16) | ETH_P_ALL_SWAPPED) >>> 0);
}

function trafficMessage(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(20));
  view.setInt32(4, ifindex, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return new Uint8Array(view.buffer);
}
