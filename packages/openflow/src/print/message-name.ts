/** What a message is called, by its bytes: an extension is called otherwise than what it stands for. */
import { ProtocolError } from "@tenet/kit";
import { NXT, ONF_SUBTYPE, typeNameOf } from "../wire/message-numbers.ts";
import { VERSION } from "../message.ts";
import { readHead } from "../wire/multipart-head.ts";
import { NICIRA, ONF, OpenFlowError } from "../wire/openflow-error.ts";
import { ByteReader } from "@tenet/wire";
import { HEADER_SIZE } from "../wire/message-frame.ts";

/** Names that are not those of our types. */
const NAMES: Readonly<Record<string, string>> = {
  queueConfigRequest: "QUEUE_GET_CONFIG_REQUEST",
  queueConfigReply: "QUEUE_GET_CONFIG_REPLY",
  bundleAdd: "BUNDLE_ADD_MESSAGE",
  requestForward: "REQUESTFORWARD",
};
const NICIRA_NAMES: Readonly<Record<string, string>> = {
  requestForward: "REQUESTFORWARD",
  setAsync: "SET_ASYNC_CONFIG",
  setAsync2: "SET_ASYNC_CONFIG2",
  flushZone: "CT_FLUSH_ZONE",
  packetIn2: "PACKET_IN2",
};
const MULTIPART_NAMES: Readonly<Record<string, string>> = { meterDesc: "METER_CONFIG" };
const VERSION_NAMES = ["(OF 0x00) ", "", "(OF1.1) ", "(OF1.2) ", "(OF1.3) ", "(OF1.4) ", "(OF1.5) "];

/** Name, version and number of a message: `OFPT_FLOW_MOD (OF1.3) (xid=0x5):`; `bytes` have a header. */
export function messageTitle(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0);
  const versionName = VERSION_NAMES[version] ?? `(OF 0x${version.toString(16).padStart(2, "0")}) `;
  return `${nameOf(view.getUint8(1), version, bytes)} ${versionName}(xid=0x${view.getUint32(4).toString(16)}):`;
}

/** What a message is called (`OFPT_FLOW_MOD`); `undefined` when there is none of its kind. `bytes` have a header. */
export function messageName(bytes: Uint8Array): string | undefined {
  try {
    return nameOf(bytes[1] ?? 0, bytes[0] ?? 0, bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** @throws ProtocolError */
function nameOf(number: number, version: number, bytes: Uint8Array): string {
  const type = typeNameOf(number, version);
  if (type === undefined) throw new OpenFlowError("OFPBRC_BAD_TYPE", `Message type ${number} is not known`);
  const body = new ByteReader(bytes);
  body.skip(HEADER_SIZE);
  if (type === "multipartRequest" || type === "multipartReply") {
    const { kind, isNicira } = readHead(body, version);
    const prefix = isNicira ? (version === VERSION.OF13 ? "ONFST" : "NXST") : "OFPST";
    return `${prefix}_${MULTIPART_NAMES[kind] ?? inCapitals(kind)} ${type === "multipartReply" ? "reply" : "request"}`;
  }
  if (type !== "experimenter") return `OFPT_${NAMES[type] ?? inCapitals(type)}`;
  const [owner, subtype] = [body.u32(), body.u32()];
  if (owner !== NICIRA && owner !== ONF) throw new OpenFlowError("OFPBRC_BAD_VENDOR", `Experimenter ${owner} is not known`);
  const name = findName(owner === NICIRA ? NXT : ONF_SUBTYPE, (each) => each === subtype);
  if (name === undefined) throw new OpenFlowError("OFPBRC_BAD_SUBTYPE", `Experimenter message ${subtype} is not known`);
  return owner === NICIRA ? `NXT_${NICIRA_NAMES[name] ?? inCapitals(name)}` : `ONFT_${NAMES[name] ?? inCapitals(name)}`;
}

function findName(numbers: Readonly<Record<string, number>>, isMeant: (number: number) => boolean): string | undefined {
  return Object.keys(numbers).find((name) => {
    const number = numbers[name];
    return number !== undefined && isMeant(number);
  });
}

/** `groupMod` is `GROUP_MOD`. */
function inCapitals(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
