/** The choice of asynchronous messages: pairs of masks before OpenFlow 1.4, properties since. */
import type { ByteReader } from "@tenet/wire";
import type { AsyncMask, AsyncMasks } from "../message.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { properties } from "./port-wire.ts";

/** Bits of each kind of asynchronous message that have a meaning. */
const ASYNC_BITS = [0x3f, 7, 0x3f, 7, 0x18, 3] as const;

/** Reads the pairs of masks. @throws TruncatedError */
export function readAsync(body: ByteReader): AsyncMasks {
  const pair = (): [number, number] => [body.u32(), body.u32()];
  return { packetIn: pair(), portStatus: pair(), flowRemoved: pair() };
}

/** Reads properties; odd types are for a master, even ones for a slave. @throws OpenFlowError, TruncatedError */
export function readAsyncProperties(body: ByteReader): AsyncMasks {
  const masks = Array.from({ length: 6 }, (): [number | undefined, number | undefined] => [undefined, undefined]);
  for (const { type, value } of properties(body)) {
    const pair = masks[type >>> 1];
    if (pair === undefined) throw new OpenFlowError("OFPACFC_UNSUPPORTED", `Asynchronous messages have no property ${type}`);
    if (value.remaining !== 4) throw new OpenFlowError("OFPBPC_BAD_LEN", "A property of asynchronous messages has four bytes");
    const bits = value.u32();
    if ((bits & ~(ASYNC_BITS[type >>> 1] ?? 0)) !== 0) {
      throw new OpenFlowError("OFPACFC_INVALID", `Property ${type} of asynchronous messages cannot be ${bits}`);
    }
    pair[type % 2 === 1 ? 0 : 1] = bits;
  }
  const none: AsyncMask = [undefined, undefined];
  const [packetIn = none, portStatus = none, flowRemoved = none, ...later] = masks;
  const names = ["roleStatus", "tableStatus", "requestForward"] as const;
  const given = names
    .map((name, i) => [name, later[i] ?? none] as const)
    .filter(([, pair]) => pair.some((mask) => mask !== undefined));
  return { packetIn, portStatus, flowRemoved, ...Object.fromEntries(given) };
}
