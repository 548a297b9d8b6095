/**
 * One rtnetlink request and its answer, synchronously: the kernel has answered when the send returns.
 *
 * A socket is opened per request, in the calling thread's namespace at that moment.
 */
import { AF, SOCK } from "./constants.ts";
import { libc } from "./libc.ts";
import { type ReceivedMessage, type RouteMessage, readMessages } from "./route-message.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

/** Message types. */
export const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddr: 20,
  delAddr: 21,
  getAddr: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newQdisc: 36,
  delQdisc: 37,
  newFilter: 44,
  delFilter: 45,
  getFilter: 46,
} as const;

/** nlmsghdr flags. */
export const NLM_F = { request: 1, ack: 4, dump: 0x300, excl: 0x200, create: 0x400, replace: 0x100 } as const;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NETLINK_ROUTE = 0;
const SEQUENCE = 1;

/**
 * Sends a request and collects the messages of the answer.
 *
 * @param action - for the error message
 * @throws SystemCallError with the errno of the kernel's answer
 */
export function requestRoute(message: RouteMessage, action: string): ReceivedMessage[] {
  const call = libc();
  const fd = checked(call.socket(AF.netlink, SOCK.raw | SOCK.cloexec, NETLINK_ROUTE), action, "socket AF_NETLINK");
  try {
    const bytes = message.finish(SEQUENCE);
    checked(call.sendto(fd, bytes, bytes.length, 0, null, 0), action, "send rtnetlink");
    return collect(fd, action);
  } finally {
    call.close(fd);
  }
}

function collect(fd: number, action: string): ReceivedMessage[] {
  const answers: ReceivedMessage[] = [];
  for (;;) {
    const buffer = new Uint8Array(65536);
    const length = checked(libc().recv(fd, buffer, buffer.length, 0), action, "recv rtnetlink");
    for (const message of readMessages(buffer.subarray(0, length))) {
      if (message.type === NLMSG_DONE) return answers;
      if (message.type !== NLMSG_ERROR) {
        answers.push(message);
        continue;
      }
      const errno = -new DataView(message.body.buffer, message.body.byteOffset).getInt32(0, true);
      if (errno === 0) return answers;
      throw new SystemCallError(action, "rtnetlink", libc().nameOf(errno));
    }
  }
}
