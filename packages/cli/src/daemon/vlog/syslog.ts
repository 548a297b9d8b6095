/**
 * Log lines over UDP to a syslog daemon, as `--syslog-target` and `--syslog-method=udp:IP:PORT` ask for it.
 *
 * The ways that need a unix datagram socket (`libc`, the default, and `unix:FILE`) are understood and send nothing: node has
 * no such sockets. Who collects logs from files or from standard error has them all.
 */
import { createSocket } from "node:dgram";
import { UsageError } from "../option-table.ts";

/** Takes a line, with its prefix. */
export type SyslogSender = (line: string) => void;

/**
 * @param method - `libc`, `null`, `unix:FILE` or `udp:IP:PORT`
 * @param target - `IP:PORT` to send to besides
 * @throws UsageError
 */
export function openSyslog(method: string | undefined, target: string | undefined): SyslogSender {
  const isKnown = method === undefined || /^(libc|null|unix:.+|udp:.+:\d+)$/.test(method);
  if (!isKnown) throw new UsageError(`unsupported syslog method '${method}'`);
  const addresses = [method?.startsWith("udp:") === true ? method.slice("udp:".length) : undefined, target];
  const wanted = addresses.flatMap((address) => (address === undefined ? [] : [addressOf(address)]));
  if (wanted.length === 0) return () => undefined;
  const socket = createSocket(wanted.some(({ host }) => host.includes(":")) ? "udp6" : "udp4");
  socket.unref();
  socket.on("error", () => undefined); // as with files, a line that cannot be sent is lost
  return (line) => {
    for (const { host, port } of wanted) socket.send(line, port, host, () => undefined);
  };
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", port = ""] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (host === "") throw new UsageError(`${text}: port must be specified`);
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}
