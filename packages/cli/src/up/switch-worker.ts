/** The worker thread that the switch runs in, so that no other task delays an upcall. */
import { parentPort, workerData } from "node:worker_threads";
import { MemoryLink } from "@tenet/datapath";
import { createLogger, messageOf } from "@tenet/kit";
import { runSwitch } from "@tenet/switch";
import type { FromWorker, SwitchWorkerData, ToWorker } from "./switch-thread.ts";

const { database, runDir, isSimulated, datapath, logFile } = workerData as SwitchWorkerData;
const port = parentPort;
if (port === null) throw new Error("The switch worker runs in a worker thread only");
const stop = new AbortController();
const links = new Map<string, MemoryLink>();

/** The cable of a simulated host: its other end is in the parent thread. */
function openMemoryPort(name: string): MemoryLink {
  const link = links.get(name) ?? new MemoryLink();
  links.set(name, link);
  link.onFrame((frame) => send({ name, frame }));
  return link;
}

function send(message: FromWorker): void {
  port?.postMessage(message);
}

port.on("message", (message: ToWorker) => {
  if (message === "stop") stop.abort();
  else links.get(message.name)?.send(message.frame);
});

try {
  const log = createLogger({ file: logFile }).child({ part: "switch" });
  await runSwitch({ database, runDir, isSimulated, datapath, openMemoryPort }, log, stop.signal);
  send({ ended: undefined });
} catch (error) {
  send({ ended: messageOf(error) });
}
port.close();
