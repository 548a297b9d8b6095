/** A load balancer behind a gateway, as OVN has them, while this process looks away: destinations and sources are translated, and answers back. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { closeSocket, openTcpListener, openUdpSocket, receiveDatagram, sendDatagram } from "@tenet/linux";
import { CT_STATE, type CtDatapathAction, type DatapathAction, type UserDatapath } from "@tenet/datapath";
import { FIELDS, formatIp4, formatIp6, getField, makeFlowKey } from "@tenet/net";
import { KNOWN_NAT, TRACK } from "./ct-actions.ts";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { KernelSwitch } from "./kernel-switch.ts";
import { connectFrom, echo } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const SERVED_PORT = 5002;
/** Zones of the gateway's translation of sources and of destinations. */
const [SOURCES, DESTINATIONS] = [7, 8];

interface Network {
  readonly ethType: number;
  readonly prefix: number;
  readonly client: string;
  /** The servers, one after the other. */
  readonly servers: readonly [string, string];
  /** What the client knows them by. */
  readonly shown: string;
  /** What they know the client by. */
  readonly gateway: string;
  /** An address of this network by its last byte. */
  words(lastByte: number): Uint32Array;
}

const NETWORKS: Readonly<Record<4 | 6, Network>> = {
  4: {
    ethType: 0x0800,
    prefix: 24,
    client: "10.98.7.1",
    servers: ["10.98.7.2", "10.98.7.3"],
    shown: "10.98.7.80",
    gateway: "10.98.7.99",
    words: (lastByte) => Uint32Array.of(0x0a62_0700 + lastByte),
  },
  6: {
    ethType: 0x86dd,
    prefix: 64,
    client: "fd98:7::1",
    servers: ["fd98:7::2", "fd98:7::3"],
    shown: "fd98:7::50",
    gateway: "fd98:7::63",
    words: (lastByte) => Uint32Array.of(0xfd98_0007, 0, 0, lastByte),
  },
};

/** What flows look at. */
const WORDS = { in_port: 1, recirc_id: 1, eth_type: 1, ct_state: 1, nw_proto: 1 };
const UNTRANSLATE_SOURCE: CtDatapathAction = { ...TRACK, zone: SOURCES, nat: KNOWN_NAT };
const UNTRANSLATE_DESTINATION: CtDatapathAction = { ...TRACK, zone: DESTINATIONS, nat: KNOWN_NAT };

let kernel: KernelSwitch;
let datapath: UserDatapath;

/** The gateway between the client's port and the servers'. */
function route(client: number, servers: number, { ethType, words }: Network): void {
  const [first, last, own] = [words(2), words(3), words(99)];
  const balance = {
    ...KNOWN_NAT,
    side: "dst",
    firstAddress: first,
    lastAddress: last,
    firstPort: SERVED_PORT,
    lastPort: SERVED_PORT,
  } as const;
  const hide = { ...KNOWN_NAT, side: "src", firstAddress: own, lastAddress: own, firstPort: 20_000, lastPort: 20_999 } as const;
  const actionsFor = (key: Uint32Array): readonly DatapathAction[] => {
    const isClient = getField(key, FIELDS.in_port) === client;
    const output: DatapathAction = { type: "output", port: isClient ? servers : client };
    const isNew = (getField(key, FIELDS.ct_state) & CT_STATE.new) !== 0;
    if ((getField(key, FIELDS.ct_state) & CT_STATE.inv) !== 0) return [];
    switch (getField(key, FIELDS.recirc_id)) {
      case 0:
        return [UNTRANSLATE_SOURCE, { type: "recirc", id: 1 }];
      case 1:
        return [UNTRANSLATE_DESTINATION, { type: "recirc", id: 2 }];
      case 2:
        if (!isClient) return isNew ? [] : [output];
        return [...(isNew ? [{ ...UNTRANSLATE_DESTINATION, isCommit: true, nat: balance }] : []), { type: "recirc", id: 3 }];
      default:
        return [{ ...UNTRANSLATE_SOURCE, isCommit: true, nat: hide }, output];
    }
  };
  const [mask, withType] = [WORDS, { ...WORDS, tp_src: 1 }].map((fields) => matchOf(fields).mask);
  datapath.onUpcall(({ frame, inPort, key }) => {
    const isIcmp6 = getField(key, FIELDS.eth_type) === 0x86dd && getField(key, FIELDS.nw_proto) === 58;
    const isNeighbours = isIcmp6 && [135, 136].includes(getField(key, FIELDS.tp_src));
    const isTracked = getField(key, FIELDS.eth_type) === ethType && !isNeighbours;
    const actions: readonly DatapathAction[] = isTracked
      ? actionsFor(key)
      : [{ type: "output", port: inPort === client ? servers : client }];
    datapath.putFlow(key, (isIcmp6 ? withType : mask) ?? makeFlowKey(), actions);
    datapath.execute(frame, inPort, actions);
  });
}

