/**
 * Log lines to syslog, as `--syslog-method` and `--syslog-target` ask for it.
 *
 * A line that cannot be sent, because nobody listens or too much waits there, is lost: logging never holds up what it
 * reports on.
 */
import { createSocket } from "node:dgram";
import { AppError } from "@tenet/kit";
import { UnixDatagramSender } from "@tenet/linux";
import { UsageError } from "../option-table.ts";

/** Takes a line, with its prefix. */
export type SyslogSender = (line: string) => void;

/** Where lines go, and in which form. */
export interface Syslog {
  /** The pattern of what stands before a line, as `vlog/list-pattern` tells it. */
  readonly shownPrefix: string;
  /** The same as it is sent. */
  readonly prefix: string;
  readonly send: SyslogSender;
  /** Takes each line in the form of RFC 5424 besides. */
  readonly sendToTarget?: SyslogSender;
}

const LIBC_SOCKET = "/dev/log";
/** What the original tells of its C library, which really writes what follows. */
const LIBC_SHOWN = "<%B> %D{%h %e %T} %E %A:";
const LIBC_SENT = "<%B>%d{%h %e %T} %A: ";

/**
 * @param method - `libc` (the default), `null`, `unix:FILE` or `udp:IP:PORT`
 * @param target - `IP:PORT` to send to besides
 * @throws UsageError
 */
export function openSyslog(method: string | undefined, target: string | undefined): Syslog {
  const way = openMethod(method ?? "libc");
  return target === undefined ? way : { ...way, sendToTarget: udpSender(target) };
}

function openMethod(method: string): Syslog {
  const [, kind, place = ""] = /^(libc|null|unix|udp)(?::(.+))?$/.exec(method) ?? [];
  if (kind === "libc" && place === "") return { shownPrefix: LIBC_SHOWN, prefix: LIBC_SENT, send: unixSender(LIBC_SOCKET) };
  if (kind === "null" && place === "") return { shownPrefix: "", prefix: "", send: () => undefined };
  if (kind === "unix" && place !== "") return { shownPrefix: "<%B>", prefix: "<%B>", send: unixSender(place) };
  if (kind === "udp" && place !== "") return { shownPrefix: "<%B>", prefix: "<%B>", send: udpSender(place) };
  throw new UsageError(`unsupported syslog method '${method}'`);
}

/** Opens its socket when there is a line to send. */
function unixSender(path: string): SyslogSender {
  let sender: UnixDatagramSender | undefined;
  let isHopeless = false;
  return (line) => {
    if (isHopeless) return;
    try {
      sender ??= new UnixDatagramSender(path);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      isHopeless = true;
      return;
    }
    sender.send(Buffer.from(line));
  };
}

function udpSender(address: string): SyslogSender {
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(address) ?? [];
  if (host === "") throw new UsageError(`${address}: port must be specified`);
  const name = host.replace(/^\[(.*)\]$/, "$1");
  const socket = createSocket(name.includes(":") ? "udp6" : "udp4");
  socket.unref();
  socket.on("error", () => undefined); // the line is lost
  return (line) => socket.send(line, Number(port), name, () => undefined);
}
