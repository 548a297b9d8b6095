/** Connections that the kernel's program follows, begins and translates while this process looks away. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { addAddress, inNamespace } from "@tenet/linux";
import { CT_STATE, type CtDatapathAction, type CtNat, type DatapathAction, type UserDatapath } from "@tenet/datapath";
import { FIELDS, formatIp4, getField, parseIp4 } from "@tenet/net";
import { KNOWN_NAT, TRACK } from "./ct-actions.ts";
import { matchOf } from "./frames.ts";
import { KernelSwitch, pingFrom } from "./kernel-switch.ts";
import { transfer } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const { mask: MASK } = matchOf({ in_port: 1, recirc_id: 1, eth_type: 1, ct_state: 1 });
const SERVER = "10.98.6.2";
/** What the client is translated to. */
const PUBLIC = "10.98.6.99";
const ZONE = 7;
const IN_ZONE: CtDatapathAction = { ...TRACK, zone: ZONE };

let kernel: KernelSwitch;
let datapath: UserDatapath;
let nUpcalls: number;

function plugHost(name: string, n: number): Promise<number> {
  return kernel.plugHost(name, [`10.98.6.${n}/24`]);
}

/** A firewall: what `a` begins goes through, and answers to it come back. */
function guard(a: number, b: number, commit: Partial<CtDatapathAction> = {}, nat?: CtNat): void {
  const actionsFor = (key: Uint32Array): readonly DatapathAction[] => {
    const isFromA = getField(key, FIELDS.in_port) === a;
    const output: DatapathAction = { type: "output", port: isFromA ? b : a };
    if (getField(key, FIELDS.eth_type) !== 0x0800) return [output];
    if (getField(key, FIELDS.recirc_id) === 0)
      return [
        { ...IN_ZONE, nat },
        { type: "recirc", id: 1 },
      ];
    const state = getField(key, FIELDS.ct_state);
    if ((state & CT_STATE.inv) !== 0) return [];
    if ((state & CT_STATE.est) !== 0) return [output];
    return isFromA ? [{ ...IN_ZONE, nat, isCommit: true, mark: 5, markMask: 0xff, ...commit }, output] : [];
  };
  datapath.onUpcall(({ frame, inPort, key }) => {
    nUpcalls++;
    datapath.putFlow(key, MASK, actionsFor(key));
    datapath.execute(frame, inPort, actionsFor(key));
  });
}

const ping = (): Promise<string> => pingFrom("tkc-a", SERVER);

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
    nUpcalls = 0;
    kernel = new KernelSwitch("tkc-");
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  test("begin, carry data and end while this process looks away, and are listed and forgotten here", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    guard(a, b);
    await kernel.untilInKernel(ping);
    expect(await transfer("tkc-a", "tkc-b", SERVER, 100_000)).toBe(true);
    datapath.conntrack.flush();
    nUpcalls = 0;
    expect(await kernel.lookingAway(() => transfer("tkc-a", "tkc-b", SERVER, 2_000_000))).toBe(true);
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
    guard(a, b, { nat: { ...KNOWN_NAT, side: "src", firstAddress: to, lastAddress: to } }, KNOWN_NAT);
    await kernel.untilInKernel(ping);
    expect(listed(1)).toContainEqual({ from: "10.98.6.1", to: PUBLIC, mark: 5, states: "" });
    expect(await transfer("tkc-a", "tkc-b", SERVER, 100_000)).toBe(true);
    datapath.conntrack.flush();
    expect(await kernel.lookingAway(() => transfer("tkc-a", "tkc-b", SERVER, 2_000_000))).toBe(true);
    // Of the one that was forgotten there may be again what it still had to say.
    expect(listed(6)).toContainEqual(expect.objectContaining({ from: "10.98.6.1", to: PUBLIC }));
  });
});