/** What the client gets from somebody who sends all back, as it knows him. */
async function echoed(address: string, data: Uint8Array): Promise<boolean> {
  const sent = createHash("sha256").update(data).digest("hex");
  return (await echo(await connectFrom("tkg-a", address), data)) === sent;
}

/** What becomes of a datagram that nobody wants: `ECONNREFUSED` when the error comes back. */
async function refusal(address: string): Promise<string | undefined> {
  const { fd } = openUdpSocket("tkg-a", address, 9);
  try {
    sendDatagram(fd, Uint8Array.of(1));
    return await vi.waitFor(() => {
      const received = receiveDatagram(fd, new Uint8Array(9));
      expect(received).not.toEqual({ errno: "EAGAIN" });
      return typeof received === "number" ? undefined : received.errno;
    }, PATIENCE);
  } finally {
    closeSocket(fd);
  }
}

function listed(zone: number, proto: number): string[] {
  const text = (address: Uint32Array): string => {
    if (address.length === 1) return formatIp4(address[0] ?? 0);
    return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => (address[i >> 2] ?? 0) >>> (24 - 8 * (i & 3))));
  };
  return [...datapath.conntrack.connections(zone)]
    .filter((each) => each.proto === proto)
    .map(({ original, reply }) => `${text(original.src)} ${text(original.dst)} ${text(reply.src)} ${text(reply.dst)}`);
}

describe.skipIf(obstacle !== undefined)("a gateway in the kernel", () => {
  beforeEach(() => {
    kernel = new KernelSwitch("tkg-");
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  test.each([4, 6] as const)(
    "balances and hides new connections over IPv%i, with their data and errors both ways",
    async (family) => {
      const network = NETWORKS[family];
      const { client, servers, shown, gateway, prefix } = network;
      // Hosts send from the first of their addresses of IPv4, and from the last of IPv6.
      const own = family === 4 ? [client, gateway] : [gateway, client];
      const a = await cableHost("tkg-a", ...own.map((address) => `${address}/${prefix}`));
      const b = await cableHost("tkg-b", ...[...servers, shown].map((address) => `${address}/${prefix}`));
      const [clientPort, serverPort] = [a, b].map((name) => datapath.addPort({ name, kind: "system" }));
      route(clientPort ?? 0, serverPort ?? 0, network);
      const listener = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
      listener.listen({ fd: openTcpListener("tkg-b", family === 4 ? "0.0.0.0" : "::", SERVED_PORT) });
      try {
        await vi.waitFor(async () => expect(await echoed(shown, randomBytes(100))).toBe(true), PATIENCE);
        expect(await refusal(shown)).toBe("ECONNREFUSED");
        await vi.waitFor(() => expect(datapath.stats().kernel?.nFlows).toBe(datapath.stats().nFlows), PATIENCE);
        datapath.conntrack.flush();
        const before = datapath.stats();
        await kernel.lookingAway(async () => {
          expect(await echoed(shown, randomBytes(2_000_000))).toBe(true);
          expect(await refusal(shown)).toBe("ECONNREFUSED");
        });
        const { misses, hits } = datapath.stats();
        expect(misses).toBe(before.misses);
        expect(hits).toBeGreaterThan(before.hits + 100); // of the kernel's flows
      } finally {
        listener.close();
      }
      for (const proto of [6, 17]) {
        const [balanced = "", ...others] = listed(DESTINATIONS, proto);
        expect([balanced.split(" ").slice(0, 2), others]).toEqual([[client, shown], []]);
        const server = balanced.split(" ")[2] ?? "";
        expect(servers).toContain(server);
        expect(listed(SOURCES, proto)).toEqual([`${client} ${server} ${server} ${gateway}`]);
      }
    },
  );
});
