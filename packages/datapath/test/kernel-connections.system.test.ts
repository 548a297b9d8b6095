/** Connections that the kernel's program follows, begins and translates while this process looks away. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { addAddress, deleteLeftovers, inNamespace, ReachabilityProber } from "@tenet/linux";
import { CT_STATE, type CtDatapathAction, type CtNat, type DatapathAction, UserDatapath } from "@tenet/datapath";
import { FIELDS, formatIp4, getField, parseIp4 } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { transfer } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 20_000, interval: 10 };
const { mask: MASK } = matchOf({ in_port: 1, recirc_id: 1, eth_type: 1, ct_state: 1 });
const SERVER = "10.98.6.2";
/** What the client is translated to. */
const PUBLIC = "10.98.6.99";
const ZONE = 7;
const TRACK: CtDatapathAction = {
  type: "ct",
  isCommit: false,
  isForce: false,
  zone: ZONE,
  mark: 0,
  markMask: 0,
  label: undefined,
  labelMask: undefined,
  nat: undefined,
};
const ANY_NAT: CtNat = {
  side: undefined,
  firstAddress: undefined,
  lastAddress: undefined,
  firstPort: 0,
  lastPort: 0,
  isPersistent: false,
  portChoice: undefined,
};

let datapath: UserDatapath;
let stop: AbortController;
let nUpcalls: number;

async function plugHost(name: string, n: number): Promise<number> {
  return datapath.addPort({ name: await cableHost(`tkc-${name}`, `10.98.6.${n}/24`), kind: "system" });
}

/** A firewall: what `a` begins goes through, and answers to it come back. */
function guard(a: number, b: number, commit: Partial<CtDatapathAction> = {}, nat?: CtNat): void {
  const actionsFor = (key: Uint32Array): readonly DatapathAction[] => {
    const isFromA = getField(key, FIELDS.in_port) === a;
    const output: DatapathAction = { type: "output", port: isFromA ? b : a };
    if (getField(key, FIELDS.eth_type) !== 0x0800) return [output];
    if (getField(key, FIELDS.recirc_id) === 0)
      return [
        { ...TRACK, nat },
        { type: "recirc", id: 1 },
      ];
    const state = getField(key, FIELDS.ct_state);
    if ((state & CT_STATE.inv) !== 0) return [];
    if ((state & CT_STATE.est) !== 0) return [output];
    return isFromA ? [{ ...TRACK, nat, isCommit: true, mark: 5, markMask: 0xff, ...commit }, output] : [];
  };
  datapath.onUpcall(({ frame, inPort, key }) => {
    nUpcalls++;
    datapath.putFlow(key, MASK, actionsFor(key));
    datapath.execute(frame, inPort, actionsFor(key));
  });
}

async function ping(): Promise<string> {
  const prober = new ReachabilityProber();
  try {
    return (await prober.ping("tkc-a", SERVER)).outcome;
  } finally {
    prober.close();
  }
}

/** Does something while this process looks at no packet. */
async function lookingAway<T>(run: () => Promise<T>): Promise<T> {
  stop.abort();
  try {
    return await run();
  } finally {
    stop = new AbortController();
    datapath.start(stop.signal);
  }
}

/** Until the kernel forwards by itself. */
async function untilInKernel(): Promise<void> {
  await vi.waitFor(async () => {
    await ping();
    expect(await lookingAway(ping)).toBe("reply");
  }, PATIENCE);
}

function listed(proto: number): { from: string; to: string; mark: number; states: string }[] {
  return [...datapath.conntrack.connections(ZONE)]
    .filter((each) => each.proto === proto)
    .map(({ original, reply, mark, tcpStates }) => ({
      from: formatIp4(original.src[0] ?? 0),
      to: formatIp4(reply.dst[0] ?? 0),
      mark,
      states: tcpStates?.join(" ") ?? "",
    }));
}

describe.skipIf(obstacle !== undefined)("connections in the kernel", () => {
  beforeEach(() => {
    deleteLeftovers("tkc-");
    nUpcalls = 0;
    datapath = new UserDatapath({ isKernelUsed: true });
    stop = new AbortController();
    datapath.start(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers("tkc-");
  });

  test("begin, carry data and end while this process looks away, and are listed and forgotten here", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    guard(a, b);
    await untilInKernel();
    expect(await transfer("tkc-a", "tkc-b", SERVER, 100_000)).toBe(true);
    datapath.conntrack.flush();
    nUpcalls = 0;
    expect(await lookingAway(() => transfer("tkc-a", "tkc-b", SERVER, 2_000_000))).toBe(true);
    expect(nUpcalls).toBe(0);
    const [{ states = "", ...connection } = {}, ...others] = listed(6);
    expect(connection).toEqual({ from: "10.98.6.1", to: "10.98.6.1", mark: 5 });
    expect(states).toMatch(/^((ESTABLISHED|CLOSING|FIN_WAIT_2|TIME_WAIT) ?){2}$/); // both have acknowledged
    expect(others).toEqual([]);
    expect(datapath.conntrack.flush({ zone: ZONE })).toBeGreaterThanOrEqual(1);
    expect(datapath.conntrack.size).toBe(0);
  });

  test("can be asked for when the datapath has ended", async () => {
    guard(await plugHost("a", 1), await plugHost("b", 2));
    expect(await ping()).toBe("reply");
    expect(datapath.conntrack.size).toBe(1);
    await datapath[Symbol.asyncDispose]();
    expect([datapath.conntrack.size, [...datapath.conntrack.connections()], datapath.conntrack.flush()]).toEqual([0, [], 0]);
  });

  test("begin with an address that the kernel chose, and are translated both ways, while this process looks away", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    inNamespace("tkc-a", () => addAddress("eth0", `${PUBLIC}/32`)); // so that somebody answers for it
    const to = Uint32Array.of(parseIp4(PUBLIC));
    guard(a, b, { nat: { ...ANY_NAT, side: "src", firstAddress: to, lastAddress: to } }, ANY_NAT);
    await untilInKernel();
    expect(listed(1)).toContainEqual({ from: "10.98.6.1", to: PUBLIC, mark: 5, states: "" });
    expect(await transfer("tkc-a", "tkc-b", SERVER, 100_000)).toBe(true);
    datapath.conntrack.flush();
    expect(await lookingAway(() => transfer("tkc-a", "tkc-b", SERVER, 2_000_000))).toBe(true);
    expect(listed(6)).toMatchObject([{ from: "10.98.6.1", to: PUBLIC }]);
  });
});
