/** The commands that stand in for the world outside: frames, links and time, for `ovs-appctl`. */
import { composePacket, ETH_TYPE, FIELDS, getField, IP_PROTO, NW_FRAG } from "@tenet/net";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import { parseOdpFlow } from "../trace/parse-odp-flow.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { readPrefix } from "./route-commands.ts";
import type { WarpClock } from "./warp-clock.ts";

/** What datagrams carry that say nothing of their length: 0, 1, 2, ... */
const PAYLOAD = Uint8Array.from({ length: 64 }, (_, i) => i);
const MANY = 99;
const TCP_SYN_FIN_RST = 7;
const IP_TYPES: ReadonlySet<number> = new Set([ETH_TYPE.ip4, ETH_TYPE.ip6]);
/** Of ICMP, then of ICMPv6. */
const ECHO_TYPES: ReadonlySet<number> = new Set([0, 8, 128, 129]);

/** `netdev-dummy/*` and `time/*`; `work` is done after time was moved. */
export function dummyCommands(vswitch: VirtualSwitch, dummies: DummyPorts, clock: WarpClock, work: () => void): Command[] {
  return [
    command("netdev-dummy/conn-state", "[netdev]", [0, 1], ([name]) => {
      if (name !== undefined) return `${name}: ${stateOf(dummies.isConnected(name))}`;
      const known = dummies.names.filter((each) => dummies.isConnected(each) !== undefined);
      return known.map((each) => `${each}: ${stateOf(dummies.isConnected(each))}`).join("\n");
    }),
    ...[4, 6].map((family) =>
      command(
        `netdev-dummy/ip${family}addr`,
        family === 4 ? "[netdev] ipaddr/mask-prefix-len" : "[netdev] ip6addr",
        [2, 2],
        ([name = "", text = ""]) => {
          if (!dummies.has(name)) throw new ArgumentError("Unknown Dummy Interface");
          vswitch.underlay.addDummyAddress(name, readPrefix(text));
          vswitch.underlayChanged();
          return "OK";
        },
      ),
    ),
    command("netdev-dummy/receive", "name [--qid queue_id] packet|flow [--len packet_len]", [2, MANY], ([name = "", ...rest]) => {
      if (!dummies.has(name)) throw new ArgumentError("no such dummy netdev");
      for (const frame of framesOf(rest)) dummies.receive(name, frame);
      return "";
    }),
    command("netdev-dummy/set-admin-state", "[netdev] up|down", [1, 2], (args) => {
      const state = args.at(-1) ?? "";
      if (state !== "up" && state !== "down") throw new ArgumentError("Invalid Admin State");
      const [name] = args.length === 2 ? args : [];
      if (name !== undefined && !dummies.has(name)) throw new ArgumentError("Unknown Dummy Interface");
      for (const each of name === undefined ? dummies.names : [name]) vswitch.setAdminState(each, state === "up");
      return "OK";
    }),
    command("time/stop", "", [0, 0], () => {
      clock.stop();
      return "";
    }),
    command("time/warp", "[large_msecs] msecs", [1, 2], (args) => {
      const [total = 0, step = total] = args.map(readMs);
      for (let done = 0; done < total; done += step) {
        clock.warp(Math.min(step, total - done));
        work();
      }
      return "warped";
    }),
  ];
}

function stateOf(isConnected: boolean | undefined): string {
  if (isConnected === undefined) return "unknown";
  return isConnected ? "connected" : "disconnected";
}

function readMs(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) === 0) throw new ArgumentError("invalid MSECS");
  return Number(text);
}

/** Packets and flows, each with its options. */
function framesOf(args: readonly string[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--qid") {
      i++;
      continue;
    }
    const hasLength = args[i + 1] === "--len";
    frames.push(frameOf(arg, hasLength ? readMs(args[i + 2] ?? "") : undefined));
    if (hasLength) i += 2;
  }
  return frames;
}

function frameOf(text: string, sizeBytes: number | undefined): Uint8Array {
  const hex = text.replaceAll(/\s/g, "");
  if (/^([0-9a-fA-F]{2}){14,}$/.test(hex)) return Uint8Array.from(Buffer.from(hex, "hex"));
  const key = parseOdpFlow(text)?.key;
  if (key === undefined) throw new ArgumentError(`syntax error at ${text}`);
  const bare = composePacket(key);
  if (sizeBytes === undefined) return composePacket(key, payloadOf(key));
  const grown = composePacket(key, new Uint8Array(Math.max(0, sizeBytes - bare.length)));
  if (grown.length >= sizeBytes) return grown;
  const padded = new Uint8Array(sizeBytes);
  padded.set(grown);
  return padded;
}

/** What is no echo message, segment or datagram carries nothing, nor does a segment that opens or ends a connection. */
function payloadOf(key: Uint32Array): Uint8Array {
  return carries(key) ? PAYLOAD : new Uint8Array(0);
}

function carries(key: Uint32Array): boolean {
  if (!IP_TYPES.has(getField(key, FIELDS.eth_type)) || (getField(key, FIELDS.nw_frag) & NW_FRAG.later) !== 0) return false;
  switch (getField(key, FIELDS.nw_proto)) {
    case IP_PROTO.tcp:
      return (getField(key, FIELDS.tcp_flags) & TCP_SYN_FIN_RST) === 0;
    case IP_PROTO.udp:
      return true;
    case IP_PROTO.icmp:
    case IP_PROTO.icmp6:
      return ECHO_TYPES.has(getField(key, FIELDS.tp_src));
    default:
      return false;
  }
}
