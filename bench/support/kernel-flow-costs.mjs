/** What the two datapaths alone take for a flow that is put, and for statistics of all, in this process. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserDatapath } from "@tenet/datapath";
import { FIELDS, fieldOnes, makeFlowKey, setField } from "@tenet/net";

const MATCHED = ["in_port", "eth_type", "nw_proto", "tp_src", "tp_dst"].map((name) => FIELDS[name]);
const N_PORTS = 50_000;
/** Flows share their lists, as those of a switch do. */
const NO_ACTIONS = [];
/** The kernel's memory grows between turns. */
const FLOWS_PER_TURN = 512;
const TURN_MS = 10;
/** Flows that found no room come to the kernel with its next program. */
const WAIT_MS = 100;
const MAX_WAITS = 50;

/** CPU time of each put in µs and of a look at the statistics of all in ms, of `ebpf` and `user`. */
export async function kernelFlowCosts(nFlows) {
  const put = [];
  const dump = [];
  for (const isKernelUsed of [true, false]) {
    const datapath = new UserDatapath({ isKernelUsed });
    const mask = makeFlowKey();
    for (const field of MATCHED) setField(mask, field, Number(fieldOnes(field)));
    const key = makeFlowKey();
    let putMs = 0;
    for (let i = 0; i < nFlows; i += FLOWS_PER_TURN) {
      putMs += timed(() => {
        for (let flow = i; flow < Math.min(i + FLOWS_PER_TURN, nFlows); flow++) {
          const values = [1, 0x0800, 17, 1024 + (flow % N_PORTS), 9 + Math.floor(flow / N_PORTS)];
          for (const [at, field] of MATCHED.entries()) setField(key, field, values[at]);
          datapath.putFlow(key, mask, NO_ACTIONS);
        }
      });
      await sleep(TURN_MS);
    }
    for (let waits = 0; isKernelUsed && datapath.stats().kernel.nFlows < nFlows; waits++) {
      if (waits === MAX_WAITS) throw new Error(`${nFlows - datapath.stats().kernel.nFlows} flows are not in the kernel`);
      await sleep(WAIT_MS);
    }
    put.push((putMs * 1000) / nFlows);
    dump.push(Math.min(...Array.from({ length: 3 }, () => timed(() => readAll(datapath)))));
    await datapath[Symbol.asyncDispose]();
  }
  return { put, dump };
}

/** What a revalidator looks at. */
function readAll(datapath) {
  let sum = 0;
  for (const flow of datapath.flows()) sum += flow.nPackets + flow.nBytes + flow.usedMs + flow.tcpFlags;
  if (Number.isNaN(sum)) throw new Error("a counter is no number");
}

/** CPU time in ms. */
function timed(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
