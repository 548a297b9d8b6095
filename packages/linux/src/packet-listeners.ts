/** Who listens to the packets of devices, as `tcpdump` does: the kernel's table of packet sockets in this thread's namespace. */
import { readFileSync } from "node:fs";

const TABLE = "/proc/thread-self/net/packet";
const COLUMN = { protocol: 3, ifindex: 4 } as const;
/** Of sockets that see what a device sends, too. */
const EVERY_PROTOCOL = "0003";

/** The numbers of devices that sockets see all packets of; 0 stands for all devices. */
export function listenedDevices(): ReadonlySet<number> {
  const [, ...sockets] = readFileSync(TABLE, "utf8").trim().split("\n");
  const columns = sockets.map((socket) => socket.trim().split(/\s+/));
  const listening = columns.filter((each) => each[COLUMN.protocol] === EVERY_PROTOCOL);
  return new Set(listening.map((each) => Number(each[COLUMN.ifindex])));
}
